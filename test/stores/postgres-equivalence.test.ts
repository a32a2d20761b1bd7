import { randomBytes } from 'node:crypto'

import { Pool } from 'pg'
import { afterAll, describe, test } from 'vitest'

import { type PostgresPool, postgresStore } from '../../src/stores/postgres/index.ts'
import type { GrantStore } from '../../src/stores/store.ts'
import { fakeClock, storeContract } from '../../src/testing/index.ts'
import { postgres } from '../servers/index.ts'
import { answersLikeMemory, claimsAtTheEdgesLikeMemory, tombstoneEndsAfterADay } from './steps.ts'

const url = await postgres()

describe.skipIf(url === undefined)('with a clock of the test', () => {
  const schema = `test_${randomBytes(6).toString('hex')}`
  const pool = new Pool({ connectionString: url!, max: 4 })

  afterAll(async () => {
    await pool.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`)
    await pool.end()
  })

  /** A pool whose server's clock shows another time. */
  const at = (now: () => number): PostgresPool => ({
    query: (text, values) => pool.query(text.replace('clock_timestamp()', `to_timestamp(${now() / 1000})`), values),
  })

  /** A store with nothing in it. */
  async function open(now: () => number): Promise<GrantStore> {
    const store = postgresStore(at(now), { schema })
    await store.read({ client: '', subject: '', account: '' })
    await pool.query(`DELETE FROM ${schema}.evergrant_grants`)
    await pool.query(`DELETE FROM ${schema}.evergrant_grants_once`)
    return store
  }

  test('memory and PostgreSQL give the same answers to whatever comes', () => answersLikeMemory(open, 60))

  test('and to claims at the edges of their times', () => claimsAtTheEdgesLikeMemory(open))

  describe('the store contract', () => {
    const clock = fakeClock()
    const create = () => postgresStore(at(clock.now), { schema, table: 'fake_time' })
    for (const { name, run } of storeContract({ create, clock })) test(name, run)

    test('and a tombstone ends after a day', () => tombstoneEndsAfterADay(create(), clock))
  })
})
