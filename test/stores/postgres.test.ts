import { randomBytes } from 'node:crypto'
import { inspect } from 'node:util'

import { Client, type CustomTypesConfig, Pool, types } from 'pg'
import postgresJs from 'postgres'
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest'

import { ConfigError, StoreError, UnreadableRecordError } from '../../src/model/errors.ts'
import { type PostgresPool, postgresStore, type PostgresValue } from '../../src/stores/postgres/index.ts'
import type { ClaimRequest, GrantStore } from '../../src/stores/store.ts'
import { postgres } from '../servers/index.ts'
import { startPostgres } from '../servers/start-postgres.ts'
import { race } from './race.ts'
import { grant, key } from './records.ts'
import { inPostgres } from './fixtures/postgres.ts'

const DAY_MS = 24 * 3_600_000

const claim: ClaimRequest = {
  id: '1',
  version: 1,
  owner: 'o',
  leaseMs: 60_000,
  settleMs: 0,
  intent: { hash: 'h', sendWithinMs: 1 },
}

const unused: PostgresPool = { query: () => Promise.reject(new Error('This client must not be used.')) }

describe('what can not be used', () => {
  test.each([
    ['a URL', 'postgres://localhost'],
    ['null', null],
    ['an object without methods', {}],
    ['nothing', undefined],
  ])('%s', (_name, client) => {
    expect(() => postgresStore(client as unknown as PostgresPool)).toThrow(ConfigError)
    expect(() => postgresStore(client as unknown as PostgresPool)).toThrow(/a pool of 'pg' .* or the sql function/)
  })

  test.each(['', '1grants', 'a-b', 'a; DROP TABLE b', '"a"', 'a.b', 'a'.repeat(49), 5])('the name %o', (name) => {
    expect(() => postgresStore(unused, { table: name as string })).toThrow(/options\.table to be a plain SQL name/)
    expect(() => postgresStore(unused, { schema: name as string })).toThrow(/options\.schema to be a plain SQL name/)
  })
})

test('it is not volatile, and touches nothing before it is used', () => {
  expect(postgresStore(unused).volatile).toBe(false)
})

