import { expect, test } from 'vitest'
import type { OAuth2Client } from '../../src/client/oauth2-client.ts'
import { ConfigError, isEvergrantError, StoreError } from '../../src/model/errors.ts'
import { Grants } from '../../src/grants.ts'
import type { UnfinishedError } from '../../src/grants/unfinished.ts'
import { generateKey, keyRing } from '../../src/seal/index.ts'
import { storeOver } from '../../src/stores/index.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import type { GrantStore } from '../../src/stores/store.ts'
import { fakeClock, type FakeClock } from '../../src/testing/fake-clock.ts'
import { json } from '../refresh/fake-server.ts'
import { connected, HOUR, key, settled, world, wrapStore } from '../refresh/setup.ts'
import { MapBackend } from '../stores/map-backend.ts'

const rejection = async (work: Promise<unknown>): Promise<UnfinishedError> => {
  const error = await work.then(
    () => new Error('It resolved.'),
    (reason: unknown) => reason,
  )
  return error as UnfinishedError
}

/** The memory store without its optional parts, but for those that the test adds. */
function bare(clock: FakeClock, change: (inner: GrantStore) => Partial<Record<keyof GrantStore, unknown>>): GrantStore {
  const inner = memoryStore({ clock })
  return { ...wrapStore(inner), ...change(inner) } as GrantStore
}

test('disconnectSubject deletes grants without a client, and revokes the others', async () => {
  const { clock, server, store, makeClient, told } = world()
  const clients = { a: makeClient(), b: makeClient(), c: makeClient() }
  const before = new Grants({ clients, store, clock })
  for (const name of ['a', 'b', 'c'] as const)
    await before.save(name, 'person', { ...server.issue(name), expires_in: 60 })
  const after = new Grants({ clients: { a: clients.a, c: clients.c }, store, clock })
  after.on('disconnected', (event) => void told.push({ name: 'disconnected', event }))
  expect(await after.disconnectSubject('person')).toBe(3)
  await clock.advance(100)
  expect(server.revoked.sort()).toEqual(['rt-a-0', 'rt-c-0'])
  expect(told).toHaveLength(3)
  expect(await after.disconnectSubject('person')).toBe(0)
})

test('disconnect deletes a grant of a client that is gone; a name that no grant has is refused', async () => {
  const { clock, server, store, process, makeClient } = world()
  await connected(process(), server, clock)
  const clients: Record<string, OAuth2Client> = { other: makeClient() }
  const other = new Grants({ clients, store, clock })
  await other.disconnect('acme', 'f')
  expect(await other.status('acme', 'f')).toBeUndefined()
  await expect(other.disconnect('acme', 'f')).rejects.toThrow(/Unknown client 'acme'/)
})

test.each([undefined, null, 7])(
  'disconnectSubject(%j) would end everybody’s grants, and is refused',
  async (subject) => {
    const { clock, server, process } = world()
    const grants = process()
    await connected(grants, server, clock)
    await expect(grants.disconnectSubject(subject as unknown as string)).rejects.toBeInstanceOf(ConfigError)
    expect(await grants.status('acme', 'f')).toBeDefined()
  },
)

test('disconnectSubject rejects at the end with each grant that failed, by its key, and the number of those that succeeded', async () => {
  const clock = fakeClock()
  const store = bare(clock, (inner) => ({
    delete: (key: { account: string }, request: { id: string }) => {
      if (key.account === 'b') throw new TypeError('driver: thrown at once')
      if (key.account === 'c') return Promise.reject(new Error('driver: rejected'))
      return inner.delete({ client: 'acme', subject: 'f', account: key.account }, request)
    },
  }))
  const { server, process } = world({ store, clock })
  const grants = process()
  for (const account of ['a', 'b', 'c', 'd']) await grants.save('acme', 'f', server.issue(account), { account })
  const error = await rejection(settled(clock, grants.disconnectSubject('f')))
  expect(error).toBeInstanceOf(AggregateError)
  expect(error.done).toBe(2)
  expect(error.errors.map(({ code, key }) => [code, (key as { account: string }).account])).toEqual([
    ['store_error', 'b'],
    ['store_error', 'c'],
  ])
  for (const each of error.errors) {
    expect(isEvergrantError(each)).toBe(true)
    expect(Object.hasOwn(each, 'key')).toBe(true)
  }
  expect(error.message).toMatch(/2 done, 2 left/)
})

