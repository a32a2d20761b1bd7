import { describe, expect, test } from 'vitest'

import type { Row, Write } from '../../src/stores/backend.ts'
import { byBytes } from '../../src/stores/lists.ts'
import { RedisBackend } from '../../src/stores/redis/backend.ts'
import { Connection, type IoredisClient } from '../../src/stores/redis/connection.ts'
import { Keys, placeOf } from '../../src/stores/redis/keys.ts'
import { redis } from '../servers/index.ts'
import { until } from '../servers/program.ts'
import { inRedis } from './fixtures/redis.ts'

const url = await redis()

const row: Write = {
  entry: '{}',
  sealed: 'x',
  index: { state: 'active', schema: 1 },
  sameIndex: false,
  durable: true,
}

function keyOf(client: string, subject: string, account = ''): string {
  return JSON.stringify([client, subject, account])
}

describe.skipIf(url === undefined)('rows in Redis', () => {
  const { client, newPrefix } = inRedis(url)

  /** A backend with nothing in it, and each call of a script: how many keys it had. */
  function open(): { backend: RedisBackend; keys: Keys; calls: number[] } {
    const keys = new Keys(newPrefix())
    const calls: number[] = []
    const spy: IoredisClient = {
      evalsha: (sha, keyCount, ...rest) => {
        calls.push(keyCount)
        return client.evalsha(sha, keyCount, ...rest)
      },
      eval: (script, keyCount, ...rest) => client.eval(script, keyCount, ...rest),
    }
    return { backend: new RedisBackend(new Connection(spy, keys.whole('version')), keys), keys, calls }
  }

  async function listed(rows: AsyncIterable<Row>): Promise<string[]> {
    const found: string[] = []
    for await (const { key } of rows) found.push(key)
    return found
  }

  test("nothing is written after `notAfter`, by the server's clock", async () => {
    const { backend } = open()
    const key = keyOf('c', 's')
    const { now } = await backend.read(key)
    const late = await backend.swap(key, undefined, 'r1', { ...row, notAfter: now - 1 })
    expect(late).toMatchObject({ swapped: false, row: undefined })
    expect(late.now).toBeGreaterThanOrEqual(now)
    expect((await backend.swap(key, undefined, 'r1', { ...row, notAfter: now + 60_000 })).swapped).toBe(true)
    const again = await backend.swap(key, 'r1', 'r2', { ...row, entry: '{"n":2}', notAfter: now - 1 })
    expect(again).toMatchObject({ swapped: false, row: { key, revision: 'r1', entry: '{}', sealed: 'x' } })
    expect((await backend.read(key)).row?.revision).toBe('r1')
  })

  test('a swap with the same index writes only what differs', async () => {
    const { backend } = open()
    const key = keyOf('c', 's')
    await backend.swap(key, undefined, 'r1', { ...row, index: { ...row.index, dueAt: 10 } })
    const { sealed: _same, ...rest } = row
    const next = { ...rest, entry: '{"n":2}', index: { ...row.index, dueAt: 20 }, sameIndex: true }
    expect((await backend.swap(key, 'r1', 'r2', next)).swapped).toBe(true)
    expect((await backend.due({ before: 19, limit: 1, schema: 1 })).rows).toEqual([])
    const { rows } = await backend.due({ before: 20, limit: 1, schema: 1 })
    expect(rows).toEqual([{ key, revision: 'r2', entry: '{"n":2}', sealed: 'x' }])
    expect(await listed(backend.list({ prefix: '[', state: 'active' }))).toEqual([key])
  })

  test('a reservation leaves the revision, so that it makes no swap fail', async () => {
    const { backend } = open()
    const key = keyOf('c', 's')
    await backend.swap(key, undefined, 'r1', { ...row, index: { ...row.index, dueAt: 5 } })
    const ask = (before: number) => backend.due({ before, limit: 5, reserveMs: 100, schema: 1 })
    const answers = await Promise.all(Array.from({ length: 5 }, () => ask(10)))
    expect(answers.flatMap(({ rows }) => rows)).toHaveLength(1)
    expect((await ask(109)).rows).toEqual([])
    const next = { ...row, index: { ...row.index, dueAt: 6 }, sameIndex: true }
    expect((await backend.swap(key, 'r1', 'r2', next)).swapped).toBe(true)
    expect((await ask(10)).rows).toMatchObject([{ key, revision: 'r2' }])
  })

  test('rows of a newer schema are not due, however many come first', async () => {
    const { backend } = open()
    const write = (key: string, schema: number, dueAt: number) =>
      backend.swap(key, undefined, 'r', { ...row, index: { ...row.index, schema, dueAt } })
    await Promise.all(Array.from({ length: 50 }, (_, index) => write(keyOf('c', 's', `${index}`), 2, index)))
    await write(keyOf('c', 's', 'old'), 1, 100)
    const { rows } = await backend.due({ before: 1_000, limit: 1, reserveMs: 1, schema: 1 })
    expect(rows.map(({ key }) => key)).toEqual([keyOf('c', 's', 'old')])
    expect((await backend.due({ before: 1_000, limit: 99, schema: 2 })).rows).toHaveLength(50)
  })

  test('pages are in the order of the keys over all buckets, whatever is in the names', async () => {
    const { backend } = open()
    const parts = ['', 'a', 'A', 'aa', '"', '\\', ',', '[', '\0', '\x7f', 'é', '\uffee', '\u{10ffff}', '\ud800']
    const all = parts.flatMap((name) => parts.map((subject) => keyOf(name, subject, 'x')))
    await Promise.all(all.map((key) => backend.swap(key, undefined, 'r', row)))
    await backend.swap(JSON.stringify('a document'), undefined, 'r', { ...row, index: { state: 'document' } })
    const sorted = all.toSorted(byBytes)
    for (const limit of [1, 7, 100, 1_000]) {
      const found: string[] = []
      let after: string | undefined
      do {
        const { rows, next } = await backend.page({ prefix: '[', after, limit })
        expect(rows.length).toBeLessThanOrEqual(limit)
        found.push(...rows.map(({ key }) => key))
        after = next
      } while (after !== undefined)
      expect(found).toEqual(sorted)
    }
    for (const name of parts) {
      const ofClient = sorted.filter((key) => (JSON.parse(key) as string[])[0] === name)
      const client = `[${JSON.stringify(name)},`
      expect(await listed(backend.list({ prefix: client }))).toEqual(ofClient)
      const subject = JSON.stringify(name)
      expect(await listed(backend.list({ prefix: '[', subject }))).toHaveLength(parts.length)
      expect(await listed(backend.list({ prefix: client, subject }))).toEqual([keyOf(name, name, 'x')])
      // A cursor before the client's keys, or after them, is no other one.
      expect((await backend.page({ prefix: client, after: '[', limit: 1 })).rows[0]?.key).toBe(ofClient[0])
      expect((await backend.page({ prefix: client, after: '["\u{10ffff}b', limit: 1 })).rows).toEqual([])
    }
  })

  test('rows are read in batches, and by state and subject only those that may fit', async () => {
    const { backend, calls } = open()
    const write = (key: string, index: Write['index']) => backend.swap(key, undefined, 'r', { ...row, index })
    await Promise.all(Array.from({ length: 450 }, (_, n) => write(keyOf('c', `${n}`), { state: 'active', dueAt: n })))
    await write(keyOf('c', 'x'), { state: 'reauthorization_required' })
    await write(keyOf('d', 'x'), { state: 'active' })
    const counted = async <T>(work: Promise<T>): Promise<{ result: T; keys: number[] }> => {
      calls.length = 0
      return { result: await work, keys: [...calls] }
    }
    const all = await counted(listed(backend.list({ prefix: '[' })))
    expect(all.result).toHaveLength(452)
    expect(Math.max(...all.keys)).toBeLessThanOrEqual(128)
    const page = await counted(backend.page({ prefix: '[', limit: 10 }))
    expect(page.keys).toEqual([128, 11])
    const due = await backend.page({ prefix: '[', limit: 9, dueBefore: 1 })
    expect(due.rows.map(({ key }) => key)).toEqual([keyOf('c', '0'), keyOf('c', '1')])
    const dead = await counted(listed(backend.list({ prefix: '[', state: 'reauthorization_required' })))
    expect(dead).toEqual({ result: [keyOf('c', 'x')], keys: [128, 1] })
    const subject = await counted(listed(backend.list({ prefix: '[', subject: '"x"' })))
    expect(subject).toEqual({ result: [keyOf('c', 'x'), keyOf('d', 'x')], keys: [1, 2] })
    // Each script counts in two lists of each bucket.
    const counts = await counted(backend.counts({}))
    expect(counts.keys).toEqual([256, 256, 256])
    expect(counts.result).toEqual([
      { key: '["c",', state: 'active', count: 450 },
      { key: '["c",', state: 'reauthorization_required', count: 1 },
      { key: '["d",', state: 'active', count: 1 },
    ])
  })

  test('a row that the server has evicted is in no result', async () => {
    const { backend, keys } = open()
    const [lost, kept] = [keyOf('c', 's', 'lost'), keyOf('c', 's', 'kept')]
    for (const key of [lost, kept]) {
      await backend.swap(key, undefined, 'r', { ...row, index: { ...row.index, dueAt: 1 } })
    }
    const { bucket } = placeOf(lost)
    await client.del(keys.of(bucket, `row:${lost}`))
    expect(await backend.read(lost)).toMatchObject({ row: undefined })
    expect(await listed(backend.list({ prefix: '[' }))).toEqual([kept])
    const due = await backend.due({ before: 1, limit: 5, schema: 1 })
    expect(due.rows.map(({ key }) => key)).toEqual([kept])
    // The next workers are not given it again.
    expect(await client.zrange(keys.of(bucket, 'due'), '0', '-1')).toEqual([kept])
  })

  test('a listed row that ended leaves the lists when its bucket is written next', async () => {
    const { backend, keys } = open()
    const ends = JSON.stringify('ends')
    const { bucket } = placeOf(ends)
    const other = Array.from({ length: 2_000 }, (_, n) => `"${n}"`).find((key) => placeOf(key).bucket === bucket)!
    const index = { state: 'document', forgetAt: (await backend.read(ends)).now - 60_000 + 100 } as const
    expect((await backend.swap(ends, undefined, 'r', { ...row, index })).swapped).toBe(true)
    expect(await listed(backend.list({ prefix: '"', state: 'document' }))).toEqual([ends])
    await until('The end of a row', async () => expect((await backend.read(ends)).row).toBe(undefined))
    await backend.swap(other, undefined, 'r', { ...row, index: { state: 'document' } })
    expect(await client.zrange(keys.of(bucket, 'list'), '0', '-1')).toEqual([other])
    expect(await client.exists(keys.of(bucket, 'ends'))).toBe(0)
  })

  test('a row that is written again, to stay, is not taken for ended', async () => {
    const { backend, keys } = open()
    const key = JSON.stringify('document')
    const { now } = await backend.read(key)
    await backend.swap(key, undefined, 'r1', { ...row, index: { state: 'document', forgetAt: now } })
    await backend.swap(key, 'r1', 'r2', { ...row, index: { state: 'document' } })
    expect(await client.pttl(keys.of(placeOf(key).bucket, `row:${key}`))).toBe(-1)
    expect(await client.exists(keys.of(placeOf(key).bucket, 'ends'))).toBe(0)
  })
})