describe('a failure', () => {
  const failing = (error: unknown): GrantStore => postgresStore({ query: () => Promise.reject(error) })
  const failureOf = (store: GrantStore): Promise<unknown> =>
    store.put(key, { ...grant, sealed: 'the-secret-in-it' }).catch((reason: unknown) => reason)

  test.each([
    ['42501', /Grant the role the rights/],
    ['42P01', /schema and table options/],
    ['25006', /Connect to the primary/],
    ['53300', /run out of a resource/],
    ['28P01', /user, the password/],
    ['3D000', /name of the database/],
    ['40P01', /try again/],
    ['3F000', /schema option and the role's search_path/],
    ['42P05', /option 'prepare'.*pooler/],
    ['26000', /option 'prepare'.*pooler/],
    ['22P05', /encoding is UTF8/],
    ['22021', /encoding is UTF8/],
    ['54000', /too long for an index/],
    ['55P03', /Another transaction holds the row/],
    ['57014', /statement_timeout/],
    ['ECONNREFUSED', /Check the connection/],
    [undefined, /Check the connection/],
  ])('with the code %s says what to do', async (code, message) => {
    const error = await failureOf(failing(Object.assign(new Error('it failed.'), { code })))
    expect(error).toBeInstanceOf(StoreError)
    expect((error as StoreError).message).toMatch(message)
    expect((error as StoreError).message).toMatch(/^The PostgreSQL store failed: it failed\. /)
    expect((error as StoreError).cause).toMatchObject({
      message: 'it failed.',
      ...(code === undefined ? {} : { code }),
    })
  })

  test.each([
    ['40001', true],
    ['55P03', true],
    ['42P05', true],
    ['23505', true],
    ['53100', true],
    ['57014', true],
    ['57P01', undefined],
    ['08006', undefined],
    ['XX000', undefined],
    ['58030', undefined],
    ['ECONNRESET', undefined],
    [undefined, undefined],
  ])('with the code %s says whether it is known that nothing was written: %s', async (code, notWritten) => {
    const error = await failureOf(failing(Object.assign(new Error('it failed.'), { code })))
    expect((error as StoreError).notWritten).toBe(notWritten)
  })

  test('shows nothing of what was written', async () => {
    const talkative: PostgresPool = {
      query: async (text, values = []) => {
        const parameters = values.join()
        if (parameters.includes('the-secret-in-it')) {
          throw Object.assign(new Error(`failed with ${parameters}`), { detail: parameters, parameters, query: text })
        }
        return { rows: [[1]] }
      },
    }
    const error = await failureOf(postgresStore(talkative))
    expect(error).toBeInstanceOf(StoreError)
    expect((error as StoreError).message).toContain('failed with')
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('the-secret-in-it')
  })

  test('that is no Error still causes a StoreError', async () => {
    await expect(failing('no').read(key)).rejects.toThrow(StoreError)
    await expect(failing(undefined).read(key)).rejects.toThrow(/unexpected failure/)
  })

  test('of other transactions is tried again, a limited number of times', async () => {
    let calls = 0
    const store = postgresStore({
      query: async () => {
        calls += 1
        throw Object.assign(new Error('could not serialize access'), { code: '40001' })
      },
    })
    await expect(store.read(key)).rejects.toThrow(/could not serialize access. Nothing was written; try again/)
    expect(calls).toBe(5)
  })
})

const url = await postgres()

describe.skipIf(url === undefined)('on a server', () => {
  const { schema, pool, newTable } = inPostgres(url, { max: 20 })

  afterEach(() => {
    vi.restoreAllMocks()
  })

  const open = (client: PostgresPool = pool, table = newTable()): GrantStore => postgresStore(client, { schema, table })

  /** A pool that writes down what it is asked. */
  function spied(): { pool: PostgresPool; log: { text: string; values: PostgresValue[] }[] } {
    const log: { text: string; values: PostgresValue[] }[] = []
    return {
      log,
      pool: {
        query: (text, values = []) => {
          log.push({ text, values })
          return pool.query(text, values)
        },
      },
    }
  }

  test('each statement is prepared once for each connection when that is wished, and else never', async () => {
    for (const prepare of [true, false]) {
      const single = new Pool({ connectionString: url!, max: 1 })
      const sql = postgresJs(url!, { max: 1 })
      const stores = [single, single, sql].map((client) =>
        postgresStore(client, { schema, table: newTable(), prepare }),
      )
      for (const store of [...stores, ...stores]) {
        await store.put(key, grant)
        await store.claim(key, claim)
        await store.page!({ limit: 1 })
      }
      const asked = 'SELECT statement FROM pg_prepared_statements'
      const counts = [(await single.query(asked)).rows, await sql.unsafe(asked)].map(
        (rows) => rows.filter(({ statement }) => /^UPDATE .* SET revision/.test(String(statement))).length,
      )
      expect(counts).toEqual(prepare ? [2, 1] : [0, 0])
      // A page's plan depends on its values.
      const pages = await single.query(`${asked} WHERE statement LIKE '%LIMIT%'`)
      expect(pages.rows).toEqual([])
      await Promise.all([single.end(), sql.end()])
    }
  })

  async function count(table: string): Promise<number> {
    const { rows } = await pool.query<{ n: string }>(`SELECT count(*) AS n FROM ${schema}.${table}`)
    return Number(rows[0]?.n)
  }

  describe('its tables', () => {
    test('are made once by many that start at the same time, and each works', async () => {
      for (const fresh of [`${schema}_a`, `${schema}_b`, `${schema}_c`]) {
        const starters = Array.from({ length: 8 }, () => new Pool({ connectionString: url!, max: 1 }))
        await Promise.all(starters.map((starter) => starter.query('SELECT 1')))
        await Promise.all(
          starters.map((starter, index) =>
            postgresStore(starter, { schema: fresh }).put(
              { ...key, subject: `${index}` },
              { ...grant, id: `${index}` },
            ),
          ),
        )
        const { rows } = await pool.query(`SELECT version FROM ${fresh}.evergrant_records_meta`)
        expect(rows).toEqual([{ version: 2 }])
        expect(await pool.query(`SELECT key FROM ${fresh}.evergrant_records`)).toMatchObject({ rowCount: 8 })
        expect(await pool.query(`SELECT xid FROM ${fresh}.evergrant_records_changes`)).toMatchObject({ rowCount: 8 })
        await pool.query(`DROP SCHEMA ${fresh} CASCADE`)
        await Promise.all(starters.map((starter) => starter.end()))
      }
    })

    test('are made without a word to the client', async () => {
      const notices: unknown[] = []
      const sql = postgresJs(url!, { max: 4, onnotice: (notice) => notices.push(notice) })
      const table = newTable()
      await Promise.all(Array.from({ length: 4 }, () => postgresStore(sql, { schema, table }).read(key)))
      expect(notices).toEqual([])
      await sql.end()
    })

    test('of a newer release are left alone', async () => {
      const table = newTable()
      await open(pool, table).put(key, grant)
      await pool.query(`UPDATE ${schema}.${table}_meta SET version = 3, server = 'another'`)
      const before = await pool.query(`SELECT * FROM ${schema}.${table}, ${schema}.${table}_meta`)
      const refused = open(pool, table).put(key, { ...grant, id: '2' })
      await expect(refused).rejects.toThrow(ConfigError)
      await expect(refused).rejects.toThrow(/version 3, and this release knows 2: a newer release made them/)
      const after = await pool.query(`SELECT * FROM ${schema}.${table}, ${schema}.${table}_meta`)
      expect(after.rows).toEqual(before.rows)
    })

    test('may have columns that a newer release added', async () => {
      const table = newTable()
      const store = open(pool, table)
      await store.put(key, grant)
      await pool.query(`ALTER TABLE ${schema}.${table} ADD COLUMN more text DEFAULT 'kept'`)
      expect((await store.claim(key, claim)).outcome).toBe('claimed')
      expect((await pool.query(`SELECT more FROM ${schema}.${table}`)).rows).toEqual([{ more: 'kept' }])
    })

    test('that are there are enough for a role that may make none', async () => {
      const table = newTable()
      const role = `role_${randomBytes(6).toString('hex')}`
      await open(pool, table).put(key, grant)
      await pool.query(`CREATE ROLE ${role} LOGIN PASSWORD 'secret'`)
      await pool.query(`GRANT USAGE ON SCHEMA ${schema} TO ${role}`)
      await pool.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${schema} TO ${role}`)
      const { hostname, port, pathname } = new URL(url!)
      const poor = new Pool({ connectionString: `postgres://${role}:secret@${hostname}:${port}${pathname}`, max: 1 })
      expect((await open(poor, table).claim(key, claim)).outcome).toBe('claimed')
      await expect(open(poor).read(key)).rejects.toThrow(/permission denied.*Grant the role the rights/)
      await poor.end()
      await pool.query(`DROP OWNED BY ${role}`)
      await pool.query(`DROP ROLE ${role}`)
    })

    test('lie in the first schema of the search path without a name of one', async () => {
      const table = newTable()
      const there = new Pool({ connectionString: url!, max: 1, options: `-c search_path=${schema}` })
      await postgresStore(there, { table }).put(key, grant)
      expect(await count(table)).toBe(1)
      await there.end()
    })

    test('may have them while statements are prepared', async () => {
      const table = newTable()
      const single = new Pool({ connectionString: url!, max: 1 })
      const store = postgresStore(single, { schema, table, prepare: true })
      await store.put(key, grant)
      await store.due({ before: 1, limit: 1 })
      await pool.query(`ALTER TABLE ${schema}.${table} ADD COLUMN more text`)
      expect((await store.read(key)).record).toMatchObject({ id: '1' })
      await store.due({ before: 1, limit: 1 })
      await single.end()
    })
  })

  describe('clients', () => {
    test('may rename columns and read numbers in ways of their own', async () => {
      const table = newTable()
      const camel = postgresJs(url!, { max: 1, transform: postgresJs.camel, types: { bigint: postgresJs.BigInt } })
      const parsers: CustomTypesConfig = {
        getTypeParser: (type: Parameters<CustomTypesConfig['getTypeParser']>[0]) =>
          type === types.builtins.INT8 ? Number : types.getTypeParser(type),
      }
      const numbers = new Pool({ connectionString: url!, max: 1, types: parsers })
      const stores = [open(pool, table), postgresStore(camel, { schema, table }), open(numbers, table)]
      await stores[0]!.put(key, { ...grant, expiresAt: 5, refreshAfter: 4, scope: [] })
      await stores[1]!.claim(key, claim)
      const found = await Promise.all(stores.map(async (store) => (await store.read(key)).record))
      expect(found[1]).toEqual(found[0])
      expect(found[2]).toEqual(found[0])
      expect(found[0]).toMatchObject({
        version: 1,
        expiresAt: 5,
        scope: [],
        lease: { owner: 'o' },
        intent: { attempt: 1 },
      })
      await Promise.all([camel.end(), numbers.end()])
    })

    test('may be one connection instead of a pool', async () => {
      const client = new Client({ connectionString: url! })
      await client.connect()
      expect((await open(client).put(key, grant)).committed).toBe(true)
      await client.end()
    })
  })

  test('a refresh is a read, a claim and a commit: three statements', async () => {
    const { pool: spy, log } = spied()
    const store = open(spy)
    await store.put(key, grant)
    log.length = 0
    const { record } = await store.read(key)
    const answer = await store.claim(key, { ...claim, intent: { hash: 'h', sendWithinMs: 60_000 } }, record)
    const claimed = answer.outcome === 'claimed' ? answer.record : undefined
    expect((await store.commit(key, { ...grant, version: 1 }, claimed)).committed).toBe(true)
    expect(log.map(({ text }) => text.slice(0, 6))).toEqual(['SELECT', 'UPDATE', 'UPDATE'])
  })

  test('texts that PostgreSQL can not hold come back as they were', async () => {
    const store = open()
    const odd = 'a\0b\\c\\u0000\ud800"\'{}😀'
    const strange = { ...key, subject: odd, account: odd }
    const content = { ...grant, id: odd, issuer: odd, clientId: odd, sealed: odd, scope: [odd] }
    const put = await store.put(strange, content)
    expect(put.record).toMatchObject({ key: strange, ...content })
    const claimed = await store.claim(strange, {
      ...claim,
      id: odd,
      owner: odd,
      intent: { hash: odd, sendWithinMs: 1 },
    })
    expect(claimed).toMatchObject({ outcome: 'claimed', record: { lease: { owner: odd }, intent: { hash: odd } } })
    const failures = { code: odd, count: 1, firstAt: 1, lastAt: 1, notBefore: 1, mandatory: false }
    await store.release(strange, { owner: odd, spent: 'no', failures })
    expect((await store.read(strange)).record?.failures).toEqual(failures)
    expect(await store.reseal(strange, { id: odd, from: odd, to: `${odd}!` })).toBe(true)
    const found: unknown[] = []
    for await (const record of store.list({ subject: odd })) found.push(record.sealed)
    expect(found).toEqual([`${odd}!`])
    expect((await store.delete(strange, { id: odd })).record).toMatchObject({ id: odd, sealed: `${odd}!` })
    expect((await store.put(strange, content)).committed).toBe(false)
  })

  test('fractions of milliseconds are rounded', async () => {
    const store = open()
    await store.put(key, { ...grant, expiresAt: 10.4, refreshAfter: 10.6 })
    const answer = await store.claim(key, { ...claim, leaseMs: 1000.5, settleMs: 0.1, repeatWithinMs: 0.7 })
    expect(answer).toMatchObject({ outcome: 'claimed', record: { expiresAt: 10, refreshAfter: 11 } })
    expect((await store.due({ before: 1e15 + 0.5, limit: Number.POSITIVE_INFINITY })).records).toHaveLength(1)
  })

  test('of many claims over many connections exactly one gets each version', async () => {
    const others = Array.from({ length: 3 }, () => new Pool({ connectionString: url!, max: 10 }))
    const table = newTable()
    const stores = others.map((other) => open(other, table))
    expect(await race(stores, { owners: 30, versions: 20 })).toEqual({ doubles: 0, versions: 20 })
    await Promise.all(others.map((other) => other.end()))
  })

  test('so it is at an isolation level whose statements the server undoes', async () => {
    const strict = new Pool({
      connectionString: url!,
      max: 4,
      options: '-c default_transaction_isolation=serializable',
    })
    const store = open(strict)
    await store.put(key, grant)
    const answers = await Promise.allSettled(
      Array.from({ length: 12 }, (_, index) => store.claim(key, { ...claim, owner: `${index}` })),
    )
    const outcomes = answers.map((answer) => {
      if (answer.status === 'fulfilled') return answer.value.outcome
      expect(answer.reason).toBeInstanceOf(StoreError)
      return 'undone'
    })
    expect(outcomes.filter((outcome) => outcome === 'claimed')).toHaveLength(1)
    expect(outcomes).toContain('busy')
    await strict.end()
  })

  test('due grants are shared by workers that ask at once', async () => {
    const store = open()
    await Promise.all(
      Array.from({ length: 200 }, (_, index) =>
        store.put({ ...key, subject: `${index}` }, { ...grant, refreshAfter: index }),
      ),
    )
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => store.due({ before: 1_000, limit: 20, reserveMs: 60_000 })),
    )
    const subjects = answers.flatMap(({ records }) => records.map((record) => record.key.subject))
    expect(new Set(subjects).size).toBe(subjects.length)
    for (const { records } of answers) {
      const times = records.map((record) => record.refreshAfter)
      expect(times).toEqual(times.toSorted((a, b) => a! - b!))
    }
  })

  describe('an operation that waits for another one', () => {
    const holders: Client[] = []
    afterEach(() => Promise.all(holders.splice(0).map((client) => client.end())))

    /** What `work` did is not seen by others, and they wait for it, until `end` is called. */
    async function inProgress(
      table: string,
      work: (store: GrantStore) => Promise<unknown>,
    ): Promise<() => Promise<void>> {
      const client = new Client({ connectionString: url! })
      holders.push(client)
      await client.connect()
      const store = open(client, table)
      await store.read(key)
      await client.query('BEGIN')
      await work(store)
      return async () => {
        await client.query('COMMIT')
      }
    }

    /** Resolves when a statement waits for a lock. */
    async function waiting(table: string): Promise<void> {
      const sql = `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE $1`
      for (let tries = 0; tries < 500; tries += 1) {
        if ((await pool.query(sql, [`%${table}%`])).rowCount! > 0) return
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
      throw new Error('Nothing waits.')
    }

    test('does not restore a row that was deleted in between', async () => {
      const table = newTable()
      const store = open(pool, table)
      await store.put(key, grant)
      const end = await inProgress(table, (other) => other.delete(key, { id: '1' }))
      // When it began, the login was there.
      const late = store.put(key, { ...grant, id: '2' })
      await waiting(table)
      await end()
      expect(await late).toMatchObject({ committed: true, record: { id: '2', version: 1 } })
      expect(await store.put(key, grant)).toMatchObject({ committed: false, record: { id: '2' } })
    })

    test('that replaces keeps the tombstone of what it waited for', async () => {
      const table = newTable()
      const store = open(pool, table)
      await store.put(key, grant)
      const end = await inProgress(table, (other) => other.put(key, { ...grant, id: '2' }))
      const third = store.put(key, { ...grant, id: '3' })
      await waiting(table)
      await end()
      expect(await third).toMatchObject({ committed: true, record: { id: '3', version: 3 } })
      for (const id of ['1', '2']) expect((await store.put(key, { ...grant, id })).committed).toBe(false)
    })

    test('a claim gets no lease that another owner took in between', async () => {
      const table = newTable()
      const store = open(pool, table)
      await store.put(key, grant)
      const end = await inProgress(table, (other) => other.claim(key, claim))
      const second = store.claim(key, { ...claim, owner: 'p' })
      await waiting(table)
      await end()
      expect(await second).toMatchObject({ outcome: 'busy', leaseMs: expect.any(Number) })
      expect((await store.read(key)).record?.lease?.owner).toBe('o')
    })

    test('a claim is decided again at the version that is there then', async () => {
      const table = newTable()
      const store = open(pool, table)
      await store.put(key, grant)
      const end = await inProgress(table, (other) => other.commit(key, { ...grant, version: 1 }))
      const stale = store.claim(key, claim)
      await waiting(table)
      await end()
      expect(await stale).toMatchObject({ outcome: 'changed', record: { version: 2 } })
    })

    test('the first login of a grant finds the one that was first', async () => {
      const table = newTable()
      const store = open(pool, table)
      const end = await inProgress(table, (other) => other.put(key, grant))
      const second = store.put(key, { ...grant, id: '2' }, { id: undefined })
      await waiting(table)
      await end()
      expect(await second).toMatchObject({ committed: false, record: { id: '1' } })
    })
  })

  test('ended tombstones and ids are swept out', async () => {
    let passedMs = 0
    const later: PostgresPool = {
      query: (text, values) =>
        pool.query(text.replaceAll('clock_timestamp()', `(clock_timestamp() + ${passedMs} * interval '1 ms')`), values),
    }
    const started = performance.now()
    vi.spyOn(performance, 'now').mockImplementation(() => started + passedMs)
    const table = newTable()
    const store = open(later, table)
    await store.put(key, grant)
    await store.put(key, { ...grant, id: '2' })
    await store.delete(key, { id: '2' })
    await store.once('short', 60_000, 'me')
    await store.once('long', 7 * DAY_MS, 'me')
    passedMs = DAY_MS - 60_000
    await store.once('another', 60_000, 'me')
    expect(await count(table)).toBe(3)
    passedMs = DAY_MS + 120_000
    await store.put({ ...key, subject: 'other' }, grant)
    expect(await count(table)).toBe(2)
    expect((await store.put(key, grant)).committed).toBe(true)
  })

  test('an entry that was damaged is an UnreadableRecordError, and nothing of it is changed', async () => {
    const table = newTable()
    const store = open(pool, table)
    await store.put(key, grant)
    await store.put({ ...key, subject: 'whole' }, grant)
    for (const entry of ['', 'no JSON', 'null', '[]', '{"record":{"id":"1"}}']) {
      await pool.query(`UPDATE ${schema}.${table} SET entry = $1, due_at = 1 WHERE subject = '"s"'`, [entry])
      const row = (await pool.query(`SELECT * FROM ${schema}.${table} WHERE subject = '"s"'`)).rows
      await expect(store.read(key)).rejects.toThrow(UnreadableRecordError)
      await expect(store.put(key, { ...grant, id: '2' })).rejects.toThrow(UnreadableRecordError)
      await expect(store.claim(key, claim)).rejects.toThrow(UnreadableRecordError)
      await expect(store.commit(key, { ...grant, version: 1 })).rejects.toThrow(UnreadableRecordError)
      await expect(store.delete(key, { id: '1' })).rejects.toThrow(UnreadableRecordError)
      expect((await store.due({ before: 5, limit: 5 })).records).toEqual([])
      const found: string[] = []
      const listing = (async () => {
        for await (const record of store.list()) found.push(record.key.subject)
      })()
      await expect(listing).rejects.toThrow(UnreadableRecordError)
      expect(found).toEqual(['whole'])
      expect((await pool.query(`SELECT * FROM ${schema}.${table} WHERE subject = '"s"'`)).rows).toEqual(row)
    }
  })

  test('a lost connection is a StoreError, and the next operation works', async () => {
    const single = new Pool({ connectionString: url!, max: 1 })
    single.on('error', () => undefined)
    const store = open(single)
    await store.put(key, grant)
    const { rows } = await single.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
    const lost = single.query('SELECT pg_sleep(20)').catch(() => undefined)
    const claimed = store.claim(key, claim).catch((error: unknown) => error)
    await pool.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid])
    await lost
    const answer = await claimed
    if (answer instanceof Error) expect(answer).toBeInstanceOf(StoreError)
    expect((await store.claim(key, claim)).outcome).toBe('claimed')
    await single.end()
  })

  test('closing refuses what comes after, and leaves the pool to its owner', async () => {
    const store = open()
    await store.put(key, grant)
    await store.close()
    await store.close()
    await expect(store.read(key)).rejects.toThrow(/is closed/)
    expect((await pool.query('SELECT 1')).rowCount).toBe(1)
  })
})

const own = url === undefined ? undefined : await startPostgres()

describe.skipIf(own === undefined)('a server that is killed', () => {
  const pool = new Pool({ connectionString: own!.url, max: 4 })
  pool.on('error', () => undefined)

  afterAll(async () => {
    await pool.end()
    await own!.stop()
  })

  test('costs errors while it is away, and nothing that was committed', async () => {
    const store = postgresStore(pool)
    await store.put(key, grant)
    expect((await store.claim(key, claim)).outcome).toBe('claimed')
    await own!.halt('SIGKILL')
    const error = await store.commit(key, { ...grant, version: 1, sealed: 'y' }).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(StoreError)
    const late = postgresStore(pool, { table: 'late' })
    await expect(late.read(key)).rejects.toThrow(StoreError)
    await own!.resume()
    expect((await store.read(key)).record).toMatchObject({ version: 1, lease: { owner: 'o' } })
    expect((await store.commit(key, { ...grant, version: 1, sealed: 'y' })).committed).toBe(true)
    expect((await late.put(key, grant)).committed).toBe(true)
  })
})