test('recheck goes on past grants that cannot be tried, also where one error occurs twice', async () => {
  const { clock, server, store, makeClient } = world()
  const clients: Record<string, OAuth2Client> = { a: makeClient(), b: makeClient(), c: makeClient() }
  const before = new Grants({ clients, store, clock })
  for (const client of ['a', 'b', 'c']) {
    for (const subject of ['u', 'v']) {
      const session = await before.save(client, subject, { ...server.issue(`${client}${subject}`), expires_at: 1 })
      server.faults.push({ answer: () => json({ error: 'invalid_grant' }, 400) })
      await settled(clock, session.token(), 1).catch(() => undefined)
    }
  }
  const kept = new TypeError('no tenants now: secret-value')
  const grants = new Grants({
    clients: (name) => (name === 'b' ? Promise.reject(kept) : name === 'c' ? undefined : clients[name]),
    store,
    clock,
  })
  const error = await rejection(settled(clock, grants.recheck(), 1))
  expect(error.done).toBe(2)
  expect(error.errors.map(({ key }) => (key as { client: string }).client).sort()).toEqual(['b', 'b', 'c', 'c'])
  expect(new Set(error.errors.map((each) => JSON.stringify(each.key))).size).toBe(4)
  for (const each of error.errors) expect(isEvergrantError(each)).toBe(true)
})

test('reseal names grants by key and documents by name', async () => {
  const [a, b, lost] = ['a', 'b', 'lost'].map((id) => `${id}:${generateKey()}`)
  const clock = fakeClock()
  const { server, process } = world({ clock, store: storeOver(new MapBackend(clock.now), { clock }) })
  const [known, unknown] = [process({ keys: keyRing(a) }), process({ keys: keyRing(lost) })]
  await connected(known, server, clock, HOUR, 'u1')
  await connected(unknown, server, clock, HOUR, 'u2')
  await connected(known, server, clock, HOUR, 'u3')
  await known.documents.put('d1', 'v', { version: 0 })
  await unknown.documents.put('d2', 'v', { version: 0 })
  const error = await rejection(process({ keys: keyRing(`${b},${a}`) }).reseal())
  expect(error.done).toBe(3)
  expect(error.errors.map(({ code, key }) => [code, key])).toEqual([
    ['seal_error', key('u2')],
    ['seal_error', 'd2'],
  ])
})

test('a key service that fails for one grant does not affect the others', async () => {
  const { clock, server, process } = world()
  const sealed = (id: string) => (text: string) => Promise.resolve(`${id}.${text}`)
  const service = (id: string, broken?: string) => ({
    currentKeyId: id,
    keyIdOf: (text: string) => text.split('.', 1)[0]!,
    seal: (text: string, context: string) =>
      broken !== undefined && context.includes(broken) ? Promise.reject(new Error('quota')) : sealed(id)(text),
    open: (text: string) => Promise.resolve(text.slice(text.indexOf('.') + 1)),
  })
  const before = process({ keys: service('old') })
  for (const subject of ['u1', 'u2', 'u3']) await connected(before, server, clock, HOUR, subject)
  const error = await rejection(process({ keys: service('new', '"u2"') }).reseal())
  expect([error.done, error.errors.map(({ code, key }) => [code, key])]).toEqual([2, [['seal_error', key('u2')]]])
})

async function readAll(list: AsyncIterable<unknown>): Promise<void> {
  for await (const each of list) expect(each).toBeDefined()
}

const everything = ['disconnectSubject', 'recheck', 'reseal', 'list', 'counts', 'documents', 'close'] as const
function run(grants: Grants<{ acme: OAuth2Client }>, what: (typeof everything)[number]): Promise<unknown> {
  if (what === 'list') return readAll(grants.list())
  if (what === 'documents') return readAll(grants.documents.list(''))
  return what === 'disconnectSubject' ? grants.disconnectSubject('f') : grants[what]()
}

