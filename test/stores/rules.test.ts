import { expect, test } from 'vitest'

import { NOISE_MS, withoutFuture } from '../../src/stores/rules.ts'
import { SetBacks } from '../../src/stores/set-backs.ts'
import type { GrantRecord } from '../../src/stores/store.ts'

const NOW = 1_000_000_000

const record = (more: Partial<GrantRecord>): GrantRecord => ({
  key: { client: 'c', subject: 's', account: '' },
  id: '1',
  version: 1,
  schema: 1,
  issuer: 'i',
  clientId: 'c',
  state: 'active',
  sealed: 'x',
  renewable: true,
  createdAt: NOW,
  updatedAt: NOW,
  ...more,
})

/** A record whose moments were written by a clock that was so far ahead. */
const writtenBy = (aheadMs: number): GrantRecord => {
  const at = NOW + aheadMs
  return record({
    lease: { owner: 'o', until: at + 15_000, leaseMs: 15_000 },
    intent: {
      startedAt: at,
      sendBefore: at + 5000,
      sendWithinMs: 5000,
      attempt: 1,
      hash: 'h',
      open: true,
      everUnknown: false,
    },
    failures: { code: 'x', count: 1, firstAt: at, lastAt: at, notBefore: at + 2000, mandatory: true },
  })
}

test('two processes with different times are no sign of a clock that was set back', () => {
  for (const aheadMs of [-3_600_000, 0, 1, NOISE_MS]) {
    const written = writtenBy(aheadMs)
    expect(withoutFuture(written, NOW)).toBe(written)
  }
  const { failures, intent, lease } = withoutFuture(writtenBy(NOISE_MS + 1), NOW)
  expect([lease?.until, intent?.startedAt, intent?.sendBefore]).toEqual([NOW + 15_000, 0, NOW + 5000])
  expect(failures).toMatchObject({ firstAt: NOW, lastAt: NOW, notBefore: NOW + 2000 })
})

test('a clock is set back by what it lacks of the time that has passed', () => {
  const clock = { at: 0, monotonic: (): number => clock.at }
  const setBacks = new SetBacks(clock)
  expect(setBacks.noticed(0, NOW)).toBe(0)
  clock.at = 60_000
  expect(setBacks.noticed(60_000, NOW + 30_000)).toBe(30_000)
  clock.at = 70_000
  expect(setBacks.noticed(70_000, NOW + 40_000 - NOISE_MS)).toBe(0)
  // The response took two seconds, and the clock was read in between.
  clock.at = 92_000
  expect(setBacks.noticed(90_000, NOW + 60_000 - NOISE_MS)).toBe(0)
})
