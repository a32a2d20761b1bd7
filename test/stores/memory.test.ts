import { expect, test } from 'vitest'

import { ExpiringMap } from '../../src/util/expiring-map.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { fakeClock } from '../../src/testing/index.ts'
import { key } from './records.ts'

const grant = { id: '1', schema: 1, issuer: 'i', clientId: 'c', state: 'active', sealed: 'x', renewable: true } as const

test('nothing of a memory store outlives the process', () => {
  expect(memoryStore().volatile).toBe(true)
})

test('the records of the memory store are frozen', async () => {
  const store = memoryStore()
  await store.put(key, { ...grant, scope: ['a'] })
  const answer = await store.claim(key, {
    id: '1',
    version: 1,
    owner: 'o',
    leaseMs: 1000,
    settleMs: 0,
    intent: { hash: 'h', sendWithinMs: 1 },
  })
  const { record } = await store.read(key)
  expect('record' in answer && answer.record).toBe(record)
  for (const part of [record, record?.key, record?.scope, record?.lease, record?.intent]) {
    expect(part !== undefined && Object.isFrozen(part)).toBe(true)
  }
})

test('a tombstone in the memory store ends after a day', async () => {
  const clock = fakeClock()
  const store = memoryStore({ clock })
  await store.put(key, grant)
  await store.delete(key, { id: '1' })
  await clock.advance(24 * 3_600_000 - 1)
  expect((await store.put(key, grant)).committed).toBe(false)
  await clock.advance(1)
  expect((await store.put(key, grant)).committed).toBe(true)
})

test('the memory store can still be read after it was closed', async () => {
  const store = memoryStore()
  await store.put(key, grant)
  await store.close()
  expect((await store.read(key)).record?.id).toBe('1')
})

test('the memory store removes expired entries and keeps the others', () => {
  const map = new ExpiringMap<number, number>()
  for (let now = 0; now < 100_000; now++) map.set(now, now, now + 10, now)
  expect(map.size).toBeLessThan(2_100)
  expect(map.get(99_999, 100_000)).toBe(99_999)
  expect(map.get(99_000, 100_000)).toBe(undefined)
})