test.each(everything)('%s ends with a StoreError for each way in which the store fails', async (what) => {
  for (const way of [
    'throws',
    'rejects',
    'hangs',
    'rejects with nothing',
    'steps hang',
    'steps fail',
    'is no list',
  ] as const) {
    const clock = fakeClock()
    const fail = (): Promise<never> => {
      if (way === 'throws' || way === 'is no list') throw new TypeError('driver: what it was given')
      if (way.startsWith('rejects')) return Promise.reject(way === 'rejects' ? new TypeError('driver') : undefined)
      return new Promise(() => undefined)
    }
    let failing = false
    const list = (inner: GrantStore, real: (...all: never[]) => AsyncIterable<unknown>) =>
      function failingList(...args: never[]): AsyncIterable<unknown> {
        if (!failing) return real.apply(inner, args)
        if (way === 'throws') throw new TypeError('driver: what it was given')
        if (way === 'is no list') return [] as unknown as AsyncIterable<unknown>
        const next = way === 'steps fail' ? () => Promise.reject(new TypeError('driver')) : fail
        return { [Symbol.asyncIterator]: () => ({ next }) }
      }
    const store = bare(clock, (inner) => ({
      list: list(inner, inner.list.bind(inner) as never),
      close: () => (failing ? fail() : inner.close()),
      documents: { ...inner.documents!, list: list(inner, inner.documents!.list.bind(inner.documents) as never) },
    }))
    const { server, process } = world({ store, clock })
    const grants = process()
    await connected(grants, server, clock)
    failing = true
    const result = await settled(clock, run(grants, what), 10_000, HOUR).then(
      () => 'done',
      (error: unknown) => error,
    )
    expect(result, way).toBeInstanceOf(StoreError)
  }
})

test('a list that fails in the middle says how many grants were done before, and its iterator is ended', async () => {
  const clock = fakeClock()
  let ended = 0
  const store = bare(clock, (inner) => ({
    list: async function* failing(filter: object) {
      try {
        let left = 2
        for await (const record of inner.list(filter)) {
          if ((left -= 1) < 0) throw new Error('connection lost')
          yield record
        }
      } finally {
        ended += 1
      }
    },
  }))
  const { server, process } = world({ store, clock })
  const grants = process()
  for (const account of ['a', 'b', 'c']) await grants.save('acme', 'f', server.issue(account), { account })
  const error = await rejection(settled(clock, grants.disconnectSubject('f')))
  expect([error.done, error.errors.map(({ code, key }) => [code, key])]).toEqual([2, [['store_error', undefined]]])
  expect(ended).toBe(1)
  const more = grants.list()
  await more.next()
})

test('with the store down, reseal stops after a few of many grants', async () => {
  const clock = fakeClock()
  let asked = 0
  const store = bare(clock, () => ({
    reseal: () => {
      asked += 1
      return Promise.reject(new Error('down'))
    },
  }))
  const [a, b] = [`a:${generateKey()}`, `b:${generateKey()}`]
  const { server, process } = world({ store, clock })
  const before = process({ keys: keyRing(a) })
  for (let index = 0; index < 60; index += 1) await connected(before, server, clock, HOUR, `u${index}`)
  const error = await rejection(process({ keys: keyRing(`${b},${a}`) }).reseal())
  expect([asked, error.done, error.errors.length]).toEqual([20, 0, 21])
  expect(error.errors.at(-1)!.message).toMatch(/The rest was not tried/)
})

test('reading a store without pages does not block the event loop', async () => {
  const clock = fakeClock()
  const store = bare(clock, () => ({}))
  const { server, process } = world({ store, clock })
  const grants = process()
  for (let index = 0; index < 1000; index += 1) await connected(grants, server, clock, HOUR, `u${index}`)
  let turns = 0
  let reading = true
  const turn = (): void => {
    turns += 1
    if (reading) setImmediate(turn)
  }
  setImmediate(turn)
  expect(await grants.recheck()).toBe(0)
  const before = turns
  expect(await grants.reseal()).toEqual({ resealed: 0 })
  expect(turns - before).toBeGreaterThanOrEqual(9)
  reading = false
})
