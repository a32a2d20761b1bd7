import { randomBytes } from 'node:crypto'

import { Pool } from 'pg'
import postgresJs from 'postgres'
import { afterAll, describe, test } from 'vitest'

import { postgresStore } from '../../src/stores/postgres/index.ts'
import { storeContract } from '../../src/testing/index.ts'
import { postgres } from '../servers/index.ts'
import { feedSettled } from './settled.ts'

const url = await postgres()
const schema = `test_${randomBytes(6).toString('hex')}`

describe.skipIf(url === undefined)('the store contract', () => {
  const pool = new Pool({ connectionString: url!, max: 10 })
  const sql = postgresJs(url!, { max: 10 })

  afterAll(async () => {
    await pool.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`)
    await Promise.all([pool.end(), sql.end()])
  })

  describe('pg', () => {
    for (const { name, run } of storeContract({ create: () => feedSettled(postgresStore(pool, { schema }), pool) }))
      test(name, run)
  })

  describe('postgres.js', () => {
    const create = () => feedSettled(postgresStore(sql, { schema, table: 'Order' }), pool)
    for (const { name, run } of storeContract({ create })) test(name, run)
  })

  describe('pg with prepared statements', () => {
    const create = () => feedSettled(postgresStore(pool, { schema, prepare: true }), pool)
    for (const { name, run } of storeContract({ create })) test(name, run)
  })

  describe('postgres.js with prepared statements', () => {
    const create = () => feedSettled(postgresStore(sql, { schema, table: 'Order', prepare: true }), pool)
    for (const { name, run } of storeContract({ create })) test(name, run)
  })
})
