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
export type { SqliteDatabase, SqliteStatement, SqliteValue } from './database.ts'
export { sqliteStore, type SqliteStoreOptions } from './sqlite-store.ts'
