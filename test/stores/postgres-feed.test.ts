import { Client, Pool } from 'pg'
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest'

import { type PostgresPool, postgresStore } from '../../src/stores/postgres/index.ts'
import type { GrantStore } from '../../src/stores/store.ts'
import { postgres } from '../servers/index.ts'
import { startPostgres } from '../servers/start-postgres.ts'
import { settled } from './settled.ts'
import { grant, keyOf } from './records.ts'
import { inPostgres } from './fixtures/postgres.ts'

const DAY_MS = 24 * 3_600_000

const url = await postgres()

describe.skipIf(url === undefined)('the change feed on PostgreSQL', () => {
  const { schema, pool, newTable } = inPostgres(url)
  const holders: Client[] = []

  afterEach(async () => {
    vi.restoreAllMocks()
    await Promise.all(holders.splice(0).map((client) => client.end()))
  })

  const open = (table: string, client: PostgresPool = pool): GrantStore => postgresStore(client, { schema, table })
  const put = (store: GrantStore, subject: string) => store.put(keyOf(subject), grant)

  /** What the feed has after a cursor, when no other test holds it back. */
  async function read(store: GrantStore, after?: string, limit = 100) {
    await settled(pool)
    return readNow(store, after, limit)
  }

  async function readNow(store: GrantStore, after?: string, limit = 100) {
    const { changes, ...rest } = await store.changes!({ after, limit })
    return { ...rest, subjects: changes.map(({ key }) => key.subject) }
  }

  /** Writes in a transaction that stays open until the function that is returned is called. */
  async function writing(table: string, subject: string): Promise<() => Promise<unknown>> {
    const client = new Client({ connectionString: url! })
    holders.push(client)
    await client.connect()
    const store = open(table, client)
    await store.read(keyOf(subject))
    await client.query('BEGIN')
    await put(store, subject)
    return () => client.query('COMMIT')
  }

  /** A pool whose server's clock, and the machine's, can be moved forward. */
  function laterPool(): { later: PostgresPool; pass: (ms: number) => void } {
    let passedMs = 0
    const started = performance.now()
    vi.spyOn(performance, 'now').mockImplementation(() => started + passedMs)
    const query: PostgresPool['query'] = (text, values) =>
      pool.query(text.replaceAll('clock_timestamp()', `(clock_timestamp() + ${passedMs} * interval '1 ms')`), values)
    return { later: { query }, pass: (ms) => (passedMs += ms) }
  }

  test('commits that overtake each other hide no change; a reader by numbers alone misses one', async () => {
    const table = newTable()
    const store = open(table)
    await put(store, 'first')
    const { next: start, subjects } = await read(store)
    expect(subjects).toEqual(['first'])
    const numbered: string[] = []
    let last = '0'
    const readByNumbers = async (): Promise<void> => {
      const { rows } = await pool.query<{ seq: string; change: string }>(
        `SELECT seq, change FROM ${schema}.${table}_changes WHERE seq > $1 ORDER BY seq`,
        [last],
      )
      numbered.push(...rows.map(({ change }) => JSON.parse(change).key.subject as string))
      last = rows.at(-1)?.seq ?? last
    }
    const commit = await writing(table, 'slow')
    await put(store, 'quick')
    await readByNumbers()
    const held = await readNow(store, start)
    expect(held).toEqual({ subjects: [], next: start })
    await commit()
    await readByNumbers()
    await put(store, 'last')
    const found: string[] = []
    let after = held.next
    for (let page = 0; page < 4; page += 1) {
      const answer = await read(store, after, 1)
      found.push(...answer.subjects)
      after = answer.next
    }
    expect(found).toEqual(['slow', 'quick', 'last'])
    expect(numbered).toEqual(['first', 'quick'])
  })

  test('the end that a reader starts from hides no change that is still being written', async () => {
    const table = newTable()
    const store = open(table)
    const commit = await writing(table, 'slow')
    const empty = await readNow(store)
    const unknown = await readNow(store, 'unknown')
    expect([empty.subjects, unknown.subjects, unknown.expired]).toEqual([[], [], true])
    await commit()
    expect((await read(store, empty.next)).subjects).toEqual(['slow'])
    expect((await read(store, unknown.next)).subjects).toEqual(['slow'])
  })

  test('changes are kept for 7 days; a cursor from before what was removed is expired', async () => {
    const { later, pass } = laterPool()
    const table = newTable()
    const store = open(table, later)
    for (const subject of ['a', 'b']) await put(store, subject)
    const { next: first } = await read(store, undefined, 1)
    const { next: second } = await read(store, first, 1)
    pass(7 * DAY_MS - 60_000)
    await put(store, 'c')
    expect((await read(store, first)).subjects).toEqual(['b', 'c'])
    const { next: third } = await read(store, second)
    pass(120_000)
    await put(store, 'd')
    expect((await read(store, second)).subjects).toEqual(['c', 'd'])
    const late = await read(store, first)
    expect(late).toEqual({ expired: true, subjects: [], next: late.next })
    expect(await read(store, late.next)).toEqual({ subjects: [], next: late.next })
    expect((await read(store)).subjects).toEqual(['c', 'd'])
    expect((await read(store, third)).subjects).toEqual(['d'])
  })

  test('a change that an open transaction holds back is not removed before it could be read', async () => {
    const { later, pass } = laterPool()
    const table = newTable()
    const store = open(table, later)
    await put(store, 'first')
    const { next } = await read(store)
    const commit = await writing(table, 'slow')
    await put(store, 'quick')
    pass(8 * DAY_MS)
    await put(store, 'now')
    await commit()
    expect(await read(store, next)).toMatchObject({ subjects: ['slow', 'quick', 'now'] })
    expect((await read(store)).subjects).toEqual(['slow', 'quick', 'now'])
  })

  test('a cursor beyond the last transaction, and any other text, is expired', async () => {
    const table = newTable()
    const store = open(table)
    await put(store, 'a')
    const { next } = await read(store)
    const [epoch = '', xid = ''] = next.split('.')
    const cursors = [`${epoch}.${Number(xid) + 1_000_000}.1`, `${epoch}.-1.1`, `${epoch}.1e3.1`, `${epoch}..`, epoch]
    for (const cursor of [...cursors, `${epoch}.${'9'.repeat(30)}.1`, `${next}.1`, `x${next}`]) {
      expect(await read(store, cursor)).toMatchObject({ expired: true, subjects: [] })
    }
    expect(await read(store, next)).toEqual({ subjects: [], next })
  })

  test('tables that turn up on another server begin a new feed', async () => {
    const table = newTable()
    const store = open(table)
    await put(store, 'a')
    const { next } = await read(store)
    await pool.query(`UPDATE ${schema}.${table}_meta SET server = 'another', removed_xid = 5`)
    const there = open(table)
    expect(await read(there, next)).toMatchObject({ expired: true, subjects: [] })
    await put(there, 'b')
    expect((await read(there)).subjects).toEqual(['b'])
    expect((await there.read(keyOf('a'))).record).toMatchObject({ version: 1 })
    const { rows } = await pool.query(`SELECT server, removed_xid FROM ${schema}.${table}_meta`)
    expect(rows).toEqual([{ server: expect.stringMatching(/^\d+\.[0-9A-F]{8}\.\d+$/), removed_xid: '0' }])
    expect((await read(open(table))).subjects).toEqual(['b'])
  })

  test('a process that runs on while its server changes notices it within a minute', async () => {
    const { pass } = laterPool()
    const table = newTable()
    const store = open(table)
    await put(store, 'a')
    const { next } = await read(store)
    await pool.query(`UPDATE ${schema}.${table}_meta SET server = 'another'`)
    pass(59_000)
    await put(store, 'b')
    expect((await read(store, next)).subjects).toEqual(['b'])
    pass(2_000)
    await put(store, 'c')
    expect(await read(store, next)).toMatchObject({ expired: true })
  })

  test('with everyRefresh the feed has every refresh', async () => {
    const kinds = async (everyRefresh: boolean): Promise<string[]> => {
      const store = postgresStore(pool, { schema, table: newTable(), everyRefresh })
      await put(store, 'a')
      await store.commit(keyOf('a'), { ...grant, version: 1 })
      await settled(pool)
      return (await store.changes!({})).changes.map(({ kind }) => kind)
    }
    expect(await kinds(true)).toEqual(['connected', 'refreshed'])
    expect(await kinds(false)).toEqual(['connected'])
  })
})

