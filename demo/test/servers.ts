import { randomBytes } from 'node:crypto'
import { Redis } from 'ioredis'
import { Pool } from 'pg'
import { onTestFinished } from 'vitest'
import { postgres, redis } from '../../test/servers/index.ts'
import { removeKeys } from '../../test/servers/remove-keys.ts'
import type { StoreChoice } from '../src/store/store-choice.ts'

/** A part of the run's PostgreSQL that is the test's alone, as `DATABASE_URL` would lead to it; undefined without a server. */
async function postgresOfOwn(): Promise<StoreChoice | undefined> {
  const server = await postgres()
  if (server === undefined) return undefined
  const schema = `demo_${randomBytes(6).toString('hex')}`
  const run = async (sql: string): Promise<void> => {
    const pool = new Pool({ connectionString: server, max: 1 })
    await pool.query(sql)
    await pool.end()
  }
  await run(`CREATE SCHEMA ${schema}`)
  onTestFinished(() => run(`DROP SCHEMA ${schema} CASCADE`))
  const url = new URL(server)
  url.searchParams.set('options', `-c search_path=${schema}`)
  return { kind: 'postgres', url: url.href }
}

/** The same of the run's Redis. */
async function redisOfOwn(): Promise<StoreChoice | undefined> {
  const url = await redis()
  if (url === undefined) return undefined
  const prefix = `demo-${randomBytes(6).toString('hex')}`
  onTestFinished(async () => {
    const client = new Redis(url)
    await removeKeys(client, prefix)
    client.disconnect()
  })
  return { kind: 'redis', url, prefix }
}

/** Stores on servers, by name. Ask before the demo is started: what is left in them is removed after its end. */
export const serverStores: readonly { readonly name: string; readonly open: () => Promise<StoreChoice | undefined> }[] =
  [
    { name: 'PostgreSQL', open: postgresOfOwn },
    { name: 'Redis', open: redisOfOwn },
  ]
