import { describe, expect, test } from 'vitest'

import { type Change, CHANGES_KEPT_MS } from '../../src/stores/changes.ts'
import { redisStore } from '../../src/stores/redis/index.ts'
import { Keys, placeOf } from '../../src/stores/redis/keys.ts'
import type { GrantStore } from '../../src/stores/store.ts'
import { redis } from '../servers/index.ts'
import { removeKeys } from '../servers/remove-keys.ts'
import { grant } from './records.ts'
import { inRedis } from './fixtures/redis.ts'

const url = await redis()

describe.skipIf(url === undefined)('the change feed in Redis', () => {
  const { client, newPrefix } = inRedis(url)
  const { bucket } = placeOf(JSON.stringify(['c', 's', '']))

  function open(options: { everyRefresh?: boolean } = {}): {
    store: GrantStore
    read: NonNullable<GrantStore['changes']>
    named: string
    stream: string
  } {
    const named = newPrefix()
    const store = redisStore(client, { prefix: named, ...options })
    return { store, read: (request) => store.changes!(request), named, stream: new Keys(named).of(bucket, 'changes') }
  }

  let logins = 0
  async function login(store: GrantStore, subject = 's'): Promise<string> {
    const account = `${(logins += 1)}`
    await store.put({ client: 'c', subject, account }, grant)
    return account
  }

  /** Writes changes that were made more than 7 days ago, which nothing else does. */
  async function addOld(stream: string, count: number): Promise<void> {
    const [seconds] = await client.time()
    for (let index = 0; index < count; index += 1) {
      const change = {
        kind: 'connected',
        key: { client: 'c', subject: 's', account: 'old' },
        id: `${index}`,
        at: index,
      }
      const id = `${Number(seconds) * 1000 - CHANGES_KEPT_MS - 1_000}-${index}`
      await client.xadd(stream, id, 'change', JSON.stringify({ ...change, version: 1 }))
    }
  }

  test('changes are removed a week after they were made, some at each write, and older cursors expire', async () => {
    const { store, read, stream } = open()
    await addOld(stream, 15)
    const early = (await read({ limit: 9 })).next
    const last = (await read({ limit: 10 })).next
    const between = await read({ after: last, limit: 2 })
    expect(between.changes.map(({ id }) => id)).toEqual(['10', '11'])
    const account = await login(store)
    expect(await client.xlen(stream)).toBe(6)
    // All that was removed had been read by then.
    const rest = await read({ after: last, limit: 100 })
    expect(rest.changes.map(({ id }) => id)).toEqual(['10', '11', '12', '13', '14', '1'])
    expect(await read({ after: early, limit: 9 })).toEqual({ expired: true, changes: [], next: rest.next })
    expect((await read({ limit: 1 })).changes.map(({ id }) => id)).toEqual(['10'])
    await login(store)
    expect(await client.xlen(stream)).toBe(2)
    expect((await read({ after: between.next })).expired).toBe(true)
    const kept = await read({ limit: 1 })
    expect(kept.changes.map(({ key }) => key.account)).toEqual([account])
    expect((await read({ after: kept.next })).changes).toHaveLength(1)
  })

  test('a reader that had seen nothing of a stream learns that some of it was removed', async () => {
    const { store, read, stream } = open()
    await login(store, 'another subject')
    const { next } = await read({})
    await addOld(stream, 1)
    await login(store)
    expect(await read({ after: next })).toMatchObject({ expired: true, changes: [] })
    expect((await read({})).changes).toHaveLength(2)
  })

  test('a cursor from before the keys were flushed is expired, also when there are new changes', async () => {
    const { store, read, named } = open()
    await login(store)
    const { next } = await read({})
    await removeKeys(client, `${named}:`)
    const empty = await read({ after: next })
    expect(empty).toMatchObject({ expired: true, changes: [] })
    await login(store)
    expect(await read({ after: next })).toMatchObject({ expired: true, changes: [] })
    expect((await read({ after: empty.next })).changes).toHaveLength(1)
  })

  test('a cursor whose last change the server has lost is expired, also when others came after', async () => {
    const { store, read, stream } = open()
    await login(store)
    await login(store)
    const { next } = await read({})
    const [last] = await client.xrevrange(stream, '+', '-', 'COUNT', 1)
    await client.xdel(stream, last![0])
    expect(await read({ after: next })).toMatchObject({ expired: true, changes: [] })
    await login(store)
    expect(await read({ after: next })).toMatchObject({ expired: true, changes: [] })
  })

  test('the changes of all buckets come in the order of their times, each once, in pages of any size', async () => {
    const { store, read, named } = open()
    for (let index = 0; index < 40; index += 1) await login(store, index < 25 ? 'one' : `${index}`)
    const all = (await read({ limit: 1_000 })).changes
    expect(all).toHaveLength(40)
    // A change is dated when its row is read, and takes its place when the row is written.
    const keys = new Keys(named)
    const streams = await Promise.all(keys.buckets.map((bucket) => client.xrange(keys.of(bucket, 'changes'), '-', '+')))
    const writtenAt = new Map(
      streams.flat().map(([id, [, change]]) => [(JSON.parse(change!) as Change).key.account, Number.parseInt(id, 10)]),
    )
    const times = all.map(({ key }) => writtenAt.get(key.account)!)
    expect(times).toEqual(times.toSorted((a, b) => a - b))
    expect(times[0]).toBeGreaterThan(0)
    for (const limit of [1, 7, 39, 40]) {
      const found: unknown[] = []
      for (let after: string | undefined; ;) {
        const page = await read({ after, limit })
        if (page.changes.length === 0) break
        expect(page.changes.length).toBeLessThanOrEqual(limit)
        found.push(...page.changes)
        after = page.next
      }
      expect(found).toEqual(all)
    }
  })

  test('a reader misses none while others write, and has the changes of each grant in order', async () => {
    const { store, read } = open({ everyRefresh: true })
    const keys = Array.from({ length: 20 }, (_, index) => ({ client: 'c', subject: `${index}`, account: '' }))
    const write = async (key: (typeof keys)[number]): Promise<void> => {
      await store.put(key, grant)
      for (let version = 1; version < 20; version += 1) await store.commit(key, { ...grant, version })
    }
    let writing = true
    const writers = Promise.all(keys.map(write)).finally(() => (writing = false))
    const versions = new Map<string, number[]>()
    for (let after: string | undefined; ;) {
      const ended = !writing
      const page = await read({ after, limit: 13 })
      for (const { key, version } of page.changes) {
        versions.set(key.subject, [...(versions.get(key.subject) ?? []), version])
      }
      if (ended && page.changes.length === 0) break
      after = page.next
    }
    await writers
    const whole = Array.from({ length: 20 }, (_, index) => index + 1)
    expect([...versions.values()]).toEqual(keys.map(() => whole))
  })

  test('a cursor that was changed by hand is expired', async () => {
    const { store, read } = open()
    await login(store)
    const { next } = await read({})
    const [epoch, ids] = JSON.parse(next) as [string, Record<string, string>]
    for (const cursor of [
      [epoch, { ...ids, [bucket]: '0-1' }],
      [epoch, { ...ids, [bucket]: '+' }],
      [epoch, { ...ids, [bucket]: 5 }],
      [epoch, { ...ids, [bucket]: '99999999999999-0' }],
      ['another', ids],
      [epoch],
    ]) {
      expect(await read({ after: JSON.stringify(cursor) })).toEqual({ expired: true, changes: [], next })
    }
    expect(await read({ after: next })).toEqual({ changes: [], next })
  })
})
