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
export type { PostgresPool, PostgresSql, PostgresValue } from './client.ts'
export { postgresStore, type PostgresStoreOptions } from './postgres-store.ts'