const own = url === undefined ? undefined : await startPostgres()

describe.skipIf(own === undefined)('a role that may not ask which server it is', () => {
  const pool = new Pool({ connectionString: own!.url, max: 4 })

  afterAll(async () => {
    await pool.end()
    await own!.stop()
  })

  test('has a feed, and changes nothing of another role', async () => {
    const roles = ['may', 'may_not']
    for (const role of roles)
      await pool.query(`CREATE ROLE ${role} LOGIN; GRANT CREATE, USAGE ON SCHEMA public TO ${role}`)
    await pool.query('REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC')
    await pool.query('GRANT EXECUTE ON FUNCTION pg_control_system() TO may')
    const [may, mayNot] = roles.map((user) => new Pool({ connectionString: own!.url.replace('postgres@', `${user}@`) }))
    const store = postgresStore(mayNot!, { table: 'grants' })
    await store.put(keyOf('a'), grant)
    const noted = async (): Promise<unknown> => (await pool.query('SELECT server FROM grants_meta')).rows[0]?.server
    expect(await noted()).toBe(null)
    await settled(pool)
    const { changes, next } = await store.changes!({})
    expect(changes).toHaveLength(1)
    await pool.query('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO may')
    await postgresStore(may!, { table: 'grants' }).read(keyOf('a'))
    const server = await noted()
    expect(server).toMatch(/^\d+\./)
    expect((await store.changes!({ after: next })).expired).toBe(true)
    await postgresStore(mayNot!, { table: 'grants' }).read(keyOf('a'))
    expect(await noted()).toBe(server)
    await Promise.all([may!.end(), mayNot!.end()])
  })
})
