import { expect, test } from 'vitest'
import { generateKey, keyRing } from '../../src/seal/index.ts'
import { storeOver } from '../../src/stores/index.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { persistently } from '../../src/refresh/persistently.ts'
import { ConfigError } from '../../src/model/errors.ts'
import { completeClock } from '../../src/util/clock.ts'
import { fakeClock } from '../../src/testing/index.ts'
import { connected, settled, world } from '../refresh/setup.ts'
import { MapBackend } from '../stores/map-backend.ts'

const key = { client: 'c', subject: 's', account: '' }
const content = { state: 'active', sealed: 'x', renewable: true } as const
const grant = { id: '1', schema: 1, issuer: 'i', clientId: 'c', ...content } as const
const request = { id: '1', owner: 'o', leaseMs: 15_000, settleMs: 0, intent: { hash: 'h', sendWithinMs: 5000 } }

test('the store remembers a deleted record for a little more than a minute', async () => {
  const clock = fakeClock()
  const store = memoryStore({ clock })
  await store.put(key, grant)
  await store.delete(key, { id: '1' })
  await clock.advance(69_999)
  expect((await store.delete(key, { id: '1' })).record?.id).toBe('1')
  await clock.advance(1)
  expect((await store.delete(key, { id: '1' })).record).toBeUndefined()
})

test('a cursor beyond the end is expired', async () => {
  const store = memoryStore()
  const { next } = await store.changes!({})
  expect(await store.changes!({ after: next.replace(/\d+$/, '5') })).toMatchObject({ expired: true })
})

test('no list of documents contains single-use ids', async () => {
  const store = memoryStore()
  await store.once('id', 1000, 'me')
  const found: unknown[] = []
  for await (const each of store.documents!.list('')) found.push(each)
  expect(found).toEqual([])
})

test('only the verdict of the same owner, login and version is a repeat', async () => {
  const store = memoryStore()
  await store.put(key, grant)
  await store.commit(key, { ...content, id: '1', version: 1 })
  await store.claim(key, { ...request, version: 2 })
  const verdict = { id: '1', version: 2, owner: 'o', verdict: 'revoked' } as const
  expect((await store.commit(key, verdict)).committed).toBe(true)
  expect((await store.commit(key, verdict)).committed).toBe(true)
  expect((await store.commit(key, { ...verdict, owner: 'two' })).committed).toBe(false)
  expect((await store.commit(key, { ...verdict, version: 1 })).committed).toBe(false)
  expect((await store.commit(key, { ...verdict, id: '2' })).committed).toBe(false)
})

test('list filters that no grant could fit are refused', async () => {
  const grants = world().process()
  for (const filter of [{ state: 'other' as 'active' }, { dueBefore: Number.NaN }])
    await expect(grants.list(filter).next()).rejects.toMatchObject({ code: 'config_error' })
})

test('a document value that is no string is refused, clear or sealed', async () => {
  const { documents } = world().process({ keys: keyRing(`a:${generateKey()}`) })
  for (const clear of [true, false])
    await expect(documents.put('d', 5 as never, { version: 0, clear })).rejects.toMatchObject({ code: 'config_error' })
})

test('a page has 500 grants at most, and counts are in the order of clients and states', async () => {
  const store = memoryStore()
  for (let n = 0; n < 501; n += 1)
    await store.put({ ...key, subject: `${n}` }, { ...grant, state: n === 0 ? 'reauthorization_required' : 'active' })
  expect((await store.page!({ limit: 1000 })).records).toHaveLength(500)
  expect((await store.counts!()).map(({ state }) => state)).toEqual(['active', 'reauthorization_required'])
  await store.put({ ...key, client: 'a' }, grant)
  expect((await store.page!({ client: 'c', limit: 1, after: '["a","s",""]' })).records[0]?.key.client).toBe('c')
})

test('an operation of unknown outcome is tried four times, and one that is not retryable once', async () => {
  const clock = fakeClock()
  const start = clock.now()
  const at: number[] = []
  const failing = persistently(completeClock(clock), async () => {
    at.push(clock.now() - start)
    throw new Error('lost')
  })
  await expect(settled(clock, failing, 10)).rejects.toThrow('lost')
  expect(at).toEqual([0, 50, 150, 350])
  let count = 0
  await expect(
    persistently(completeClock(clock), async () => {
      count += 1
      throw new ConfigError('x')
    }),
  ).rejects.toThrow()
  expect(count).toBe(1)
})

test('two reseals at once count each record once, and a damaged record does not prevent documents from being resealed', async () => {
  const clock = fakeClock()
  const backend = new MapBackend(clock.now)
  const store = storeOver(backend, { clock })
  const { server, process } = world({ clock, store })
  const [a, b] = [`a:${generateKey()}`, `b:${generateKey()}`]
  const before = process({ keys: keyRing(a) })
  for (const subject of ['u1', 'u2', 'u3']) await connected(before, server, clock, undefined, subject)
  await before.documents.put('d', 'v', { version: 0 })
  await before.documents.put('d2', 'v', { version: 0, ttlMs: 1000 })
  const both = await Promise.all([1, 2].map(() => process({ keys: keyRing(`${b},${a}`) }).reseal()))
  expect(both[0]!.resealed + both[1]!.resealed).toBe(5)
  expect(await process({ keys: keyRing(b) }).reseal()).toEqual({ resealed: 0 })
  const name = JSON.stringify(['acme', 'u1', ''])
  backend.rows.set(name, { ...backend.rows.get(name)!, entry: '{' })
  await expect(process({ keys: keyRing(`${a},${b}`) }).reseal()).rejects.toMatchObject({
    done: 4,
    errors: [{ code: 'unreadable_record', key: { client: 'acme', subject: 'u1', account: '' } }],
  })
  expect(await process({ keys: keyRing(a) }).documents.get('d')).toMatchObject({ value: 'v' })
})
