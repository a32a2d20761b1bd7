import { describe, expect, test } from 'vitest'

import { memoryStore } from '../../src/stores/memory.ts'
import type { GrantStore } from '../../src/stores/store.ts'
import { fakeClock, storeContract } from '../../src/testing/index.ts'
import { grantMistakes } from './broken/grants.ts'
import { storeListMistakes } from './broken/store-lists.ts'
import { storeMistakes } from './broken/stores.ts'

const clock = fakeClock()

/** The names of the cases that a store fails, of all or of one. */
async function failed(create: () => GrantStore, only?: string): Promise<string[]> {
  const names: string[] = []
  for (const { name, run } of storeContract({ create, clock })) {
    if (only !== undefined && name !== only) continue
    await run().catch((error: unknown) => {
      expect((error as Error).message).not.toBe('')
      names.push(name)
    })
  }
  return names
}

/** A memory store with some of its methods broken. */
function spoiled(spoil: (store: GrantStore) => Partial<GrantStore>): () => GrantStore {
  return () => {
    const store = memoryStore({ clock })
    const changes = spoil(store)
    return new Proxy(store, {
      get: (target, name) => {
        const own = changes[name as keyof GrantStore] ?? target[name as keyof GrantStore]
        return typeof own === 'function' ? own.bind(target) : own
      },
    })
  }
}

describe('the store contract finds', () => {
  test.each(Object.entries(grantMistakes))('%s', async (_name, spoil) => {
    expect(await failed(spoiled((store) => spoil(store, clock)))).not.toEqual([])
  })

  test.each(Object.entries({ ...storeMistakes, ...storeListMistakes }))('%s', async (_name, [caseName, spoil]) => {
    expect(
      await failed(
        spoiled((store) => spoil(store, clock)),
        caseName,
      ),
    ).toEqual([caseName])
  })
})

test('the store contract finds no fault with a store that keeps it', async () => {
  expect(await failed(spoiled(() => ({})))).toEqual([])
})

test('a case closes its store, also when it fails', async () => {
  let closed = 0
  const create = spoiled((store) => ({
    read: () => Promise.reject(new Error('out of order')),
    close: async () => {
      closed++
      await store.close()
    },
  }))
  const cases = storeContract({ create, clock })
  await expect(cases[0]!.run()).rejects.toThrow('out of order')
  expect(closed).toBe(1)
})

test('messages name the expected and the actual value', async () => {
  const create = spoiled((store) => ({ once: async (id, ttlMs, by) => !(await store.once(id, ttlMs, by)) }))
  const once = storeContract({ create, clock }).find(({ name }) => name === 'an id is accepted once')
  await expect(once!.run()).rejects.toThrow('Expected an id that was never seen to be true, got false.')
})

test('names are all different', () => {
  const names = storeContract({ create: () => memoryStore() }).map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
})
