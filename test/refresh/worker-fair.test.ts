import { expect, test } from 'vitest'
import { OAuth2Client } from '../../src/client/oauth2-client.ts'
import { Grants } from '../../src/grants.ts'
import type { KeepFreshOptions } from '../../src/refresh/worker.ts'
import { FairQueue } from '../../src/refresh/worker-queue.ts'
import type { KeyRing } from '../../src/seal/index.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import type { GrantStore, NewGrant } from '../../src/stores/store.ts'
import { fakeClock, type FakeClock } from '../../src/testing/fake-clock.ts'
import { json } from './fake-server.ts'
import { HOUR, settled, wrapStore } from './setup.ts'

type Fetch = typeof globalThis.fetch

const hangs: Fetch = (_url, init) =>
  new Promise((_resolve, reject) => init?.signal?.addEventListener('abort', () => reject(init.signal!.reason as Error)))
const hangsForEver: Fetch = () => new Promise(() => undefined)
const answers: Fetch = async () =>
  json({ access_token: 'new', token_type: 'Bearer', refresh_token: 'r', expires_in: 3600 })
/** A provider with this delay. */
const slow =
  (clock: FakeClock, ms: number): Fetch =>
  async (url, init) => {
    await clock.delay(ms)
    return answers(url, init)
  }

function clientAt(name: string, fetch: Fetch, clock: FakeClock): OAuth2Client {
  const server = { issuer: `https://${name}.example`, token_endpoint: `https://${name}.example/token` }
  return new OAuth2Client({ provider: { name, server }, clientId: 'c', clientSecret: 'a-client-secret', fetch, clock })
}

const due = (name: string, id: string, at: number): NewGrant => ({
  state: 'active',
  sealed: JSON.stringify({
    v: 1,
    token: { accessToken: `at-${name}`, tokenType: 'bearer', receivedAt: at - 1, refreshToken: 'r' },
  }),
  renewable: true,
  refreshAfter: at,
  expiresAt: at + 300_000,
  id,
  schema: 1,
  issuer: `https://${name}.example`,
  clientId: 'c',
})

/** Many due grants of clients that are in the way, and behind them one of `good`; how long it takes to renew that one. */
async function timeOfTheGoodOne(setting: {
  readonly bad: Record<string, { readonly fetch: (clock: FakeClock) => Fetch; readonly grants: number }>
  readonly options: KeepFreshOptions
  readonly mostMs: number
  readonly wrap?: (store: GrantStore) => GrantStore
  readonly lookUp?: (name: string, known: OAuth2Client | undefined) => Promise<OAuth2Client | undefined>
  readonly keys?: KeyRing
  readonly stepMs?: number
}): Promise<number> {
  const clock = fakeClock()
  const inner = memoryStore({ clock })
  const store = setting.wrap?.(inner) ?? inner
  const clients: Record<string, OAuth2Client> = { good: clientAt('good', answers, clock) }
  for (const [name, { fetch, grants }] of Object.entries(setting.bad)) {
    clients[name] = clientAt(name, fetch(clock), clock)
    for (let index = 0; index < grants; index += 1)
      await inner.put(
        { client: name, subject: `u${index}`, account: '' },
        due(name, `${name}-${index}`, clock.now() - 1000),
      )
  }
  await inner.put({ client: 'good', subject: 'u', account: '' }, due('good', 'good', clock.now()))
  const { keys, lookUp } = setting
  const grants = new Grants({
    clock,
    store,
    ...(keys !== undefined && { keys }),
    clients: lookUp === undefined ? clients : (name: string) => lookUp(name, clients[name]),
  })
  const began = clock.now()
  const renewed: number[] = []
  grants.on('refreshed', ({ key }) => {
    if (key.client === 'good') renewed.push(clock.now())
  })
  const worker = grants.keepFresh(setting.options)
  while (renewed.length === 0 && clock.now() - began < setting.mostMs) await clock.advance(setting.stepMs ?? 1000)
  await settled(clock, worker.stop(), 1000)
  return (renewed[0] ?? Number.POSITIVE_INFINITY) - began
}

