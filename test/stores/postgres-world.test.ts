import { randomBytes } from 'node:crypto'

import { type CustomTypesConfig, Pool } from 'pg'
import postgresJs from 'postgres'
import { describe, expect, test } from 'vitest'

import { type PostgresPool, type PostgresSql, postgresStore } from '../../src/stores/postgres/index.ts'
import type { ClaimRequest, NewGrant } from '../../src/stores/store.ts'
import { postgres } from '../servers/index.ts'
import { race } from './race.ts'
import { key } from './records.ts'
import { inPostgres } from './fixtures/postgres.ts'

const grant: NewGrant = {
  id: '1',
  schema: 1,
  issuer: 'i',
  clientId: 'c',
  state: 'active',
  sealed: 'x',
  renewable: true,
  refreshAfter: 5,
}
const claim: ClaimRequest = {
  id: '1',
  version: 1,
  owner: 'o',
  leaseMs: 60_000,
  settleMs: 0,
  intent: { hash: 'h', sendWithinMs: 30_000 },
}
const content = { state: 'active', sealed: 'y', renewable: true, refreshAfter: 6 } as const

/** Numbers of types: https://www.postgresql.org/docs/current/catalog-pg-type.html */
const OID = { BOOL: 16, INT8: 20, INT4: 23, TEXT: 25, NUMERIC: 1700 } as const

const url = await postgres()

