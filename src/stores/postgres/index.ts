/**
 * Grants in a PostgreSQL database, shared by any number of processes and machines.
 *
 * ```ts
 * import { postgresStore } from 'evergrant/postgres'
 * import { Pool } from 'pg'
 *
 * const pool = new Pool({ connectionString: process.env.DATABASE_URL })
 * const grants = new Grants({ clients, store: postgresStore(pool), keys: keyRing(process.env.EVERGRANT_KEYS) })
 * ```
 * @module
 */
import { storeOver } from '../store-over.ts'
import type { GrantStore } from '../store.ts'
import { PostgresBackend } from './backend.ts'
import { type PostgresPool, type PostgresSql, runner } from './connection.ts'
import { tablesNamed } from './schema.ts'

export type { PostgresPool, PostgresSql, PostgresValue } from './connection.ts'

/** What a PostgreSQL store may differ in. */
export interface PostgresStoreOptions {
  /** The schema of the tables, made when it is missing. @default the first one in the connections' `search_path` */
  readonly schema?: string | undefined
  /** The table of grants and documents; the store's other tables are named after it. @default 'evergrant_records' */
  readonly table?: string | undefined
  /**
   * Prepares statements once for each connection, which halves the server's work; for `pg` and `postgres`. Not behind
   * a pooler in transaction mode, unless that keeps prepared statements. @default false
   */
  readonly prepare?: boolean | undefined
  /** Whether the change feed has every refresh, and not only what becomes of grants. @default false */
  readonly everyRefresh?: boolean | undefined
}

/**
 * A store in a PostgreSQL database (12 or newer), for any number of processes and machines. Its tables are made when
 * they are first needed; several processes may start at once, and one whose role may make none needs tables that are
 * there.
 *
 * Takes a pool of `pg` or the sql function of `postgres` (postgres.js), which stay the caller's: `close()` doesn't end
 * them. Give a `pg` pool an 'error' listener, or the loss of an idle connection ends the process. Every statement is a
 * transaction of its own, so that it works behind a pooler in transaction mode; time is the server's clock. What is
 * returned as committed is as durable as the database's `synchronous_commit` makes it.
 *
 * A transaction that has written and stays open, anywhere on the server, holds the change feed back. It delays nothing
 * else. A failover begins a new feed: its readers' cursors are expired.
 * Operations reject with `StoreError`, and with `ConfigError` for tables that a newer release made; those are left
 * alone.
 * @throws ConfigError for a client or a name that can't be used
 */
export function postgresStore(client: PostgresPool | PostgresSql, options: PostgresStoreOptions = {}): GrantStore {
  const backend = new PostgresBackend(runner(client, options.prepare === true), tablesNamed(options))
  return storeOver(backend, { everyRefresh: options.everyRefresh })
}
