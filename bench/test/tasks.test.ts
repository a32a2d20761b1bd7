import { expect, test } from 'vitest'

import { labelled, type LibraryName } from '../src/libraries/index.ts'
import { task as refreshTask, type RefreshOrder } from '../src/tasks/refresh-task.ts'
import { task as requestTask } from '../src/tasks/request-task.ts'
import { realisticRecord, task as sealTask } from '../src/tasks/seal-task.ts'
import type { task as tokenTask } from '../src/tasks/token-task.ts'
import { runTask } from '../src/workers/worker-process.ts'
import type { task as allocating } from './allocating-task.ts'
import { server } from './setup.ts'

async function order(ageS: number, own: LibraryName = 'evergrant-memory'): Promise<RefreshOrder> {
  const { place } = await server({ lifetimeS: 60 })
  const sizes = [{ concurrency: 2, calls: 3, pairs: 1 }]
  return { base: 'bare-fetch', own, server: place, ageS, file: ':memory:', sizes }
}

test.each(labelled('refresh').map(({ name }) => name))('each call of %s redeems one refresh token', async (own) => {
  const { commits, comparisons } = await refreshTask(await order(120, own))
  expect(comparisons).toHaveLength(1)
  expect(comparisons[0]?.ratio).toBeGreaterThan(0)
  expect(commits).toBeUndefined()
})

test('the first refreshes of a process are measured before those that warm it up', async () => {
  const before = { cold: { calls: 5, concurrency: 2 }, warmUp: { calls: 4, concurrency: 2 } }
  expect(await refreshTask({ ...(await order(120)), before })).toMatchObject({ cold: { calls: 5 } })
})

test('calls that redeem nothing, because their tokens are fresh, are no refreshes', async () => {
  await expect(refreshTask(await order(0))).rejects.toThrow(
    'Expected evergrant-memory to redeem 24 refresh tokens, got 12',
  )
})

test.each(labelled('request').map(({ name }) => name))('each call of %s is a GET that is authorised', async (own) => {
  const started = await server()
  const sizes = [{ concurrency: 2, calls: 2, pairs: 1 }]
  const token = await started.logIn('fresh')
  await requestTask({ base: 'bare-fetch', own, server: started.place, token, sizes, alone: 0 })
  expect(await started.stats()).toMatchObject({ resourceRequests: 16, unauthorized: 0, tokenRequests: 0 })
})

test.each(labelled('token').map(({ name }) => name))(
  '%s returns its token in a process beside the floor',
  async (own) => {
    const order = { floor: 'bare-fetch', own, floorCalls: 50, ownCalls: 20, pairs: 1 } as const
    const module = new URL('../src/tasks/token-task.ts', import.meta.url)
    // So few calls don't stand out from what else happens on the heap: only that they work can be seen.
    const { bytes, kind, ns } = await runTask<typeof tokenTask>(module, order)
    const expected = own === 'simple-oauth2' ? 'value' : 'promise'
    expect([kind, Number.isFinite(bytes), Number.isFinite(ns)]).toEqual([expected, true, true])
  },
)

test('bytes are counted also where they are collected during the measurement', async () => {
  const measure = (objects: number) =>
    runTask<typeof allocating>(new URL('./allocating-task.ts', import.meta.url), { objects, elements: 100 })
  // An array of 100 elements: a pointer or eight bytes each, and its headers.
  const { bytes: few } = await measure(1_000)
  const { bytes: many } = await measure(20_000)
  expect(many / few).toBeGreaterThan(18)
  expect(many / few).toBeLessThan(22)
  expect(few / 1_000).toBeGreaterThanOrEqual(400)
  expect(few / 1_000).toBeLessThan(1_200)
})

test('what is sealed has the size of a Google token', () => {
  const { length } = realisticRecord()
  expect(length > 1_400 && length < 1_600).toBe(true)
  expect(realisticRecord()).not.toBe(realisticRecord())
})

test('more calls than grants take the grants in turn: another one would not open', async () => {
  const size = { calls: 5, concurrency: 2, pairs: 1 }
  const { comparisons } = await sealTask({ base: 'jose', own: 'evergrant-seal', grants: 3, size })
  expect(Math.min(...comparisons.map(({ perSecond }) => perSecond))).toBeGreaterThan(0)
})
