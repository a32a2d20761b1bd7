import { expect, test } from 'vitest'

import { memoryStore } from '../../src/stores/memory.ts'
import type { ClaimRequest, GrantStore } from '../../src/stores/store.ts'
import { fakeClock } from '../../src/testing/index.ts'
import { key } from './records.ts'

const grant = { id: '1', schema: 1, issuer: 'i', clientId: 'c', state: 'active', sealed: 'x', renewable: true } as const
const SETTLE_MS = 15_000
const request: ClaimRequest = {
  id: '1',
  version: 1,
  owner: 'first',
  leaseMs: 5000,
  settleMs: SETTLE_MS,
  intent: { hash: 'h', sendWithinMs: 1000 },
}

/** A claim at time 0 whose request has no result. Its lease ends after 5 s, and its settle time after 16 s. */
async function unheard(): Promise<{ store: GrantStore; clock: ReturnType<typeof fakeClock>; began: number }> {
  const clock = fakeClock()
  const store = memoryStore({ clock })
  await store.put(key, grant)
  await store.claim(key, request)
  return { store, clock, began: clock.now() }
}

const successor = (repeatWithinMs?: number): ClaimRequest => ({ ...request, owner: 'second', repeatWithinMs })

test('a provider that forgives a repeat for ten seconds is asked again after the lease and within them', async () => {
  const { store, clock } = await unheard()
  expect(await store.claim(key, successor(10_000))).toMatchObject({ outcome: 'busy', waitMs: 5000, leaseMs: 5000 })
  await clock.advance(5000)
  expect(await store.claim(key, successor(10_000))).toMatchObject({ outcome: 'claimed', takeover: true })
})

test('a refresh token is sent again in the last millisecond of the ten seconds, and not in the next', async () => {
  for (const [after, outcome] of [
    [9999, 'claimed'],
    [10_000, 'busy'],
  ] as const) {
    const { store, clock } = await unheard()
    await clock.advance(after)
    expect(await store.claim(key, successor(10_000))).toMatchObject({ outcome })
  }
})

test('where the ten seconds have passed, or were never given, no refresh token is sent again before the settle time', async () => {
  for (const repeatWithinMs of [undefined, 0, 5000, 10_000]) {
    const { store, clock } = await unheard()
    await clock.advance(12_000)
    expect(await store.claim(key, successor(repeatWithinMs))).toMatchObject({
      outcome: 'busy',
      waitMs: 4000,
      leaseMs: 0,
    })
    await clock.advance(4000)
    expect(await store.claim(key, successor(repeatWithinMs))).toMatchObject({ outcome: 'claimed', takeover: true })
  }
})

test('a clock that was set back to before the first request proves nothing of the provider’s ten seconds', async () => {
  const { store, clock, began } = await unheard()
  await clock.advance(5000)
  clock.set(began - 60_000)
  const answer = await store.claim(key, successor(10_000))
  expect(answer).toMatchObject({ outcome: 'busy' })
  // The lease's and the settle time's own lengths, however far the clock was set.
  await clock.advance(76_000)
  expect(await store.claim(key, successor(10_000))).toMatchObject({ outcome: 'claimed', takeover: true })
})

test('a clock that was set back proves nothing of the ten seconds where the lease was released already', async () => {
  const { store, clock, began } = await unheard()
  await store.release(key, { owner: 'first', spent: 'unknown' })
  expect(await store.claim(key, successor(10_000))).toMatchObject({ outcome: 'claimed' })
  await store.release(key, { owner: 'second', spent: 'unknown' })
  clock.set(began - 60_000)
  expect(await store.claim(key, { ...successor(10_000), owner: 'third' })).toMatchObject({
    outcome: 'busy',
    leaseMs: 0,
  })
})
