import { onTestFinished } from 'vitest'
import { postgres, redis } from '../../test/servers/index.ts'
import { inPostgres } from '../../test/stores/fixtures/postgres.ts'
import { inRedis } from '../../test/stores/fixtures/redis.ts'
import type { StoreChoice } from '../src/store/store-choice.ts'

/** A part of the run's PostgreSQL that is the test's alone, as `DATABASE_URL` would lead to it; undefined without a server. */
async function postgresOfOwn(): Promise<StoreChoice | undefined> {
  const server = await postgres()
  if (server === undefined) return undefined
  const { schema, pool } = inPostgres(server, { max: 1, atEnd: onTestFinished })
  await pool.query(`CREATE SCHEMA ${schema}`)
  const url = new URL(server)
  url.searchParams.set('options', `-c search_path=${schema}`)
  return { kind: 'postgres', url: url.href }
}

/** The same of the run's Redis. */
async function redisOfOwn(): Promise<StoreChoice | undefined> {
  const url = await redis()
  if (url === undefined) return undefined
  const { prefix } = inRedis(url, { atEnd: onTestFinished })
  return { kind: 'redis', url, prefix }
}

/** Stores on servers, by name. Ask before the demo is started: what is left in them is removed after its end. */
export const serverStores: readonly { readonly name: string; readonly open: () => Promise<StoreChoice | undefined> }[] =
  [
    { name: 'PostgreSQL', open: postgresOfOwn },
    { name: 'Redis', open: redisOfOwn },
  ]