describe.skipIf(url === undefined)('PostgreSQL as others have set it up', () => {
  const { schema, pool, newTable } = inPostgres(url)

  describe.each(['read committed', 'repeatable read', 'serializable'] as const)(
    'whose default isolation is %s',
    (level) => {
      const drivers: Readonly<
        Record<string, () => { client: PostgresPool | PostgresSql; end: () => Promise<unknown> }>
      > = {
        pg: () => {
          const client = new Pool({
            connectionString: url!,
            max: 2,
            options: `-c default_transaction_isolation=${level.replace(' ', '\\ ')}`,
          })
          return { client, end: () => client.end() }
        },
        'postgres.js': () => {
          const client = postgresJs(url!, { max: 2, connection: { default_transaction_isolation: level } })
          return { client, end: () => client.end() }
        },
      }

      test.each(Object.entries(drivers))('has tables that eight make at once, with %s', async (_name, start) => {
        for (let round = 0; round < 3; round += 1) {
          const fresh = `${schema}_${randomBytes(4).toString('hex')}`
          const starters = Array.from({ length: 8 }, start)
          const stores = starters.map(({ client }) => postgresStore(client, { schema: fresh }))
          const put = stores.map((store, index) =>
            store.put({ ...key, subject: `${index}` }, { ...grant, id: `${index}` }),
          )
          expect((await Promise.allSettled(put)).map(({ status }) => status)).toEqual(Array(8).fill('fulfilled'))
          const { rows } = await pool.query(`SELECT version FROM ${fresh}.evergrant_records_meta`)
          expect(rows).toEqual([{ version: 2 }])
          expect(await pool.query(`SELECT key FROM ${fresh}.evergrant_records`)).toMatchObject({ rowCount: 8 })
          expect(await pool.query(`SELECT xid FROM ${fresh}.evergrant_records_changes`)).toMatchObject({ rowCount: 8 })
          await pool.query(`DROP SCHEMA ${fresh} CASCADE`)
          await Promise.all(starters.map(({ end }) => end()))
        }
      })

      test('gives each version to one of many', async () => {
        const started = [drivers['pg']!(), drivers['postgres.js']!()]
        const table = newTable()
        const stores = started.map(({ client }) => postgresStore(client, { schema, table }))
        expect(await race(stores, { owners: 8, versions: 10 })).toEqual({ doubles: 0, versions: 10 })
        await Promise.all(started.map(({ end }) => end()))
      })
    },
  )

  describe('read by a driver whose parsers are its owner’s', () => {
    const all = (parse: (text: string) => unknown): CustomTypesConfig => ({
      getTypeParser: ((type: number) =>
        type === OID.TEXT ? (text: string) => text : parse) as CustomTypesConfig['getTypeParser'],
    })
    const pools: Readonly<Record<string, CustomTypesConfig>> = {
      'everything is the text of the server': all((text) => text),
      'numbers are BigInt, booleans 0 and 1': {
        getTypeParser: ((type: number) => {
          if (type === OID.BOOL) return (text: string) => (text === 't' ? 1 : 0)
          if (type === OID.INT8 || type === OID.INT4) return BigInt
          if (type === OID.NUMERIC) return (text: string) => ({ digits: text })
          return (text: string) => text
        }) as CustomTypesConfig['getTypeParser'],
      },
      'nothing but text is read at all': all(() => undefined),
      'all else is a Date': all((text) => new Date(Number(text))),
    }
    test.each(Object.entries(pools))('pg: %s', async (_name, config) => {
      const client = new Pool({ connectionString: url!, max: 2, types: config })
      await livesThrough(client)
      await client.end()
    })

    test.each([
      ['numbers are not parsed', (text: string) => text],
      ['numbers and booleans are objects', (text: string) => ({ text })],
    ])('postgres.js: %s', async (_name, parse) => {
      const custom = { to: 25, from: [16, 20, 21, 23, 26, 700, 701, 1700], serialize: String, parse }
      const client = postgresJs(url!, { max: 2, types: { custom: custom as never } })
      await livesThrough(client)
      await client.end()
    })

    async function livesThrough(client: PostgresPool | PostgresSql): Promise<void> {
      const table = newTable()
      const store = postgresStore(client, { schema, table, everyRefresh: true })
      const usual = postgresStore(pool, { schema, table })
      const before = Date.now()
      const { record, now } = await store.put(key, grant)
      expect(Math.abs(now - before)).toBeLessThan(5_000)
      expect((await usual.read(key)).record).toEqual(record)
      const claimed = await store.claim(key, claim, (await store.read(key)).record)
      expect(claimed).toMatchObject({ outcome: 'claimed', takeover: false })
      const other = await store.claim(key, { ...claim, owner: 'two' })
      expect(other).toMatchObject({ outcome: 'busy' })
      expect('waitMs' in other && other.waitMs).toBeGreaterThan(50_000)
      const done = await store.commit(key, { id: '1', version: 1, ...content })
      expect(done).toMatchObject({ committed: true, record: { state: 'active', version: 2 } })
      expect((await store.due({ before: now, limit: 1, reserveMs: 1000 })).records).toHaveLength(1)
      expect((await store.page!({ limit: 1, dueBefore: now + 60_000 })).records).toHaveLength(1)
      expect(await store.counts!()).toEqual([{ client: 'c', state: 'active', count: 1 }])
      const first = await store.changes!({ limit: 1 })
      expect(first.expired).not.toBe(true)
      await expect
        .poll(async () => (await store.changes!({ after: first.next, limit: 10 })).expired ?? false)
        .toBe(false)
      expect(await store.once('id', 60_000, 'me')).toBe(true)
      expect(await store.once('id', 60_000, 'another')).toBe(false)
      expect((await store.delete(key, { id: '1' })).record).toEqual(done.record)
      expect((await usual.read(key)).record).toBeUndefined()
    }
  })

  describe('whose row a stranger’s transaction holds', () => {
    const lock = 'SELECT 1 FROM %s WHERE key = $1 FOR UPDATE'

    async function held<T>(table: string, work: () => Promise<T>): Promise<T> {
      const stranger = await pool.connect()
      try {
        await stranger.query('BEGIN')
        await stranger.query(lock.replace('%s', `${schema}.${table}`), [JSON.stringify(['c', 's', ''])])
        return await work()
      } finally {
        await stranger.query('ROLLBACK')
        stranger.release()
      }
    }

    test.each([true, false])(
      'a write fails within seconds, without its being written (prepare: %s)',
      async (prepare) => {
        const table = newTable()
        const store = postgresStore(pool, { schema, table, prepare })
        const { record } = await store.put(key, grant)
        const started = performance.now()
        await held(table, async () => {
          const writes: Promise<unknown>[] = [
            store.claim(key, claim),
            store.commit(key, { id: '1', version: 1, ...content }),
            store.delete(key, { id: '1' }),
          ]
          for (const outcome of await Promise.allSettled(writes)) {
            expect(outcome).toMatchObject({
              status: 'rejected',
              reason: {
                code: 'store_error',
                retryable: true,
                notWritten: true,
                message: expect.stringMatching(/Another transaction holds the row.*pg_stat_activity/),
              },
            })
          }
          // A read does not wait, and neither do another grant's writes.
          expect((await store.read(key)).record).toEqual(record)
          expect((await store.put({ ...key, subject: 'another' }, { ...grant, id: '2' })).committed).toBe(true)
        })
        expect(performance.now() - started).toBeLessThan(9_000)
        expect((await store.claim(key, claim)).outcome).toBe('claimed')
      },
    )

    test('the bound is the statement’s alone: the connection keeps its own', async () => {
      const single = new Pool({ connectionString: url!, max: 1, options: '-c lock_timeout=77s' })
      const store = postgresStore(single, { schema, table: newTable() })
      await store.put(key, grant)
      expect((await single.query('SHOW lock_timeout')).rows).toEqual([{ lock_timeout: '77s' }])
      await single.end()
    })

    test('a row that is released in time is written', async () => {
      const table = newTable()
      const store = postgresStore(pool, { schema, table })
      await store.put(key, grant)
      const claiming = await held(table, async () => {
        const waiting = store.claim(key, claim)
        await new Promise((resolve) => setTimeout(resolve, 50))
        return [waiting] as const
      })
      expect((await claiming[0]).outcome).toBe('claimed')
    })
  })

  test('postgres.js whose connections are killed again and again rejects, and leaves no rejection behind', async () => {
    const unhandled: unknown[] = []
    const note = (reason: unknown): void => void unhandled.push(reason)
    process.on('unhandledRejection', note)
    const name = `killed_${randomBytes(4).toString('hex')}`
    const sql = postgresJs(url!, {
      max: 3,
      // Without it, a connection that is killed while it begins leaves a rejection behind.
      fetch_types: false,
      backoff: () => 0.001,
      onnotice: () => undefined,
      connection: { application_name: name },
    })
    const store = postgresStore(sql, { schema, table: newTable() })
    await store.put(key, grant)
    try {
      const claims = { left: 200 }
      let failed = 0
      const kill = async (): Promise<void> => {
        while (claims.left > 0) {
          await pool.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1', [name])
        }
      }
      const ask = async (_: unknown, index: number): Promise<void> => {
        for (; claims.left > 0; claims.left -= 1) {
          await store.claim(key, { ...claim, owner: `${index}` }).catch((error: unknown) => {
            failed += 1
            expect(error).toMatchObject({ code: 'store_error' })
          })
        }
      }
      await Promise.all([kill(), ...Array.from({ length: 6 }, ask)])
      expect(failed).toBeGreaterThan(0)
      expect((await store.read(key)).record?.id).toBe('1')
      await sql.end({ timeout: 1 })
    } finally {
      process.off('unhandledRejection', note)
    }
    expect(unhandled).toEqual([])
  })
})
