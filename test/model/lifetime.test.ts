import { describe, expect, test } from 'vitest'

import { lifetimeMs, MAX_LIFETIME_MS, momentMs } from '../../src/model/lifetime.ts'

const now = Date.UTC(2026, 0, 1)

test('the longest lifetime is ten years', () => {
  expect(lifetimeMs(1e12)).toBe(MAX_LIFETIME_MS)
  expect(MAX_LIFETIME_MS / 86_400_000 / 365).toBe(10)
})

test('lifetimes are whole milliseconds', () => {
  expect(lifetimeMs(0.0004)).toBe(0)
  expect(lifetimeMs(1.0006)).toBe(1001)
})

describe('dates as libraries and databases print them', () => {
  test.each([
    ['2026-01-01T01:00:00Z', 3_600_000],
    ['2026-01-01T01:00:00.5Z', 3_600_500],
    ['2026-01-01T01:00:00.123456789Z', 3_600_123],
    ['2026-01-01t01:00:00z', 3_600_000],
    ['2026-01-01 01:00:00', 3_600_000],
    ['2026-01-01T01:00:00.123456', 3_600_123],
    ['2026-01-01 01:00:00 UTC', 3_600_000],
    ['2026-01-01 01:00:00.000 +00:00', 3_600_000],
    ['2026-01-01 02:00:00+01', 3_600_000],
    ['2026-01-01 02:00:00+0100', 3_600_000],
    ['2025-12-31T20:00:00-05:00', 3_600_000],
    ['2026-01-01T01:00Z', 3_600_000],
    [' 2026-01-01 ', 0],
  ])('%s', (text, offset) => {
    expect(momentMs(text, now)).toBe(now + offset)
  })
})

describe('texts that are no dates', () => {
  test.each([
    '2026-01',
    '2026-02-30T99:00:00Z',
    '1 January 2026',
    '2026-01-01T00:00:00 CET',
    '12/31/2026',
    'never',
    '',
  ])('%s', (text) => {
    expect(momentMs(text, now)).toBe(undefined)
  })
})

test('numbers are seconds, or milliseconds when they are too large for seconds, unless the unit is known', () => {
  expect(momentMs(1_767_225_600, 0)).toBe(Math.min(1_767_225_600_000, MAX_LIFETIME_MS))
  expect(momentMs(now / 1000, now)).toBe(now)
  expect(momentMs(now, now)).toBe(now)
  expect(momentMs(1e11 - 1, 1e14)).toBe(1e14 - 1_000)
  expect(momentMs(1e11, 1e14)).toBe(1e11)
  expect(momentMs(5000, now, 'milliseconds')).toBe(5000)
  expect(momentMs(5000, now, 'seconds')).toBe(5_000_000)
})

test("Go's zero time is no expiry, and a time before 1970 is over", () => {
  expect(momentMs('0001-01-01T00:00:00Z', now)).toBe(undefined)
  expect(momentMs(new Date('0001-01-01T00:00:00Z'), now)).toBe(undefined)
  expect(momentMs('1969-12-31T00:00:00Z', now)).toBe(0)
})
