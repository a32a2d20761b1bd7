import { expect, test } from 'vitest'
import type { Backend, Found, Write } from '../../src/stores/backend.ts'
import { storeOver } from '../../src/stores/index.ts'
import { fakeClock } from '../../src/testing/fake-clock.ts'
import { MapBackend } from '../stores/map-backend.ts'
import { connected, HOUR, key, settled, world } from './setup.ts'

/** A backend that writes down each trip to it. */
class CountedBackend extends MapBackend {
  readonly trips: string[] = []

  override async read(name: string): Promise<Found> {
    this.trips.push('read')
    return super.read(name)
  }

  override async swap(name: string, from: string | undefined, to: string, write: Write): ReturnType<Backend['swap']> {
    this.trips.push('swap')
    return super.swap(name, from, to, write)
  }

  override async due(request: Parameters<Backend['due']>[0]): ReturnType<Backend['due']> {
    const due = await super.due(request)
    if (due.rows.length > 0) this.trips.push('due')
    return due
  }
}

function countedWorld() {
  const clock = fakeClock()
  const backend = new CountedBackend(clock.now)
  return { backend, ...world({ clock, store: storeOver(backend, { clock }) }) }
}

test('a refresh is three trips to the database: read, swap, swap', async () => {
  const { backend, clock, process, server } = countedWorld()
  const grants = process()
  await connected(grants, server, clock)
  backend.trips.length = 0
  expect((await settled(clock, grants.session('acme', 'f').refresh())).accessToken).toBe('at-f-1')
  expect(backend.trips).toEqual(['read', 'swap', 'swap'])
  backend.trips.length = 0
  await settled(clock, grants.session('acme', 'f').refresh())
  expect(backend.trips).toEqual(['read', 'swap', 'swap'])
})

test('a refresh by the worker is three trips to the database: due, swap, swap', async () => {
  const { backend, clock, process, server } = countedWorld()
  await connected(process(), server, clock)
  await clock.advance(0.99 * HOUR)
  backend.trips.length = 0
  const worker = process().keepFresh()
  await clock.advance(3000)
  expect(worker.stats().refreshed).toBe(1)
  expect(backend.trips).toEqual(['due', 'swap', 'swap'])
  const stopped = worker.stop()
  await clock.advance(60_000)
  await stopped
})

test('a refresh that fails is three trips to the database: read, swap, and the swap that releases the lease', async () => {
  const { backend, clock, process, server, store } = countedWorld()
  const grants = process()
  await connected(grants, server, clock)
  backend.trips.length = 0
  server.faults.push({ answer: () => new Response('', { status: 503 }) })
  await expect(settled(clock, grants.session('acme', 'f').refresh())).rejects.toMatchObject({
    code: 'provider_unavailable',
  })
  expect(backend.trips).toEqual(['read', 'swap', 'swap'])
  const { record } = await store.read(key())
  expect([record?.lease, record?.failures?.count]).toEqual([undefined, 1])
})

test('a machine that sleeps between its read and its claim gets no lease that ended long ago', async () => {
  const clock = fakeClock()
  const backend = new CountedBackend(clock.now)
  // The monotonic clock of the machine stands still while it sleeps.
  const asleep = storeOver(backend, { clock: { now: clock.now, monotonic: () => 0, delay: clock.delay } })
  const awake = storeOver(backend, { clock })
  const grant = {
    id: '1',
    schema: 1,
    issuer: 'i',
    clientId: 'c',
    state: 'active',
    sealed: 'x',
    renewable: true,
  } as const
  const { record } = await asleep.put(key(), grant)
  await clock.advance(60_000)
  const request = { id: '1', version: 1, leaseMs: 15_000, settleMs: 15_000, intent: { hash: 'h', sendWithinMs: 5000 } }
  const claim = await asleep.claim(key(), { ...request, owner: 'sleeper' }, record)
  expect(claim).toMatchObject({ outcome: 'claimed', record: { lease: { until: clock.now() + 15_000 } } })
  expect(await awake.claim(key(), { ...request, owner: 'next' })).toMatchObject({ outcome: 'busy', leaseMs: 15_000 })
})
