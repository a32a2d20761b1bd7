import { expect, test } from 'vitest'
import { ConfigError } from '../../src/model/errors.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { fakeClock } from '../../src/testing/fake-clock.ts'
import { json } from './fake-server.ts'
import { connected, HOUR, key, settled, world, wrapStore } from './setup.ts'

test('the worker refreshes idle grants as they become due, each once', async () => {
  const { clock, server, process, told } = world()
  const grants = process()
  for (let index = 0; index < 50; index += 1) await connected(grants, server, clock, 600_000, `u${index}`)
  const worker = grants.keepFresh({ concurrency: 8 })
  await clock.advance(479_000)
  expect(server.redemptions).toBe(0)
  await clock.advance(60_000)
  expect(server.redemptions).toBe(50)
  expect(worker.stats()).toEqual({ refreshed: 50, failed: 0, dead: 0, skipped: 0, underway: 0 })
  expect(new Set(told.map(({ event }) => (event as { cause: string }).cause))).toEqual(new Set(['keep_alive']))
  await settled(clock, worker.stop())
  await clock.advance(HOUR)
  expect(server.redemptions).toBe(50)
})

test('four workers share the due grants: none is refreshed twice, none is left', async () => {
  const { clock, server, process } = world()
  const processes = [process(), process(), process(), process()]
  for (let index = 0; index < 200; index += 1) await connected(processes[0]!, server, clock, 0, `u${index}`)
  const workers = processes.map((grants) => grants.keepFresh({ concurrency: 4 }))
  for (let turn = 0; turn < 50 && server.redemptions < 200; turn += 1) await clock.advance(100)
  await settled(clock, Promise.all(workers.map((worker) => worker.stop())))
  expect(server.redemptions).toBe(200)
  expect(server.reuses).toBe(0)
  expect(workers.reduce((sum, worker) => sum + worker.stats().refreshed, 0)).toBe(200)
})

test.each([
  { options: { concurrency: 4 }, most: 16, furthest: 16 },
  { options: { concurrency: 16, perClient: { perSecond: 1 } }, most: 30, furthest: 120 },
])(
  'a worker takes many grants at a time, and not more than it can start in time: $options',
  async ({ options, most, furthest }) => {
    const clock = fakeClock()
    const inner = memoryStore({ clock })
    const store = wrapStore(inner)
    const limits: number[] = []
    Object.assign(store, {
      due: (request: Parameters<typeof inner.due>[0]) => {
        // The first question is for the store's time only.
        if (request.before > 0) limits.push(request.limit)
        return inner.due(request)
      },
    })
    const { server, process } = world({ store, clock })
    const grants = process()
    for (let index = 0; index < 64; index += 1) await connected(grants, server, clock, 0, `u${index}`)
    const worker = grants.keepFresh(options)
    for (let turn = 0; turn < 700 && server.redemptions < 64; turn += 1) await clock.advance(100)
    expect(server.redemptions).toBe(64)
    expect(limits[0]).toBe(most)
    expect(Math.max(...limits)).toBeLessThanOrEqual(furthest)
    await settled(clock, worker.stop())
  },
)

test('the worker keeps its limits of refreshes in progress and of refreshes per second', async () => {
  const { clock, server, process } = world()
  const grants = process()
  for (let index = 0; index < 30; index += 1) await connected(grants, server, clock, 0, `u${index}`)
  const worker = grants.keepFresh({ concurrency: 10, perClient: { concurrency: 3, perSecond: 5 } })
  await clock.advance(2000)
  expect(server.redemptions).toBeGreaterThanOrEqual(9)
  expect(server.redemptions).toBeLessThanOrEqual(11)
  expect(server.mostUnderway).toBeLessThanOrEqual(3)
  await clock.advance(10_000)
  expect(server.redemptions).toBe(30)
  await settled(clock, worker.stop())
})

test('idle grants are refreshed before the provider ends them, also when their access token never expires', async () => {
  const { clock, server, process } = world({ refresh: { idleLifetimeMs: 600_000 } })
  const grants = process()
  server.lifetimeS = undefined
  const { access_token, refresh_token } = server.issue()
  await grants.save('acme', 'f', { access_token, refresh_token })
  const worker = grants.keepFresh()
  await clock.advance(470_000)
  expect(server.redemptions).toBe(0)
  await clock.advance(15_000)
  expect(server.redemptions).toBe(1)
  await settled(clock, worker.stop())
})

