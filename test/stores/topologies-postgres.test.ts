import { randomBytes } from 'node:crypto'

import { Pool } from 'pg'
import postgresJs from 'postgres'
import { afterAll, describe, expect, test } from 'vitest'

import { postgresStore } from '../../src/stores/postgres/index.ts'
import { storeContract } from '../../src/testing/index.ts'
import { postgres, present } from '../servers/index.ts'
import { startPgbouncer } from '../servers/start-pgbouncer.ts'
import { race } from './race.ts'
import { feedSettled } from './settled.ts'

const url = await postgres()
const pgbouncer =
  url === undefined ? undefined : present(await startPgbouncer(url), 'pgbouncer (Debian: apt-get install pgbouncer)')

describe.skipIf(pgbouncer === undefined)('PostgreSQL behind pgbouncer in transaction mode', () => {
  const schema = `test_${randomBytes(6).toString('hex')}`
  const pool = new Pool({ connectionString: pgbouncer!.url, max: 20 })
  const sql = postgresJs(pgbouncer!.url, { max: 20 })

  afterAll(async () => {
    await pool.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`)
    await Promise.all([pool.end(), sql.end()])
    await pgbouncer!.stop()
  })

  describe('keeps the store contract with pg', () => {
    const create = () => feedSettled(postgresStore(pool, { schema }), pool)
    for (const { name, run } of storeContract({ create })) test(name, run)
  })

  describe('keeps the store contract with postgres.js', () => {
    const create = () => feedSettled(postgresStore(sql, { schema, table: 'other' }), pool)
    for (const { name, run } of storeContract({ create })) test(name, run)
  })

  test('of many claims over many connections exactly one gets each version', async () => {
    const stores = [postgresStore(pool, { schema }), postgresStore(sql, { schema })]
    expect(await race(stores, { owners: 30, versions: 10 })).toEqual({ doubles: 0, versions: 10 })
  })
})
