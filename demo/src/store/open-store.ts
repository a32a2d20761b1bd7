import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import type { GrantStore } from 'evergrant'
import { postgresStore } from 'evergrant/postgres'
import { redisStore } from 'evergrant/redis'
import { sqliteStore } from 'evergrant/sqlite'
import { Redis } from 'ioredis'
import { Pool } from 'pg'
import { SettingsError } from '../settings.ts'
import { titleOf, type StoreChoice } from './store-choice.ts'

/** A store with the connection that it works on. */
export interface OpenedStore {
  readonly store: GrantStore
  /** Ends the connection; the store itself is closed by whoever uses it. */
  readonly end: () => Promise<void>
}

const connectTimeoutMs = 5000
const longestReconnectMs = 2000
const advice = {
  sqlite: 'Is DATABASE right, and may it be written?',
  postgres: 'Is DATABASE_URL right, and does the server run?',
  redis: 'Is REDIS_URL right, and does the server run?',
} as const

/**
 * Opens the store and looks whether it answers.
 * @throws SettingsError with one line that says what can't be reached, and why
 */
export async function openStore(choice: StoreChoice): Promise<OpenedStore> {
  let opened: OpenedStore | undefined
  try {
    opened = await connectTo(choice)
    // Any question will do: it also makes the tables where there are none.
    await opened.store.read({ client: 'demo', subject: '', account: '' })
    return opened
  } catch (error) {
    await opened?.store.close()
    await opened?.end()
    throw new SettingsError(`The store (${titleOf(choice)}) can't be used: ${reasonOf(error)}. ${advice[choice.kind]}`)
  }
}

async function connectTo(choice: StoreChoice): Promise<OpenedStore> {
  if (choice.kind === 'postgres') return openPostgres(choice.url)
  if (choice.kind === 'redis') return openRedis(choice.url, choice.prefix)
  if (choice.file !== ':memory:') mkdirSync(dirname(choice.file), { recursive: true, mode: 0o700 })
  return { store: sqliteStore(choice.file), end: async () => {} }
}

function openPostgres(url: string): OpenedStore {
  const pool = new Pool({ connectionString: url, connectionTimeoutMillis: connectTimeoutMs })
  // The loss of an idle connection is no event: the next statement gets another, or its caller the error.
  pool.on('error', () => undefined)
  return { store: postgresStore(pool), end: () => pool.end() }
}

async function openRedis(url: string, prefix: string | undefined): Promise<OpenedStore> {
  let isConnected = false
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: connectTimeoutMs,
    maxRetriesPerRequest: 1,
    // At the start a person waits to be told; later on the server may come back.
    retryStrategy: (attempt) => (isConnected ? Math.min(attempt * 100, longestReconnectMs) : null),
  })
  let latest: unknown
  redis.on('error', (error) => (latest = error))
  try {
    await redis.connect()
  } catch (error) {
    redis.disconnect()
    // What `connect` rejects with says only that the connection was closed.
    throw latest ?? error
  }
  isConnected = true
  return { store: redisStore(redis, { ...(prefix !== undefined && { prefix }) }), end: async () => redis.disconnect() }
}

/** The innermost cause, in one line. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error.cause instanceof Error) return reasonOf(error.cause)
  if (error instanceof AggregateError && error.message === '') return reasonOf(error.errors[0])
  return (error.message || error.name).split('\n', 1)[0]?.replace(/\.$/, '') ?? error.name
}
