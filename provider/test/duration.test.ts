import { expect, test } from 'vitest'
import { formatDuration, parseDuration } from '../src/cli/duration.ts'

test.for([
  ['500ms', 500],
  ['60s', 60_000],
  ['1.5s', 1500],
  ['5m', 300_000],
  ['1h', 3_600_000],
  ['2d', 172_800_000],
  ['0s', 0],
  ['60', undefined],
  ['-1s', undefined],
  ['1 s', undefined],
  ['s', undefined],
  ['1w', undefined],
] as const)('%s is %s milliseconds', ([text, ms]) => {
  expect(parseDuration(text)).toBe(ms)
})

test.for([
  [60_000, '1m'],
  [90_000, '90s'],
  [1500, '1500ms'],
  [172_800_000, '2d'],
  [0, '0ms'],
] as const)('%s milliseconds are written %s', ([ms, text]) => {
  expect(formatDuration(ms)).toBe(text)
})
