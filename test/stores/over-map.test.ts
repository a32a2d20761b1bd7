import { describe, expect, test } from 'vitest'

import { storeOver } from '../../src/stores/index.ts'
import { fakeClock, storeContract } from '../../src/testing/index.ts'
import { MapBackend } from './map-backend.ts'
import { answersLikeMemory, claimsAtTheEdgesLikeMemory } from './steps.ts'

const open = (now: () => number) => storeOver(new MapBackend(now), { clock: { now } })

test('memory and a store over a Map give the same answers to whatever comes', () => answersLikeMemory(open, 300))

test('and to claims at the edges of their times', () => claimsAtTheEdgesLikeMemory(open))

describe('the store contract: over a Map, fake time', () => {
  const clock = fakeClock()
  const create = () => storeOver(new MapBackend(clock.now), { clock })
  for (const { name, run } of storeContract({ create, clock })) test(name, run)
})

describe('the store contract: over a Map, real time', () => {
  for (const { name, run } of storeContract({ create: () => storeOver(new MapBackend()) })) test(name, run)
})

test('a backend that lacks a method is refused, with its name', () => {
  expect(() => storeOver({ read: async () => ({ now: 0 }) } as unknown as MapBackend)).toThrow("no method 'swap'")
  expect(() => storeOver(undefined as unknown as MapBackend)).toThrow("no method 'read'")
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