test.each<KeepFreshOptions>([
  {},
  { concurrency: 1 },
  { perClient: { concurrency: 4 } },
  { perClient: { perSecond: 0.5 } },
  { perClient: { concurrency: 2, perSecond: 1 } },
])('600 due grants of a client whose provider hangs do not delay the grant of another client: %j', async (options) => {
  const bad = { bad: { fetch: () => hangs, grants: 600 } }
  expect(await timeOfTheGoodOne({ bad, options, mostMs: 300_000 })).toBeLessThan(60_000)
})

test('over a store that reserves nothing, due grants of a client whose provider hangs do not delay another client’s', async () => {
  const wrap = (store: GrantStore): GrantStore => ({
    ...wrapStore(store),
    due: ({ before, limit }) => store.due({ before, limit }),
  })
  const bad = { bad: { fetch: () => hangs, grants: 600 } }
  expect(await timeOfTheGoodOne({ bad, options: {}, mostMs: 300_000, wrap })).toBeLessThan(120_000)
})

test('a provider that never ends its requests, and several that hang, take no place of the worker forever', async () => {
  const bad = {
    never: { fetch: () => hangsForEver, grants: 40 },
    one: { fetch: () => hangs, grants: 40 },
    two: { fetch: () => hangs, grants: 40 },
  }
  expect(await timeOfTheGoodOne({ bad, options: { concurrency: 3 }, mostMs: 600_000 })).toBeLessThan(200_000)
})

test('a key service that never unseals a grant takes a place of the worker for a minute', async () => {
  const keys: KeyRing = {
    seal: async (text) => text,
    open: (text) => (text.includes('at-bad') ? new Promise(() => undefined) : Promise.resolve(text)),
  }
  const bad = { bad: { fetch: () => answers, grants: 5 } }
  expect(await timeOfTheGoodOne({ bad, options: { concurrency: 1 }, mostMs: 300_000, keys })).toBeLessThan(65_000)
})

test('a long backlog of a healthy client does not delay another client, and is worked off', async () => {
  const clock = fakeClock()
  const store = memoryStore({ clock })
  const clients = { busy: clientAt('busy', slow(clock, 1000), clock), good: clientAt('good', answers, clock) }
  for (let index = 0; index < 1500; index += 1)
    await store.put({ client: 'busy', subject: `u${index}`, account: '' }, due('busy', `b${index}`, clock.now() - 1000))
  await store.put({ client: 'good', subject: 'u', account: '' }, due('good', 'good', clock.now()))
  const grants = new Grants({ clock, store, clients })
  const began = clock.now()
  let goodAt = Number.POSITIVE_INFINITY
  grants.on('refreshed', ({ key }) => {
    if (key.client === 'good') goodAt = clock.now() - began
  })
  const worker = grants.keepFresh({ concurrency: 100 })
  while (worker.stats().refreshed < 1501 && clock.now() - began < 200_000) await clock.advance(1000)
  expect(goodAt).toBeLessThan(10_000)
  // 15 s of work, and what had no room comes again after its reservation.
  expect(clock.now() - began).toBeLessThan(90_000)
  await settled(clock, worker.stop())
})

test('5,000 due grants of a client at a low rate are skipped with few reads of the store', async () => {
  let looks = 0
  const wrap = (store: GrantStore): GrantStore => {
    const real = store.due.bind(store)
    return Object.assign(store, {
      due: (request: Parameters<GrantStore['due']>[0]) => {
        looks += 1
        return real(request)
      },
    })
  }
  const bad = { bad: { fetch: () => answers, grants: 5000 } }
  const options = { perClient: { perSecond: 1 } }
  expect(await timeOfTheGoodOne({ bad, options, mostMs: 300_000, wrap, stepMs: 500 })).toBeLessThan(20_000)
  expect(looks).toBeLessThan(40)
})

