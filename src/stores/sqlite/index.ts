/**
 * Grants in one SQLite file, shared by the processes of one machine.
 *
 * ```ts
 * import { keyRing } from 'evergrant/seal'
 * import { sqliteStore } from 'evergrant/sqlite'
 *
 * const grants = new Grants({ clients, store: sqliteStore('grants.db'), keys: keyRing(process.env.EVERGRANT_KEYS) })
 * ```
 * @module
 */
import { resolve } from 'node:path'

import { type Clock, completeClock } from '../../util/clock.ts'
import { ConfigError } from '../../model/errors.ts'
import { storeOver } from '../store-over.ts'
import type { GrantStore } from '../store.ts'
import { SqliteBackend } from './backend.ts'
import { MEMORY, openerOf, type SqliteDatabase } from './connection.ts'
import { tablesNamed } from './schema.ts'

export type { SqliteDatabase, SqliteStatement, SqliteValue } from './connection.ts'

/** Options of an SQLite store. */
export interface SqliteStoreOptions {
  /**
   * Name of the table of grants and documents. The store's other tables are named after it. @default
   * 'evergrant_records'
   */
  readonly table?: string | undefined
  /**
   * How long an operation waits for other processes' writes, in ms; then it rejects with a `StoreError`. @default 5_000
   */
  readonly busyTimeoutMs?: number | undefined
  /** The store's time. All processes that share the file must share it. @default the machine's clock */
  readonly clock?: Clock | undefined
  /** Whether the change feed contains every refresh, and not only changes of state. @default false */
  readonly everyRefresh?: boolean | undefined
}

/**
 * Returns a store in one SQLite file, for any number of processes of one machine. The file and its tables are created
 * at first use, readable for their owner only. Not for network file systems, which do not keep SQLite's promises.
 *
 * A path is opened with Node's own SQLite (22.13 or newer). A connection of better-sqlite3, or another of that form,
 * works too. It must belong to the store alone, with its transactions and settings, and `close()` closes it.
 * Operations reject with `StoreError`, also once the file was removed or replaced while it was open. They reject with
 * `ConfigError` for a file whose tables another release made, or that cannot have a write-ahead log. Such a file stays
 * unchanged.
 * @throws ConfigError for an unusable path, object or option, or if Node has no SQLite
 */
export function sqliteStore(pathOrDatabase: string | SqliteDatabase, options: SqliteStoreOptions = {}): GrantStore {
  const { table = 'evergrant_records', busyTimeoutMs = 5_000, everyRefresh } = options
  const clock = completeClock(options.clock)
  const open = openerOf(pathOrDatabase)
  const tables = tablesNamed(table)
  if (!(busyTimeoutMs >= 0)) {
    throw new ConfigError(`Expected options.busyTimeoutMs to be 0 or more milliseconds, got ${String(busyTimeoutMs)}.`)
  }
  const isOwned = typeof pathOrDatabase === 'string'
  const volatile = pathOrDatabase === MEMORY
  // Resolved now: the process may change its folder.
  const path = isOwned && !volatile ? resolve(pathOrDatabase) : undefined
  return storeOver(new SqliteBackend({ open, isOwned, volatile, path, tables, busyTimeoutMs, clock }), {
    everyRefresh,
    clock,
  })
}
