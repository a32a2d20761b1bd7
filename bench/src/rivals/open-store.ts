import { DatabaseSync } from 'node:sqlite'

import type { GrantStore } from 'evergrant'
import { postgresStore } from 'evergrant/postgres'
import { redisStore } from 'evergrant/redis'
import { sqliteStore } from 'evergrant/sqlite'
import { Redis } from 'ioredis'
import { Pool } from 'pg'

export type StoreKind = 'SQLite' | 'PostgreSQL' | 'Redis'

/** One of Evergrant's stores, in words that another process understands. */
export interface StorePlace {
  readonly store: StoreKind
  /** The file's path, or the server's URL. */
  readonly at: string
  /** A schema's or prefix's name of the run's own. */
  readonly space: string
  /** Sealing keys. */
  readonly keys: string
}

/** A store with the connection that it works on. */
export interface OpenedStore {
  readonly store: GrantStore
  /** Makes every write fail, or work again, where that can be had. */
  setWritable?(works: boolean): void
  /** Ends the connection, after everything that uses the store has ended. */
  close(): Promise<void>
}

const OPEN: Readonly<Record<StoreKind, (place: StorePlace) => OpenedStore>> = {
  SQLite: ({ at }) => {
    const database = new DatabaseSync(at)
    return {
      store: sqliteStore(database),
      setWritable: (works) => database.exec(`PRAGMA query_only = ${works ? 'OFF' : 'ON'}`),
      close: async () => {
        if (database.isOpen) database.close()
      },
    }
  },
  PostgreSQL: ({ at, space }) => {
    const pool = new Pool({ connectionString: at, max: 4 })
    pool.on('error', () => undefined)
    return { store: postgresStore(pool, { schema: space }), close: () => pool.end() }
  },
  Redis: ({ at, space }) => {
    const client = new Redis(at)
    client.on('error', () => undefined)
    return { store: redisStore(client, { prefix: space }), close: async () => client.disconnect() }
  },
}

export const openStore = (place: StorePlace): OpenedStore => OPEN[place.store](place)
