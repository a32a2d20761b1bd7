import { expect, test } from 'vitest'
import type { Backend } from '../../src/stores/backend.ts'
import { storeOver } from '../../src/stores/index.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { fakeClock } from '../../src/testing/index.ts'
import { FullBackend } from '../testing/full-backend.ts'
import { MapBackend } from './map-backend.ts'
import { grant, key, name, slow } from './slow-store.ts'

test('a tombstone ends after a day, and its row may go then', async () => {
  const { store, time, backend } = await slow()
  await store.delete(key, { id: '1' })
  expect(backend.rows.get(name)?.index).toEqual({ forgetAt: time.now + 24 * 3_600_000 })
  time.now += 24 * 3_600_000 - 1
  expect((await store.put(key, grant)).committed).toBe(false)
  time.now += 1
  expect((await store.put(key, grant)).committed).toBe(true)
  await store.close()
})

test('the sealed text of a deleted grant is removed a little more than a minute later', async () => {
  const clock = fakeClock()
  const backend = new MapBackend(clock.now)
  const store = storeOver(backend, { clock })
  await store.put(key, { ...grant, sealed: 'secret' })
  await store.delete(key, { id: '1' })
  await clock.advance(69_999)
  expect((await store.delete(key, { id: '1' })).record?.sealed).toBe('secret')
  const row = () => backend.rows.get(name)!
  expect(row().entry).toContain('secret')
  await clock.advance(1)
  await clock.advance(0)
  expect(row().entry + row().sealed).not.toContain('secret')
  await store.close()
})

test('a document’s row is found while it lasts, and its version is remembered for a day', async () => {
  const { store, backend, time } = await slow()
  const { documents } = store
  const row = () => backend.rows.get('"d"')!
  await documents!.put('d', 'a\0\ud800', { version: 0, ttlMs: 10 })
  expect(row().index).toEqual({ state: 'document', forgetAt: time.now + 10 + 24 * 3_600_000 })
  expect(row().sealed).not.toContain('\0')
  expect(row().sealed).not.toMatch(/\p{Surrogate}/u)
  time.now += 10
  expect(await documents!.delete('d', { version: 1 })).toBe(false)
  await documents!.put('d', 'b', { version: 0 })
  await documents!.delete('d', { version: 2 })
  expect(row().index).toEqual({ state: undefined, forgetAt: time.now + 24 * 3_600_000 })
  time.now += 24 * 3_600_000
  expect(await documents!.delete('d', { version: 0 })).toBe(false)
})

test('parts of a millisecond make no grant due, and any limit is a number for the backend', async () => {
  const { store, backend } = await slow()
  await store.put({ ...key, subject: 'due' }, { ...grant, refreshAfter: 10 })
  const due = async (before: number) => (await store.due({ before, limit: Infinity })).records.length
  let asked = 0
  const real = backend.due.bind(backend)
  Object.assign(backend, { due: (r: Parameters<Backend['due']>[0]) => ((asked = r.limit), real(r)) })
  expect([await due(9.5), await due(10)]).toEqual([0, 1])
  expect(asked).toBe(2 ** 31 - 1)
})

test('a list ends when its store is closed', async () => {
  const { store } = await slow()
  await store.put({ ...key, subject: 'two' }, grant)
  const list = store.list()
  await list[Symbol.asyncIterator]().next()
  await store.close()
  await expect(list[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'config_error' })
})

test('a sealed text of more than a million characters is rejected', async () => {
  const { store } = await slow()
  await store.put({ ...key, subject: 'q' }, { ...grant, sealed: 'x'.repeat(1_000_000) })
  await expect(
    store.put({ ...key, subject: 'q' }, { ...grant, id: '2', sealed: 'x'.repeat(1_000_001) }),
  ).rejects.toMatchObject({ code: 'config_error' })
})

test('a document may last for a hundred years and no longer', async () => {
  const { store } = await slow()
  const most = 100 * 365 * 24 * 3_600_000
  await store.documents!.put('d', 'v', { version: 0, ttlMs: most })
  await expect(store.documents!.put('e', 'v', { version: 0, ttlMs: most + 1 })).rejects.toMatchObject({
    code: 'config_error',
  })
})

test('a cursor of another client does not move a client’s page', async () => {
  const store = memoryStore()
  for (const client of ['a', 'b', 'c']) await store.put({ client, subject: 's', account: '' }, grant)
  const { records } = await store.page!({ client: 'c', limit: 1, after: '["a","s",""]' })
  expect(records).toHaveLength(1)
})

test('a page of due grants ignores parts of a millisecond', async () => {
  const store = storeOver(new FullBackend())
  await store.put({ client: 'a', subject: 's', account: '' }, { ...grant, refreshAfter: 10 })
  expect((await store.page!({ limit: 1, dueBefore: 9.5 })).records).toHaveLength(0)
  expect((await store.page!({ limit: 1, dueBefore: 10 })).records).toHaveLength(1)
})