test('ended grants are counted once, and failing ones are retried after their back-off', async () => {
  const { clock, server, process } = world()
  const grants = process()
  await connected(grants, server, clock, 0, 'dies')
  server.kill('dies')
  const worker = grants.keepFresh({ concurrency: 1 })
  await clock.advance(10_000)
  expect(worker.stats()).toMatchObject({ dead: 1, refreshed: 0 })
  await connected(grants, server, clock, 0, 'stumbles')
  server.faults.push({ answer: () => json({}, 503) })
  await clock.advance(20_000)
  expect(worker.stats()).toMatchObject({ dead: 1, failed: 1, refreshed: 1 })
  await settled(clock, worker.stop())
})

test('the worker sends a refresh token that may have been used only when its access token is about to expire', async () => {
  const { clock, server, process } = world()
  const grants = process()
  await connected(grants, server, clock, 600_000)
  server.faults.push({ answer: () => new Response('<html>', { headers: { 'content-type': 'text/html' } }) })
  const worker = grants.keepFresh()
  await clock.advance(580_000)
  expect(server.redemptions).toBe(1)
  await clock.advance(100_000)
  expect(server.redemptions).toBe(2)
  await settled(clock, worker.stop())
})

test('the worker reads a failing store again later, and never rejects', async () => {
  const clock = fakeClock()
  let down = true
  let asked = 0
  const inner = memoryStore({ clock })
  const store = wrapStore(inner)
  Object.assign(store, {
    due: (request: Parameters<typeof inner.due>[0]) => {
      asked += 1
      return down ? Promise.reject(new Error('down')) : inner.due(request)
    },
  })
  const { server, process } = world({ store, clock })
  const grants = process()
  await connected(grants, server, clock, 0)
  const worker = grants.keepFresh()
  await clock.advance(60_000)
  expect(server.redemptions).toBe(0)
  // Twice as long after each, up to half a minute.
  expect(asked).toBeGreaterThanOrEqual(5)
  await clock.advance(240_000)
  expect(asked).toBeLessThan(20)
  down = false
  await clock.advance(60_000)
  expect(server.redemptions).toBe(1)
  await settled(clock, grants.close())
  await worker.done
  expect(() => grants.keepFresh()).toThrow(ConfigError)
})

test('over a store that reserves nothing, a grant whose refresh is in progress is not taken again', async () => {
  const clock = fakeClock()
  const inner = memoryStore({ clock })
  const store = wrapStore(inner)
  const { server, process } = world({ store, clock })
  const grants = process()
  await connected(grants, server, clock, 0)
  const { record } = await inner.read(key())
  Object.assign(store, { due: async () => ({ records: [record], now: clock.now() }) })
  let answer = (): void => undefined
  server.gate = new Promise((resolve) => (answer = resolve))
  const worker = grants.keepFresh({ concurrency: 8 })
  await clock.advance(5000)
  expect(worker.stats()).toMatchObject({ underway: 1, skipped: 0 })
  Object.assign(store, { due: async () => ({ records: [], now: clock.now() }) })
  answer()
  await settled(clock, worker.stop())
  expect(worker.stats()).toMatchObject({ refreshed: 1, skipped: 0, underway: 0 })
})

test('an AbortSignal stops the worker with nothing half done', async () => {
  const { clock, server, process, store } = world()
  const grants = process()
  for (let index = 0; index < 20; index += 1) await connected(grants, server, clock, 0, `u${index}`)
  const controller = new AbortController()
  let release = (): void => undefined
  server.gate = new Promise((resolve) => {
    release = resolve
  })
  const worker = grants.keepFresh({ concurrency: 4, signal: controller.signal })
  await clock.advance(50)
  controller.abort()
  release()
  await settled(clock, worker.done)
  expect(worker.stats()).toMatchObject({ refreshed: 4, underway: 0 })
  for (let index = 0; index < 20; index += 1) expect((await store.read(key(`u${index}`))).record!.lease).toBeUndefined()
  const aborted = grants.keepFresh({ signal: AbortSignal.abort() })
  await aborted.done
  expect(aborted.stats().refreshed).toBe(0)
})

test('a grant of a client that is gone does not stop the others', async () => {
  const { clock, server, process, store } = world()
  const other = process({ clients: { acme: world({ clock }).makeClient() } })
  await connected(process(), server, clock, 0)
  await store.put(
    { client: 'gone', subject: 's', account: '' },
    { ...(await store.read(key())).record!, id: 'another' },
  )
  const worker = other.keepFresh()
  await clock.advance(5000)
  expect(worker.stats()).toMatchObject({ failed: 1 })
  await settled(clock, worker.stop())
})

test.each([
  { concurrency: 0 },
  { perClient: { perSecond: -1 } },
  { perClient: { concurrency: Number.NaN } },
  { withinMs: -1 },
])('keepFresh(%j) is refused', (options) => {
  expect(() => world().process().keepFresh(options)).toThrow(ConfigError)
})
