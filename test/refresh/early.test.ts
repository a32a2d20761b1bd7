import { expect, test } from 'vitest'
import { memoryStore } from '../../src/stores/memory.ts'
import { fakeClock } from '../../src/testing/fake-clock.ts'
import { json } from './fake-server.ts'
import { claimedElsewhere, connected, HOUR, settled, world, wrapStore } from './setup.ts'

/** A process whose token is early, and how often it has claimed so far. */
async function early(answer: () => Response) {
  const clock = fakeClock()
  let claims = 0
  const store = wrapStore(memoryStore({ clock }), (operation, real) => {
    if (operation === 'claim') claims += 1
    return real()
  })
  const { process, server } = world({ clock, store })
  const grants = process()
  await connected(grants, server, clock, HOUR)
  await clock.advance(HOUR - 200_000)
  server.faults.push({ answer })
  const session = grants.session('acme', 'f')
  const callFor = async (seconds: number): Promise<void> => {
    for (let second = 0; second < seconds; second += 1) {
      expect((await settled(clock, session.token())).accessToken).toBe('at-f-0')
      await clock.advance(1000)
    }
  }
  return { callFor, claims: () => claims, clock, server, session }
}

test('an early refresh that the provider postponed is not tried again before its time: no call costs a claim', async () => {
  const { callFor, claims, clock, server, session } = await early(() => json({}, 503, { 'retry-after': '60' }))
  await callFor(55)
  expect(server.requests).toHaveLength(1)
  expect(claims()).toBe(1)
  await clock.advance(6000)
  await settled(clock, session.token())
  await clock.advance(100)
  expect((await session.token()).accessToken).toBe('at-f-1')
  expect(claims()).toBe(2)
})

test('without a time from the provider, an early refresh that failed is tried again after the back-off, and not before a second', async () => {
  const { claims, clock, server, session } = await early(() => json({}, 503))
  for (let call = 0; call < 20; call += 1) {
    expect((await settled(clock, session.token())).accessToken).toBe('at-f-0')
    await clock.advance(30)
  }
  expect(claims()).toBe(1)
  await clock.advance(1000)
  await settled(clock, session.token())
  await clock.advance(100)
  expect((await session.token()).accessToken).toBe('at-f-1')
  expect(server.requests).toHaveLength(2)
})

test('a refresh token that a crashed process may have sent is sent again only when the access token is about to expire', async () => {
  const { clock, process, server, store } = world()
  const session = await connected(process(), server, clock, HOUR)
  await clock.advance(HOUR - 200_000)
  await claimedElsewhere(store)
  for (let seconds = 0; seconds < 180; seconds += 10) {
    expect((await session.token()).accessToken).toBe('at-f-0')
    await clock.advance(10_000)
  }
  expect(server.requests).toHaveLength(0)
  await clock.advance(12_000)
  expect((await settled(clock, session.token())).accessToken).toBe('at-f-1')
})

test('where a repeat is harmless, a refresh token that may have been sent is sent again early', async () => {
  const { clock, process, server, store } = world({ refresh: { rotates: false } })
  server.rotate = false
  const session = await connected(process(), server, clock, HOUR)
  await clock.advance(HOUR - 200_000)
  await claimedElsewhere(store)
  for (let seconds = 0; seconds < 60; seconds += 10) {
    await session.token()
    await clock.advance(10_000)
  }
  expect(server.requests).toHaveLength(1)
})

test('an early refresh does not wait for another process, because no caller waits for it', async () => {
  const { clock, process, server, store } = world()
  const grants = process()
  const session = await connected(grants, server, clock, HOUR)
  await clock.advance(HOUR - 200_000)
  await claimedElsewhere(store)
  await session.token()
  await clock.advance(10)
  const began = clock.now()
  await settled(clock, grants.close())
  expect(clock.now() - began).toBeLessThan(1000)
})
