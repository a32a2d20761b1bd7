import { expect, test } from 'vitest'
import { guardedStore } from '../../src/refresh/guarded-store.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import type { GrantRecord } from '../../src/stores/store.ts'
import { fakeClock } from '../../src/testing/fake-clock.ts'
import { deferred } from '../../src/util/async.ts'
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
  await expect(settled(clock, all(), 1000)).rejects.toMatchObject({ code: 'store_error', retryable: true })
  expect(found).toEqual(['1'])
  expect(clock.now() - began).toBe(60_000)
})

test.each(['page', 'counts'] as const)('a %s may take a minute, as a search does', async (operation) => {
  const clock = fakeClock()
  const hanging = Object.assign(memoryStore({ clock }), { [operation]: () => new Promise(() => undefined) })
  const store = guardedStore(hanging, clock)
  const began = clock.now()
  const asking: Promise<unknown> = operation === 'page' ? store.page!({ limit: 1 }) : store.counts!()
  await expect(settled(clock, asking, 1000)).rejects.toMatchObject({ code: 'store_error', retryable: true })
  expect(clock.now() - began).toBe(60_000)
})

test('a list whose steps take no time lets other work run', async () => {
  const { store } = listing(async function* () {
    for (let count = 0; count < 1000; count += 1) yield record
  })
  let ran = 0
  let steps = 0
  let firstRun = 0
  const other = setImmediate(() => {
    ran += 1
    firstRun = steps
  })
  for await (const _ of store.list()) steps += 1
  clearImmediate(other)
  expect([steps, ran]).toEqual([1000, 1])
  expect(firstRun).toBeLessThanOrEqual(200)
})

test('a list whose end fails disturbs no caller that has left it', async () => {
  const { store } = listing(async function* () {
    try {
      for (;;) yield record
    } finally {
      // eslint-disable-next-line no-unsafe-finally
      throw new Error('connection lost')
    }
  })
  const found: string[] = []
  for await (const { id } of store.list()) {
    found.push(id)
    break
  }
  expect(found).toEqual(['1'])
})

test('a list that is open while the store is closed is ended all the same', async () => {
  let isOpen = false
  const { store } = listing(async function* () {
    isOpen = true
    try {
      for (;;) yield record
    } finally {
      isOpen = false
    }
  })
  const list = store.list()[Symbol.asyncIterator]()
  await list.next()
  expect(isOpen).toBe(true)
  await store.close()
  await expect(list.next()).rejects.toMatchObject({ code: 'config_error' })
  expect(isOpen).toBe(false)
})

test('close() closes once, and from its call on everything else is rejected', async () => {
  const clock = fakeClock()
  const end = deferred()
  let closed = 0
  const close = (): Promise<void> => {
    closed += 1
    return end.promise
  }
  const store = guardedStore(Object.assign(memoryStore({ clock }), { close }), clock)
  const closing = [store.close(), store.close()]
  await expect(store.read({ client: 'acme', subject: 'u', account: '' })).rejects.toThrow('were closed')
  end.resolve()
  await Promise.all([...closing, store.close()])
  expect(closed).toBe(1)
})

test('optional methods are called as methods of their store', async () => {
  const clock = fakeClock()
  const inner = memoryStore({ clock })
  const page = { records: [], next: undefined }
  const changes = { changes: [], next: 'here' }
  const own = {
    changes(this: unknown) {
      return Promise.resolve(this === inner && changes)
    },
    counts(this: unknown) {
      return Promise.resolve(this === inner && [])
    },
    page(this: unknown) {
      return Promise.resolve(this === inner && page)
    },
  }
  const store = guardedStore(Object.assign(inner, own), clock)
  expect(await store.changes?.({})).toBe(changes)
  expect(await store.counts?.()).toEqual([])
  expect(await store.page?.({ limit: 1 })).toBe(page)
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
