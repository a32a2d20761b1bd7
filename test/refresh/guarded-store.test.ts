import { expect, test } from 'vitest'
import { guardedStore } from '../../src/refresh/guarded-store.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import type { GrantRecord } from '../../src/stores/store.ts'
import { fakeClock } from '../../src/testing/fake-clock.ts'
import { settled } from './setup.ts'

const record = { id: '1' } as GrantRecord

/** A guarded store whose list is this one. */
function listing(list: () => AsyncGenerator<GrantRecord>) {
  const clock = fakeClock()
  return { clock, store: guardedStore(Object.assign(memoryStore({ clock }), { list }), clock) }
}

test('a list that is left early is ended, before its caller goes on', async () => {
  let isOpen = false
  const { store } = listing(async function* () {
    isOpen = true
    try {
      for (;;) yield record
    } finally {
      await Promise.resolve()
      isOpen = false
    }
  })
  for await (const each of store.list()) {
    expect([each.id, isOpen]).toEqual(['1', true])
    break
  }
  expect(isOpen).toBe(false)
})

test('a list that hangs fails after a minute, and its end is not waited for', async () => {
  const { clock, store } = listing(async function* () {
    yield record
    await new Promise(() => undefined)
  })
  const found: string[] = []
  const all = async (): Promise<void> => {
    for await (const { id } of store.list()) found.push(id)
  }
  const began = clock.now()
  await expect(settled(clock, all())).rejects.toMatchObject({ code: 'store_error', retryable: true })
  expect(found).toEqual(['1'])
  expect(clock.now() - began).toBeLessThan(60_500)
})

test('a list that rejects or throws becomes a StoreError that names it', async () => {
  for (const list of [
    // eslint-disable-next-line require-yield
    async function* (): AsyncGenerator<GrantRecord> {
      throw new TypeError('no connection')
    },
    (): AsyncGenerator<GrantRecord> => {
      throw new TypeError('no connection')
    },
  ]) {
    const { clock, store } = listing(list)
    await expect(settled(clock, store.list()[Symbol.asyncIterator]().next())).rejects.toThrow(/failed at 'list'/)
  }
})

test.each(['read', 'put', 'claim', 'commit', 'delete', 'due'] as const)(
  'a store whose %s returns nothing breaks its contract, and the error says so',
  async (operation) => {
    const clock = fakeClock()
    for (const nothing of [undefined, null, true]) {
      const broken = Object.assign(memoryStore({ clock }), { [operation]: () => Promise.resolve(nothing) })
      const store = guardedStore(broken, clock) as unknown as Record<string, (...values: unknown[]) => Promise<unknown>>
      await expect(store[operation]!({}, {})).rejects.toMatchObject({
        code: 'store_error',
        message: `The store returned ${nothing} from '${operation}', which breaks the store contract. Run storeContract() from 'evergrant/testing' on it.`,
      })
    }
  },
)
