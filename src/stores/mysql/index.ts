/**
 * Grants in a MySQL or MariaDB database, shared by any number of processes and machines.
 *
 * ```ts
 * const pool = createPool(process.env.DATABASE_URL)
 * const grants = new Grants({ clients, store: mysqlStore(pool), keys: keyRing(process.env.EVERGRANT_KEYS) })
 * ```
 * @module
 */
import type { GrantStore } from '../store.ts'
import { storeOver } from '../store-over.ts'
import { MysqlBackend } from './backend.ts'
import type { MysqlPool } from './connection.ts'

export type { MysqlPool, MysqlValue } from './connection.ts'

/**
 * Returns a store in MySQL 8, MariaDB 10.6, or newer. It uses a pool of `mysql2/promise`, and does not close it.
 * Its time is the server's clock.
 * It has no change feed: commits overtake each other, and the server does not report which are in progress.
 * @param options.table name of the table, which is created at first use; default 'evergrant_records'
 * @throws ConfigError for an unusable pool or name
 */
export function mysqlStore(pool: MysqlPool, options: { readonly table?: string | undefined } = {}): GrantStore {
  return storeOver(new MysqlBackend(pool, options.table))
}
