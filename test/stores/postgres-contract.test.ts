import { describe, test } from 'vitest'

import { postgresStore } from '../../src/stores/postgres/index.ts'
import { storeContract } from '../../src/testing/index.ts'
import { postgres } from '../servers/index.ts'
import { feedSettled } from './settled.ts'
import { inPostgres } from './fixtures/postgres.ts'

const url = await postgres()

describe.skipIf(url === undefined)('the PostgreSQL store keeps the store contract', () => {
  const { schema, pool, sqlOf } = inPostgres(url)
  const sql = sqlOf()

  describe('with pg', () => {
    for (const { name, run } of storeContract({ create: () => feedSettled(postgresStore(pool, { schema }), pool) }))
      test(name, run)
  })

  describe('with postgres.js', () => {
    const create = () => feedSettled(postgresStore(sql, { schema, table: 'Order' }), pool)
    for (const { name, run } of storeContract({ create })) test(name, run)
  })

  describe('with pg and prepared statements', () => {
    const create = () => feedSettled(postgresStore(pool, { schema, prepare: true }), pool)
    for (const { name, run } of storeContract({ create })) test(name, run)
  })

  describe('with postgres.js and prepared statements', () => {
    const create = () => feedSettled(postgresStore(sql, { schema, table: 'Order', prepare: true }), pool)
    for (const { name, run } of storeContract({ create })) test(name, run)
  })
})
