/**
 * Grants in Redis or Valkey, shared by any number of processes and machines.
 *
 * ```ts
 * import { redisStore } from 'evergrant/redis'
 * import { Redis } from 'ioredis'
 *
 * const redis = new Redis(process.env.REDIS_URL)
 * const grants = new Grants({ clients, store: redisStore(redis), keys: keyRing(process.env.EVERGRANT_KEYS) })
 * ```
 * @module
 */
import { storeOver } from '../store-over.ts'
import type { GrantStore } from '../store.ts'
import { RedisBackend } from './backend.ts'
import { Connection, type IoredisClient, type NodeRedisClient } from './connection.ts'
import { Keys } from './keys.ts'

export type { IoredisClient, NodeRedisClient } from './connection.ts'

/** Options of a Redis store. */
export interface RedisStoreOptions {
  /** Prefix of the names of the store's keys. @default 'evergrant' */
  readonly prefix?: string | undefined
  /** Whether the change feed contains every refresh, and not only changes of state. @default false */
  readonly everyRefresh?: boolean | undefined
}

/**
 * Returns a store in Redis (5 or newer) or Valkey, alone, with replicas or as a Cluster, for any number of processes
 * and machines.
 *
 * It uses a connected client of `ioredis` (`Redis`, `Cluster`) or of `redis` (node-redis 4 or newer: client, pool,
 * sentinel, cluster). `close()` does not end the client. Add an 'error' listener to it. Every read and every write is
 * one Lua script. Time is the server's clock. Grants have no time to live: set `maxmemory-policy noeviction`.
 *
 * A commit is as durable as the server. With `appendfsync everysec` a crash can lose the last second. Redis responds
 * first and replicates later, so a promoted replica may lack recent writes. A lost commit loses the rotated refresh
 * token in it, and with reuse detection the grant. A lost claim lets two processes redeem one refresh token. The change
 * feed keeps what the server's persistence keeps: a change is lost with its write. To rule that out, use `appendfsync
 * always` on a server that restarts with its disk, or PostgreSQL.
 *
 * Operations reject with `StoreError`. The next one works as soon as the client is connected again. They reject with
 * `ConfigError` for keys of a newer release. A client that stays connected to a primary that became a replica gets
 * READONLY: with ioredis, let `reconnectOnError` reconnect then.
 * @throws ConfigError for an unusable client or prefix
 */
export function redisStore(client: IoredisClient | NodeRedisClient, options: RedisStoreOptions = {}): GrantStore {
  const { prefix = 'evergrant', everyRefresh } = options
  const keys = new Keys(prefix)
  return storeOver(new RedisBackend(new Connection(client, keys.whole('version')), keys), { everyRefresh })
}
