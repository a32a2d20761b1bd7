import { expect, test } from 'vitest'
import type { Backend } from '../../src/stores/backend.ts'
import { content, grant, key, name, request, slow } from './slow-store.ts'

test('a claim rejects if its swap is too late three times after fresh reads', async () => {
  const { store, late, swaps } = await slow()
  late(5001, 5001, 5001)
  await expect(store.claim(key, request)).rejects.toMatchObject({ code: 'store_error' })
  expect(swaps()).toBe(3)
  late(5001, 5001, 5000)
  expect(await store.claim(key, request)).toMatchObject({ outcome: 'claimed' })
})

test('a swap on a fresh read has at least a second', async () => {
  const { store, late, swaps } = await slow()
  late(1000)
  await store.claim(key, { ...request, intent: { hash: 'h', sendWithinMs: 10 } })
  expect(swaps()).toBe(1)
})

test('a swap on an earlier read has a tenth of the time to send, and may come late once more', async () => {
  for (const [ms, count] of [
    [500, 1],
    [501, 2],
  ] as const) {
    const { store, record, late, swaps } = await slow()
    late(ms)
    expect(await store.claim(key, request, record)).toMatchObject({ outcome: 'claimed' })
    expect(swaps()).toBe(count)
  }
  const { store, record, late, swaps } = await slow()
  late(501, 5001, 5001)
  expect(await store.claim(key, request, record)).toMatchObject({ outcome: 'claimed' })
  expect(swaps()).toBe(4)
})

test('writes of others in between do not count as lateness', async () => {
  const { store, backend } = await slow()
  let n = 0
  const touch = () => {
    const row = backend.rows.get(name)!
    backend.rows.set(name, { ...row, revision: `r${(n += 1)}` })
  }
  backend.before = Array.from({ length: 5 }, () => touch)
  expect(await store.claim(key, request)).toMatchObject({ outcome: 'claimed' })
})

test('over a backend without guards, a record from an earlier read is read again', async () => {
  const { store, backend, record } = await slow()
  Object.assign(backend, { guards: false })
  await store.claim(key, request, record)
  expect(backend.trips).toEqual(['read', 'swap'])
  expect(backend.writes[0]?.notAfter).toBeUndefined()
})

test('a swap that the driver sends twice recognises its own write', async () => {
  const { store, backend } = await slow()
  const swap = backend.swap.bind(backend)
  Object.assign(backend, {
    swap: async (...args: Parameters<Backend['swap']>) => {
      await swap(...args)
      return swap(...args)
    },
  })
  expect(await store.reseal(key, { id: '1', from: 'x', to: 'y' })).toBe(true)
})

test('a refusal on an earlier read is decided again on a fresh read', async () => {
  const { store } = await slow()
  const claim = await store.claim(key, request)
  const seen = 'record' in claim ? claim.record : undefined
  await store.release(key, { owner: 'o', spent: 'no' })
  expect(await store.claim(key, { ...request, owner: 'two' }, seen)).toMatchObject({ outcome: 'claimed' })
})

test('the time since a record was read counts', async () => {
  const { store, backend, record, time } = await slow()
  time.now += 60_000
  expect(await store.claim(key, request, record)).toMatchObject({ record: { lease: { until: time.now + 15_000 } } })
  expect(backend.trips).toEqual(['swap'])
})

test('the time that a claim returns is one that the database named', async () => {
  const { store, record, time, late } = await slow()
  late(300)
  const { now } = await store.claim(key, request, record)
  expect(now).toBe(time.now)
})

test('logins, commits, verdicts and documents are durable, and claims and releases leave the index', async () => {
  const { store, backend } = await slow()
  const told = () => backend.writes.splice(0).map(({ durable, sameIndex }) => [durable, sameIndex])
  await store.claim(key, request)
  await store.release(key, { owner: 'o', spent: 'no' })
  await store.commit(key, { ...content, id: '1', version: 1, schema: 2 })
  await store.claim(key, { ...request, version: 2 })
  await store.commit(key, { id: '1', version: 2, owner: 'o', verdict: 'revoked' })
  await store.once('id', 10, 'me')
  await store.documents!.put('d', 'v', { version: 0 })
  expect(told()).toEqual([
    [false, true],
    [false, true],
    [true, false],
    [false, true],
    [true, false],
    [false, false],
    [true, false],
  ])
})

test('a commit on an earlier read keeps tombstones and deleted records', async () => {
  const { store } = await slow()
  await store.delete(key, { id: '1' })
  const { record } = await store.put(key, { ...grant, id: '2' })
  await store.commit(key, { ...content, id: '2', version: 1 }, record)
  expect((await store.delete(key, { id: '1' })).record?.id).toBe('1')
  expect((await store.put(key, grant)).committed).toBe(false)
  await store.delete(key, { id: '2' })
  expect((await store.delete(key, { id: '1' })).record?.id).toBe('1')
  await store.close()
})
