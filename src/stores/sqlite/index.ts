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

/** What an SQLite store may differ in. */
export interface SqliteStoreOptions {
  /** The table of grants and documents; the store's other tables are named after it. @default 'evergrant_records' */
  readonly table?: string
  /** How long an operation waits for other processes' writes, in ms; then it is a `StoreError`. @default 5_000 */
  readonly busyTimeoutMs?: number
  /** The store's time, which all processes that share the file must share. @default the machine's clock */
  readonly clock?: Clock
  /** Whether the change feed has every refresh, and not only what becomes of grants. @default false */
  readonly everyRefresh?: boolean
}

/**
 * A store in one SQLite file, for any number of processes of one machine. The file is made with its tables when it is
 * first needed, readable for its owner only. Not for network file systems: they don't keep SQLite's promises.
 *
 * A path is opened with Node's own SQLite (22.13 or newer). A connection of better-sqlite3, or another of that form,
 * works too. It must be the store's alone, with its transactions and settings, and `close()` closes it.
 * Operations reject with `StoreError`, also once the file was removed or replaced while it was open. They reject with `ConfigError` for a file whose tables another release made, or
 * that can't have a write-ahead log; such a file is left alone.
 * @throws ConfigError for a path, an object or an option that can't be used, or where Node has no SQLite
 */
export function sqliteStore(pathOrDatabase: string | SqliteDatabase, options: SqliteStoreOptions = {}): GrantStore {
  const { table = 'evergrant_records', busyTimeoutMs = 5_000, everyRefresh } = options
  const clock = completeClock(options.clock)
  const open = openerOf(pathOrDatabase)
  const tables = tablesNamed(table)
  if (!(busyTimeoutMs >= 0)) {
    throw new ConfigError(
      `Expected options.busyTimeoutMs to be a number of milliseconds, 0 or more, got ${String(busyTimeoutMs)}.`,
    )
  }
  const isOwned = typeof pathOrDatabase === 'string'
  const volatile = pathOrDatabase === MEMORY
  // As it is now: the process may go to another folder.
  const path = isOwned && !volatile ? resolve(pathOrDatabase) : undefined
  return storeOver(new SqliteBackend({ open, isOwned, volatile, path, tables, busyTimeoutMs, clock }), {
    everyRefresh,
    clock,
  })
}