test.each(['hangs', 'rejects', 'has none'] as const)(
  'a client lookup that %s for one client does not stop the others',
  async (way) => {
    const lookUp = async (name: string, known: OAuth2Client | undefined): Promise<OAuth2Client | undefined> => {
      if (name === 'good') return known
      if (way === 'rejects') throw new TypeError('the tenants cannot be read')
      return way === 'hangs' ? new Promise(() => undefined) : undefined
    }
    const bad = { bad: { fetch: () => answers, grants: 200 } }
    expect(await timeOfTheGoodOne({ bad, options: {}, mostMs: 300_000, lookUp })).toBeLessThan(60_000)
  },
)

test('a read of the store that hangs stops no refresh that was taken before, and the worker goes on after it', async () => {
  const clock = fakeClock()
  const inner = memoryStore({ clock })
  let hanging = false
  const due_ = inner.due.bind(inner)
  const store = Object.assign(inner, {
    due: (request: Parameters<GrantStore['due']>[0]) => (hanging ? new Promise<never>(() => undefined) : due_(request)),
  })
  const grants = new Grants({ clock, store, clients: { a: clientAt('a', slow(clock, 500), clock) } })
  for (let index = 0; index < 8; index += 1)
    await store.put({ client: 'a', subject: `u${index}`, account: '' }, due('a', `${index}`, clock.now()))
  const worker = grants.keepFresh({ concurrency: 2 })
  await clock.advance(100)
  hanging = true
  await clock.advance(4000)
  expect(worker.stats().refreshed).toBe(8)
  hanging = false
  await store.put({ client: 'a', subject: 'late', account: '' }, due('a', 'late', clock.now()))
  await clock.advance(30_000)
  expect(worker.stats().refreshed).toBe(9)
  await settled(clock, worker.stop())
})

test('in the queue, the client with the fewest refreshes in progress comes first, limits hold, and an item that waits too long is dropped', async () => {
  const clock = fakeClock()
  const queue = new FairQueue<string>({ concurrency: 2, perSecond: undefined, keepMs: 1000 }, clock)
  for (const item of ['a1', 'a2', 'a3']) expect(queue.offer('a', item)).toBe(true)
  expect(queue.offer('b', 'b1')).toBe(true)
  expect([queue.size, queue.ready]).toEqual([4, 3])
  const turns = [queue.next(), queue.next(), queue.next()]
  expect(turns.map((turn) => turn?.item)).toEqual(['a1', 'b1', 'a2'])
  expect(queue.next()).toBeUndefined()
  expect([queue.size, queue.ready, queue.readyAt]).toEqual([1, 0, Number.POSITIVE_INFINITY])
  turns[0]!.end()
  turns[0]!.end()
  expect(queue.ready).toBe(1)
  await clock.advance(1000)
  expect(queue.next()).toBeUndefined()
  expect(queue.size).toBe(0)
})

test('in the queue, each client’s line is no longer than what can start in time, and the total is bounded', () => {
  const clock = fakeClock()
  const paced = new FairQueue<number>({ concurrency: 9, perSecond: 2, keepMs: 3000 }, clock)
  expect(Array.from({ length: 9 }, (_, index) => paced.offer('a', index)).filter(Boolean)).toHaveLength(6)
  expect(paced.next()?.item).toBe(0)
  expect([paced.ready, paced.readyAt, paced.next()]).toEqual([0, clock.monotonic() + 500, undefined])
  const many = new FairQueue<number>({ concurrency: 1, perSecond: undefined, keepMs: HOUR }, clock)
  let taken = 0
  for (let client = 0; client < 10; client += 1)
    for (let index = 0; index < 1100; index += 1) if (many.offer(`c${client}`, index)) taken += 1
  expect([taken, many.size]).toEqual([5000, 5000])
})

test.each([0.1, 1])(
  'a backlog of 12,000 at a rate of %d a second costs another client seconds, not minutes',
  async (perSecond) => {
    const bad = { slow: { fetch: () => answers, grants: 12_000 } }
    expect(await timeOfTheGoodOne({ bad, options: { perClient: { perSecond } }, mostMs: 60_000 })).toBeLessThan(15_000)
  },
)
