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

/** Options of a PostgreSQL store. */
export interface PostgresStoreOptions {
  /** Schema of the tables, created if missing. @default the first one in the connections' `search_path` */
  readonly schema?: string | undefined
  /**
   * Name of the table of grants and documents. The store's other tables are named after it. @default
   * 'evergrant_records'
   */
  readonly table?: string | undefined
  /**
   * Whether statements are prepared once for each connection, which halves the server's work; for `pg` and `postgres`.
   * Not behind a pooler in transaction mode, unless it keeps prepared statements. @default false
   */
  readonly prepare?: boolean | undefined
  /** Whether the change feed contains every refresh, and not only changes of state. @default false */
  readonly everyRefresh?: boolean | undefined
}

/**
 * Returns a store in a PostgreSQL database (12 or newer), for any number of processes and machines.
 *
 * Its tables are created at first use. Several processes may start at once. A role that may not create tables needs
 * existing ones.
 *
 * The store uses a pool of `pg` or the sql function of `postgres` (postgres.js), and `close()` does not end it. Add an
 * 'error' listener to a `pg` pool, or the loss of an idle connection ends the process. Every statement is its own
 * transaction, so it works behind a pooler in transaction mode. Time is the server's clock. What is returned as
 * committed is as durable as the database's `synchronous_commit` makes it.
 *
 * A transaction that has written and stays open, anywhere on the server, holds the change feed back. It delays nothing
 * else. A failover starts a new feed: its readers' cursors expire.
 * Operations reject with `StoreError`, and with `ConfigError` for tables of a newer release, which stay unchanged.
 * @throws ConfigError for an unusable client or name
 */
export function postgresStore(client: PostgresPool | PostgresSql, options: PostgresStoreOptions = {}): GrantStore {
  const backend = new PostgresBackend(runner(client, options.prepare === true), tablesNamed(options))
  return storeOver(backend, { everyRefresh: options.everyRefresh })
}
