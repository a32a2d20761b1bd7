import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { StoreClock } from '../../src/refresh/store-clock.ts'
import { makeToken } from '../../src/model/token.ts'

/** A machine whose clock is behind the store's by `aheadMs`, with a delay on both ways. */
function machine(aheadMs: number) {
  let now = 1_000_000_000_000
  const clock = { now: () => now, monotonic: () => now }
  const storeClock = new StoreClock(clock)
  return {
    storeClock,
    now: () => now,
    storeNow: () => now + aheadMs,
    answered: (thereMs: number, backMs: number) =>
      storeClock.ask(async () => {
        now += thereMs
        const answer = { now: now + aheadMs }
        now += backMs
        return answer
      }),
  }
}

const ways = fc.array(fc.tuple(fc.nat(9000), fc.nat(9000)), { minLength: 1, maxLength: 5 })
const offset = fc.integer({ min: -7_200_000, max: 7_200_000 })

test('the expiry of a token is never too late, whether read from the store or written, however long the responses took', async () => {
  await fc.assert(
    fc.asyncProperty(offset, ways, async (aheadMs, answers) => {
      const { answered, now, storeClock, storeNow } = machine(aheadMs)
      for (const [there, back] of answers) await answered(there, back)
      const noise = 1000
      const endAtStore = storeNow() + 60_000
      expect(storeClock.toLocal(endAtStore)).toBeLessThanOrEqual(now() + 60_000 + noise)
      expect(storeClock.toStore(now() + 60_000)).toBeLessThanOrEqual(endAtStore + noise)
      const token = makeToken({ accessToken: 'a', receivedAt: now(), expiresAt: now() + 60_000 })
      expect(storeClock.tokenToStore(token).expiresAt).toBe(storeClock.toStore(now() + 60_000))
      const stored = makeToken({ accessToken: 'a', receivedAt: storeNow(), expiresAt: endAtStore })
      expect(storeClock.tokenToLocal(stored).expiresAt).toBe(storeClock.toLocal(endAtStore))
      // And no earlier than the uncertainty of the quickest response.
      const doubtMs = Math.min(...answers.map(([there, back]) => there + back)) + noise
      expect(storeClock.toLocal(endAtStore)).toBeGreaterThanOrEqual(now() + 60_000 - doubtMs)
      expect(storeClock.toStore(now() + 60_000)).toBeGreaterThanOrEqual(endAtStore - doubtMs)
    }),
    { seed: 1, numRuns: 300 },
  )
})

test('the doubt of a slow response shortens a token’s validity by all of the time that the response took', async () => {
  const { answered, now, storeClock, storeNow } = machine(600_000)
  await answered(0, 4000)
  expect(storeClock.toStore(now())).toBe(storeNow() - 4000)
  expect(storeClock.toLocal(storeNow())).toBe(now())
  const other = machine(600_000)
  await other.answered(4000, 0)
  expect(other.storeClock.toStore(other.now())).toBe(other.storeNow())
  expect(other.storeClock.toLocal(other.storeNow())).toBe(other.now() - 4000)
})

test.for([-19_000, 19_000])(
  'a clock that is set by %i ms while a slow response is in flight makes the known time doubtful',
  async (setMs) => {
    let elapsed = 0
    let setBy = 0
    const start = 1_000_000_000_000
    const storeClock = new StoreClock({ now: () => start + elapsed + setBy, monotonic: () => elapsed })
    await storeClock.ask(async () => ({ now: start }))
    expect(storeClock.toLocal(start + 60_000)).toBe(start + 60_000)
    await storeClock.ask(async () => {
      const answer = { now: start + elapsed }
      elapsed = 45_000
      setBy = setMs
      return answer
    })
    // Truly, that is `setMs` later by this machine's clock now; it may be taken to be earlier, never later.
    expect(storeClock.toLocal(start + 60_000)).toBeLessThanOrEqual(start + 60_000 + setMs)
    expect(storeClock.toStore(start + elapsed + setMs)).toBeLessThanOrEqual(start + elapsed)
  },
)
