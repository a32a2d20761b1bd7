import { describe, expect, test } from 'vitest'

import type { GrantKey } from '../../src/model/grant-key.ts'
import { storeOver } from '../../src/stores/index.ts'
import { fakeClock, storeContract } from '../../src/testing/index.ts'
import { MapBackend } from './map-backend.ts'
import { answersLikeMemory, claimsAtTheEdgesLikeMemory } from './steps.ts'

const open = (now: () => number) => storeOver(new MapBackend(now), { clock: { now } })

test('a store over a Map and the memory store return the same for any operations', () => answersLikeMemory(open, 300))

test('a store over a Map and the memory store return the same for claims at the edges of their times', () =>
  claimsAtTheEdgesLikeMemory(open))

describe('a store over a Map keeps the store contract in fake time', () => {
  const clock = fakeClock()
  const create = () => storeOver(new MapBackend(clock.now), { clock })
  for (const { name, run } of storeContract({ create, clock })) test(name, run)
})

describe('a store over a Map keeps the store contract in real time', () => {
  for (const { name, run } of storeContract({ create: () => storeOver(new MapBackend()) })) test(name, run)
})

test('a backend that lacks a method is refused, with its name', () => {
  expect(() => storeOver({ read: async () => ({ now: 0 }) } as unknown as MapBackend)).toThrow(
    "without a method 'swap'",
  )
  expect(() => storeOver(undefined as unknown as MapBackend)).toThrow("without a method 'read'")
})

test('a closed store refuses every operation, and closes its backend once, after what is in progress', async () => {
  const backend = new MapBackend()
  const log: string[] = []
  const read = backend.read.bind(backend)
  Object.assign(backend, {
    read: async (key: string) => {
      await new Promise((resolve) => setTimeout(resolve, 5))
      log.push('read')
      return read(key)
    },
    close: async () => void log.push('close'),
  })
  const store = storeOver(backend)
  const key = { client: 'c', subject: 's', account: '' }
  const reading = store.read(key)
  await Promise.all([store.close(), store.close()])
  expect(log).toEqual(['read', 'close'])
  await reading
  for (const late of [
    () => store.read(key),
    () => store.delete(key, { id: '1' }),
    () => store.due({ before: 0, limit: 1 }),
    () => store.once('id', 1, 'me'),
    () => store.documents!.get('name'),
    () => store.counts!(),
    () => store.changes!({}),
  ]) {
    await expect(late()).rejects.toMatchObject({
      code: 'config_error',
      message: expect.stringContaining('closed') as string,
    })
  }
})

test.each([
  ['no JSON', '{'],
  ['a list', '[]'],
  ['another application’s', '{"of":"another"}'],
  ['with a deleted record that is none', '{"deleted":[null]}'],
  ['with a deletion without a record', '{"deleted":[{"until":1}]}'],
  ['without an id', JSON.stringify({ record: { version: 1 } })],
  ['with an intent without times', damagedRecord({ intent: { open: true } })],
  ['with a lease that is a number', damagedRecord({ lease: 5 })],
  ['with failures without a time', damagedRecord({ failures: { code: 'x' } })],
  ['with a scope that is a number', damagedRecord({ scope: 5 })],
])('an entry that is %s is an unreadable record for every operation, and stays as it is', async (_what, entry) => {
  const backend = new MapBackend()
  const store = storeOver(backend)
  const [key, other] = ['damaged', 'other'].map((subject) => ({ client: 'c', subject, account: '' })) as [
    GrantKey,
    GrantKey,
  ]
  const content = { state: 'active', sealed: 'x', renewable: true, refreshAfter: 1 } as const
  const grant = { id: '1', schema: 1, issuer: 'i', clientId: 'c', ...content }
  for (const each of [key, other]) await store.put(each, grant)
  const name = JSON.stringify(['c', 'damaged', ''])
  const damaged = { ...backend.rows.get(name)!, entry }
  backend.rows.set(name, damaged)
  const intent = { hash: 'h', sendWithinMs: 1 }
  for (const operation of [
    () => store.read(key),
    () => store.put(key, { ...grant, id: '2' }),
    () => store.claim(key, { id: '1', version: 1, owner: 'o', leaseMs: 1, settleMs: 1, intent }),
    () => store.commit(key, { ...content, id: '1', version: 1 }),
    () => store.release(key, { owner: 'o', spent: 'no' }),
    () => store.delete(key, { id: '1' }),
    () => store.reseal(key, { id: '1', from: 'x', to: 'y' }),
  ]) {
    await expect(operation()).rejects.toMatchObject({ code: 'unreadable_record', key })
  }
  expect(backend.rows.get(name)).toBe(damaged)
  expect((await store.due({ before: 10, limit: 10 })).records.map(({ key: { subject } }) => subject)).toEqual(['other'])
  const page = await store.page!({ limit: 10 })
  expect([page.records.length, page.unreadable?.length]).toEqual([1, 1])
})

function damagedRecord(more: object): string {
  const record = {
    id: '1',
    issuer: 'i',
    clientId: 'c',
    state: 'active',
    version: 1,
    schema: 1,
    createdAt: 1,
    updatedAt: 1,
  }
  return JSON.stringify({ record: { ...record, ...more } })
}
