import { describe, test } from 'vitest'

import type { Clock } from '../../src/util/clock.ts'
import { PostgresBackend } from '../../src/stores/postgres/backend.ts'
import { type PostgresPool, runner } from '../../src/stores/postgres/connection.ts'
import { tablesNamed } from '../../src/stores/postgres/schema.ts'
import { storeOver } from '../../src/stores/store-over.ts'
import type { GrantStore } from '../../src/stores/store.ts'
import { fakeClock, storeContract } from '../../src/testing/index.ts'
import { postgres } from '../servers/index.ts'
import { feedSettled } from './settled.ts'
import { answersLikeMemory, claimsAtTheEdgesLikeMemory, tombstoneEndsAfterADay } from './steps.ts'
import { inPostgres } from './fixtures/postgres.ts'

const url = await postgres()

describe.skipIf(url === undefined)('the PostgreSQL store with a clock of the test', () => {
  const { schema, pool } = inPostgres(url, { max: 4 })

  /** A pool whose server's clock shows another time. */
  const at = (now: () => number): PostgresPool => ({
    query: (text, values) => pool.query(text.replaceAll('clock_timestamp()', `to_timestamp(${now() / 1000})`), values),
  })

  const storeAt = (clock: Clock, table: string): GrantStore => {
    const backend = new PostgresBackend(runner(at(clock.now), false), tablesNamed({ schema, table }))
    return feedSettled(storeOver(backend, { clock }), pool)
  }

  /** A store with nothing in it. */
  async function open(now: () => number): Promise<GrantStore> {
    const store = storeAt({ now }, 'grants')
    await store.read({ client: '', subject: '', account: '' })
    await pool.query(`DELETE FROM ${schema}.grants`)
    await pool.query(`DELETE FROM ${schema}.grants_changes`)
    return store
  }

  test(
    'the PostgreSQL store and the memory store return the same for any operations',
    () => answersLikeMemory(open, 60),
    180_000,
  )

  test('the PostgreSQL store and the memory store return the same for claims at the edges of their times', () =>
    claimsAtTheEdgesLikeMemory(open))

  describe('keeps the store contract', () => {
    const clock = fakeClock()
    const create = () => storeAt(clock, 'fake_time')
    for (const { name, run } of storeContract({ create, clock })) test(name, run)

    test('a tombstone ends after a day', () => tombstoneEndsAfterADay(create(), clock))
  })
})
