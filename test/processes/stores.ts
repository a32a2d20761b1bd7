import { randomBytes } from 'node:crypto'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

import { Cluster, Redis } from 'ioredis'
import { Pool } from 'pg'

import { postgresStore } from '../../src/stores/postgres/index.ts'
import { redisStore } from '../../src/stores/redis/index.ts'
import { sqliteStore } from '../../src/stores/sqlite/index.ts'
import type { GrantStore } from '../../src/stores/store.ts'
import { removeKeys } from '../servers/remove-keys.ts'

/** The place of one proof's grants, in a form that can be sent to another process. */
export interface Place {
  readonly kind: StoreKind
  /** The file's path, or the server's URL. */
  readonly at: string
  /** The name of a table, schema or prefix for this proof only. */
  readonly space: string
  /** Whether the change feed has every refresh. @default false */
  readonly everyRefresh?: boolean
}

/** A store with the connection that it works on. */
export interface OpenedStore {
  readonly store: GrantStore
  /** Makes this process's connection reject writes, or accept them again, if a connection can do so. */
  readonly setReadOnly?: (readOnly: boolean) => void
  /** Closes the store's connection. The store itself may be closed already. */
  end(): Promise<void>
}

interface Kind {
  /** The server that it needs. Undefined if a file is enough. */
  readonly server?: ServerName
  /** Whether it is another kind's store in a larger set-up. */
  readonly topology?: boolean
  open(place: Place): OpenedStore
  /** Removes everything that the proof has stored. */
  clear(place: Place): Promise<void>
}

export type ServerName = 'postgres' | 'redis' | 'pgbouncer' | 'cluster'

/** A pooler in transaction mode does not keep prepared statements. */
const openPostgres = ({ at, space, everyRefresh }: Place, prepare: boolean): OpenedStore => {
  const pool = new Pool({ connectionString: at, max: 4, connectionTimeoutMillis: 2_000 })
  pool.on('error', () => undefined)
  return { store: postgresStore(pool, { schema: space, prepare, everyRefresh }), end: () => pool.end() }
}

const postgres: Kind = {
  server: 'postgres',
  open: (place) => openPostgres(place, true),
  clear: async ({ at, space }) => {
    const pool = new Pool({ connectionString: at, max: 1 })
    await pool.query(`DROP SCHEMA IF EXISTS ${space} CASCADE`)
    await pool.end()
  },
}

const clusterAt = (urls: string): Cluster => {
  const nodes = urls.split(',').map((url) => ({ host: '127.0.0.1', port: Number(new URL(url).port) }))
  const cluster = new Cluster(nodes)
  cluster.on('error', () => undefined)
  return cluster
}

const KINDS = {
  SQLite: {
    open: ({ at, everyRefresh = false }) => {
      const database = new DatabaseSync(at)
      chmodSync(at, 0o600)
      return {
        store: sqliteStore(database, { everyRefresh }),
        setReadOnly: (readOnly) => database.exec(`PRAGMA query_only = ${readOnly ? 'ON' : 'OFF'}`),
        end: async () => {
          if (database.isOpen) database.close()
        },
      }
    },
    clear: async ({ at }) => rmSync(join(at, '..'), { recursive: true, force: true }),
  },
  PostgreSQL: postgres,
  Redis: {
    server: 'redis',
    open: ({ at, space, everyRefresh }) => {
      const client = new Redis(at, { maxRetriesPerRequest: 1, retryStrategy: () => 100 })
      client.on('error', () => undefined)
      return { store: redisStore(client, { prefix: space, everyRefresh }), end: async () => client.disconnect() }
    },
    clear: async ({ at, space }) => {
      const client = new Redis(at)
      await removeKeys(client, space)
      client.disconnect()
    },
  },
  'PostgreSQL behind pgbouncer': {
    ...postgres,
    server: 'pgbouncer',
    topology: true,
    open: (place) => openPostgres(place, false),
  },
  'Redis Cluster': {
    server: 'cluster',
    topology: true,
    open: ({ at, space, everyRefresh }) => {
      const cluster = clusterAt(at)
      return { store: redisStore(cluster, { prefix: space, everyRefresh }), end: async () => cluster.disconnect() }
    },
    clear: async ({ at, space }) => {
      for (const url of at.split(',')) {
        const node = new Redis(url)
        await removeKeys(node, space)
        node.disconnect()
      }
    },
  },
} as const satisfies Record<string, Kind>

/** The name of a persistent store. */
export type StoreKind = keyof typeof KINDS

const kinds: Readonly<Record<StoreKind, Kind>> = KINDS

const ALL_KINDS = Object.keys(KINDS) as readonly StoreKind[]

export const STORE_KINDS: readonly StoreKind[] = ALL_KINDS.filter((kind) => kinds[kind].topology !== true)

/** Larger set-ups of the same stores. */
export const TOPOLOGIES: readonly StoreKind[] = ALL_KINDS.filter((kind) => kinds[kind].topology === true)

export const serverOf = (kind: StoreKind): Kind['server'] => kinds[kind].server

/** Returns an unused place. `at` is the URL of the store's server, if it has one. */
export function placeOf(kind: StoreKind, at?: string): Place {
  const space = `evergrant_${randomBytes(6).toString('hex')}`
  if (at !== undefined) return { kind, at, space }
  return { kind, at: join(mkdtempSync(join(tmpdir(), 'evergrant-proof-')), 'grants.db'), space }
}

export const open = (place: Place): OpenedStore => kinds[place.kind].open(place)

export const clear = (place: Place): Promise<void> => kinds[place.kind].clear(place)
