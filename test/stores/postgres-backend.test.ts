import { Client, Pool } from 'pg'
import { afterAll, afterEach, describe, expect, test } from 'vitest'

import type { Backend, Row, Write } from '../../src/stores/backend.ts'
import { keyRange } from '../../src/stores/lists.ts'
import { PostgresBackend } from '../../src/stores/postgres/backend.ts'
import { type PostgresPool, type PostgresValue, runner } from '../../src/stores/postgres/connection.ts'
import { tablesNamed } from '../../src/stores/postgres/schema.ts'
import { backendContract, fakeClock } from '../../src/testing/index.ts'
import { postgres } from '../servers/index.ts'
import { inPostgres } from './fixtures/postgres.ts'

const url = await postgres()

const key = '["c","s",""]'
const write: Write = {
  entry: '{"record":{}}',
  sealed: 'sealed',
  index: { subject: '"s"', state: 'active', schema: 1, dueAt: 5 },
  sameIndex: false,
  durable: true,
}
const change = {
  kind: 'connected',
  key: { client: 'c', subject: 's', account: '' },
  id: '1',
  version: 1,
  at: 1,
} as const

describe.skipIf(url === undefined)('the PostgreSQL backend', () => {
  const { schema, pool, sqlOf, newTable } = inPostgres(url, { max: 20 })
  const sql = sqlOf()
  const holders: Client[] = []

  afterEach(() => Promise.all(holders.splice(0).map((client) => client.end())))

  const open = (client: Parameters<typeof runner>[0] = pool, table = newTable(), prepare = false): Backend =>
    new PostgresBackend(runner(client, prepare), tablesNamed({ schema, table }))

  describe('keeps its contract', () => {
    describe.each([
      ['pg', () => open(pool, 'contract')],
      ['postgres.js', () => open(sql, 'contract')],
      ['pg with prepared statements', () => open(pool, 'prepared', true)],
      ['postgres.js with prepared statements', () => open(sql, 'prepared', true)],
    ])('with %s', (_name, create) => {
      for (const { name, run } of backendContract({ create })) test(name, run, 60_000)
    })

    describe('with a clock of the test', () => {
      const clock = fakeClock()
      const at: PostgresPool = {
        query: (text, values) =>
          pool.query(text.replaceAll('clock_timestamp()', `to_timestamp(${clock.now() / 1000})`), values),
      }
      for (const { name, run } of backendContract({ create: () => open(at, 'fake_time'), clock })) test(name, run)
    })
  })

  describe.each(['read committed', 'repeatable read', 'serializable'])(
    'a swap, at %s, that waits for a lock',
    (level) => {
      const leveled = new Pool({
        connectionString: url!,
        max: 4,
        options: `-c default_transaction_isolation=${level.replace(' ', '\\ ')}`,
      })
      afterAll(() => leveled.end())

      async function transaction(...statements: string[]): Promise<Client> {
        const client = new Client({ connectionString: url! })
        holders.push(client)
        await client.connect()
        for (const statement of ['BEGIN', ...statements]) await client.query(statement)
        return client
      }

      /** Resolves when a statement on the table waits for a lock. */
      async function waiting(table: string): Promise<void> {
        const asked = `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE $1`
        for (let tries = 0; tries < 500; tries += 1) {
          if ((await pool.query(asked, [`%"${table}"%`])).rowCount! > 0) return
          await new Promise((resolve) => setTimeout(resolve, 5))
        }
        throw new Error('Nothing waits.')
      }

      /**
       * Swaps with 100 ms of time while another transaction holds the row for longer, and then ends as given.
       */
      async function late(hold: string, end: 'COMMIT' | 'ROLLBACK', from: string | undefined) {
        const table = newTable()
        const backend = open(leveled, table)
        if (from !== undefined) await backend.swap(key, undefined, from, write)
        else await backend.read(key)
        const holder = await transaction(hold.replaceAll('TABLE', `${schema}.${table}`))
        const { now, row } = await open(pool, table).read(key)
        const swap = backend.swap(key, from, 'late', { ...write, sealed: 'late', change, notAfter: now + 100 })
        await waiting(table)
        await pool.query(`SELECT pg_sleep(0.001 * greatest(0, $1 - 1000 * extract(epoch FROM clock_timestamp())))`, [
          now + 110,
        ])
        await holder.query(end)
        const found = await swap
        const { rows } = await pool.query(`SELECT change FROM ${schema}.${table}_changes`)
        return { found, before: row, after: (await backend.read(key)).row, notAfter: now + 100, changes: rows }
      }

      test.each([
        ['that locked it only', 'SELECT FROM TABLE FOR UPDATE', 'COMMIT'],
        ['whose write was undone', `UPDATE TABLE SET revision = 'undone'`, 'ROLLBACK'],
        ['that reserved it', `UPDATE TABLE SET due_at = 9`, 'COMMIT'],
      ] as const)('past its time, held by a transaction %s, writes nothing', async (_name, hold, end) => {
        const { found, before, after, notAfter, changes } = await late(hold, end, 'first')
        expect(found).toMatchObject({ swapped: false, row: before })
        expect(found.now).toBeGreaterThan(notAfter)
        expect(after).toEqual(before)
        expect(changes).toEqual([])
      })

      test('past its time, of a row that was not made in the end, writes nothing', async () => {
        const insert = `INSERT INTO TABLE (key, revision, entry, sealed) VALUES ('${key}', 'r', '', '')`
        const { found, after, notAfter, changes } = await late(insert, 'ROLLBACK', undefined)
        expect([found.swapped, found.row, after, changes]).toEqual([false, undefined, undefined, []])
        expect(found.now).toBeGreaterThan(notAfter)
      })

      test('goes on when a worker has reserved the row, and fails when it was written or removed', async () => {
        for (const [hold, swapped] of [
          ['UPDATE TABLE SET due_at = 9', true],
          [`UPDATE TABLE SET revision = 'other'`, false],
          ['DELETE FROM TABLE', false],
        ] as const) {
          const table = newTable()
          const backend = open(leveled, table)
          await backend.swap(key, undefined, 'first', write)
          const holder = await transaction(hold.replaceAll('TABLE', `${schema}.${table}`))
          const { now } = await open(pool, table).read(key)
          const swap = backend.swap(key, 'first', 'second', { ...write, change, notAfter: now + 60_000 })
          await waiting(table)
          await holder.query('COMMIT')
          expect((await swap).swapped).toBe(swapped)
          const { rows } = await pool.query(`SELECT due_at FROM ${schema}.${table} WHERE revision = 'second'`)
          expect(rows).toEqual(swapped ? [{ due_at: '5' }] : [])
          expect((await pool.query(`SELECT FROM ${schema}.${table}_changes`)).rowCount).toBe(swapped ? 1 : 0)
        }
      })
    },
  )

  test('a failure of another kind does not count as a late swap', async () => {
    const table = newTable()
    const backend = open(pool, table)
    await backend.swap(key, undefined, 'first', write)
    await pool.query(`ALTER TABLE ${schema}.${table} ADD CHECK (revision = 'first')`)
    const swap = backend.swap(key, 'first', 'second', { ...write, notAfter: 1e13 })
    await expect(swap).rejects.toThrow(/violates check constraint/)
  })

  /** A pool that writes down what it is asked. */
  function spied(): { spy: PostgresPool; log: { text: string; values: PostgresValue[] }[] } {
    const log: { text: string; values: PostgresValue[] }[] = []
    const spy: PostgresPool = {
      query: (text, values = []) => {
        log.push({ text, values })
        return pool.query(text, values)
      },
    }
    return { spy, log }
  }

  test('each operation is one statement; a swap that writes nothing is followed by a read', async () => {
    const { spy, log } = spied()
    const backend = open(spy)
    await backend.read(key)
    const statementsOf = async (work: () => Promise<unknown>): Promise<number> => {
      log.length = 0
      await work()
      return log.length
    }
    expect(await statementsOf(() => backend.read(key))).toBe(1)
    expect(await statementsOf(() => backend.swap(key, undefined, 'a', { ...write, change }))).toBe(1)
    expect(await statementsOf(() => backend.swap(key, 'a', 'b', { ...write, change }))).toBe(1)
    expect(await statementsOf(() => backend.swap(key, 'b', 'c', { ...write, notAfter: 1e13 }))).toBe(1)
    expect(await statementsOf(() => backend.swap(key, 'b', 'd', write))).toBe(2)
    expect(await statementsOf(() => backend.swap(key, 'c', 'd', { ...write, notAfter: 1 }))).toBe(2)
    expect(await statementsOf(() => backend.due({ before: 9, limit: 5, schema: 1, reserveMs: 5 }))).toBe(1)
    expect(await statementsOf(() => backend.due({ before: 9, limit: 5, schema: 1 }))).toBe(1)
    expect(await statementsOf(() => backend.page!({ prefix: '[', limit: 5 }))).toBe(1)
    expect(await statementsOf(() => backend.counts!({}))).toBe(1)
    expect(await statementsOf(() => backend.changes!({ limit: 5 }))).toBe(1)
  })

  test('counts keep clients apart, whatever their names', async () => {
    const backend = open()
    const names = [
      '',
      'a',
      'a"',
      'a",',
      'a","',
      'a\\',
      'a\\"',
      'a\\",',
      'a\\\\',
      ',',
      '",',
      '"',
      'a,b',
      '["',
      'é😀',
      '\0',
      '\ud800',
    ]
    for (const [index, name] of names.entries()) {
      for (const account of ['x', '",']) {
        await backend.swap(JSON.stringify([name, '"', account]), undefined, 'r', write)
      }
      const dead: Write = { ...write, index: { state: 'reauthorization_required' } }
      if (index % 2 === 0) await backend.swap(JSON.stringify([name, 'dead', '']), undefined, 'r', dead)
    }
    const counts = await backend.counts!({})
    const told = counts.map(({ key: begin, state, count }) => [JSON.parse(`${begin.slice(0, -1)}]`)[0], state, count])
    const expected = names.flatMap((name, index) => [
      [name, 'active', 2],
      ...(index % 2 === 0 ? [[name, 'reauthorization_required', 1]] : []),
    ])
    expect(new Set(told.map((each) => JSON.stringify(each)))).toEqual(
      new Set(expected.map((each) => JSON.stringify(each))),
    )
    expect(told).toHaveLength(expected.length)
  })

  test('reads, lists, due rows and the feed use an index', async () => {
    const table = newTable()
    const { spy, log } = spied()
    const backend = open(spy, table)
    await backend.read(key)
    const of = `${schema}.${table}`
    await pool.query(`INSERT INTO ${of} (key, revision, entry, sealed, subject, state, schema, due_at)
      SELECT '["c' || n % 50 || '","s' || n || '",""]', 'r', 'e', repeat('x', 300), '"s' || n || '"',
        CASE n % 500 WHEN 0 THEN 'reauthorization_required' ELSE 'active' END, 1, n + 1000
      FROM generate_series(1, 20000) AS n`)
    await pool.query(`INSERT INTO ${of} (key, revision, entry, sealed, state, forget_at)
      SELECT '"d' || n || '"', 'r', 'e', 's', CASE n % 50 WHEN 0 THEN 'document' END, n
      FROM generate_series(1, 5000) AS n`)
    await pool.query(
      `INSERT INTO ${of}_changes (xid, at, change) SELECT n / 2, n, '{}' FROM generate_series(1, 5000) AS n`,
    )
    await pool.query(`ANALYZE ${of}`)
    await pool.query(`ANALYZE ${of}_changes`)
    const page = (request: Partial<Parameters<NonNullable<Backend['page']>>[0]>) => () =>
      backend.page!({ prefix: '[', limit: 100, ...request })
    const cases: [work: () => Promise<unknown>, index: string][] = [
      [() => backend.read(key), 'pkey'],
      [() => backend.swap('["c1","s1",""]', 'r', 'r', write), 'pkey'],
      [() => backend.swap('["c1","s1",""]', 'r', 'r', { ...write, change, notAfter: 1e13 }), 'pkey'],
      [page({}), 'pkey'],
      [page({ prefix: '["c7",' }), 'pkey'],
      [page({ state: 'active', after: '["c20",' }), 'pkey'],
      [page({ subject: '"s20"' }), 'subject'],
      [page({ state: 'reauthorization_required' }), 'state'],
      [page({ prefix: '["c0",', state: 'reauthorization_required' }), 'state'],
      [page({ prefix: '"d1', state: 'document' }), 'state'],
      [page({ dueBefore: 1010 }), 'due'],
      [page({ dueBefore: 50_000 }), 'pkey'],
      [() => backend.due({ before: 1010, limit: 10, schema: 1 }), 'due'],
      [() => backend.due({ before: 1010, limit: 10, schema: 1, reserveMs: 5 }), 'due'],
      [() => backend.changes!({ limit: 10 }), 'changes_pkey'],
    ]
    for (const [work, index] of cases) {
      log.length = 0
      await work()
      const { text, values } = log[0]!
      const { rows } = await pool.query<Record<string, string>>(`EXPLAIN ${text}`, values)
      const plan = rows.map((row) => row['QUERY PLAN']).join('\n')
      expect(plan).not.toMatch(/Seq Scan on \w*\d\b/)
      expect(/(?:Index \w*\s*Scan using|Index Scan on) (\w+)/.exec(plan)?.[1]).toBe(`${table}_${index}`)
    }
  })

  test('a long list is read in pages, to the last row', async () => {
    const table = newTable()
    const backend = open(pool, table)
    await backend.read(key)
    await pool.query(`INSERT INTO ${schema}.${table} (key, revision, entry, sealed, state)
      SELECT '["c","' || lpad(n::text, 3, '0') || '",""]', 'r', 'e', 's', 'active' FROM generate_series(1, 200) AS n`)
    const rows: Row[] = []
    for await (const row of backend.list({ prefix: '["c",' })) rows.push(row)
    expect(rows.map((row) => JSON.parse(row.key)[1])).toEqual(rows.map((_, index) => `${index + 1}`.padStart(3, '0')))
    expect(rows).toHaveLength(200)
    expect(keyRange('["c",').below > rows.at(-1)!.key).toBe(true)
  })
})
