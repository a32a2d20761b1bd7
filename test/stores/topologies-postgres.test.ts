import { afterAll, describe, expect, test } from 'vitest'

import { postgresStore } from '../../src/stores/postgres/index.ts'
import { storeContract } from '../../src/testing/index.ts'
import { postgres, present } from '../servers/index.ts'
import { startPgbouncer } from '../servers/start-pgbouncer.ts'
import { race } from './race.ts'
import { feedSettled } from './settled.ts'
import { inPostgres } from './fixtures/postgres.ts'

const url = await postgres()
const pgbouncer =
  url === undefined ? undefined : present(await startPgbouncer(url), 'pgbouncer (Debian: apt-get install pgbouncer)')

describe.skipIf(pgbouncer === undefined)('PostgreSQL behind pgbouncer in transaction mode', () => {
  // The last one registered runs first.
  afterAll(() => pgbouncer!.stop())
  const { schema, pool, sqlOf } = inPostgres(pgbouncer?.url, { max: 20 })
  const sql = sqlOf()

  describe('keeps the store contract with pg', () => {
    const create = () => feedSettled(postgresStore(pool, { schema }), pool)
    for (const { name, run } of storeContract({ create })) test(name, run)
  })

  describe('keeps the store contract with postgres.js', () => {
    const create = () => feedSettled(postgresStore(sql, { schema, table: 'other' }), pool)
    for (const { name, run } of storeContract({ create })) test(name, run)
  })

  test('gives each version to exactly one of many claims over many connections', async () => {
    const stores = [postgresStore(pool, { schema }), postgresStore(sql, { schema })]
    expect(await race(stores, { owners: 30, versions: 10 })).toEqual({ doubles: 0, versions: 10 })
  })
})
