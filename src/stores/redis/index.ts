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

/** What a Redis store may differ in. */
export interface RedisStoreOptions {
  /** What the names of the store's keys begin with. @default 'evergrant' */
  readonly prefix?: string | undefined
  /** Whether the change feed has every refresh, and not only what becomes of grants. @default false */
  readonly everyRefresh?: boolean | undefined
}

/**
 * A store in Redis (5 or newer) or Valkey, alone, with replicas or as a Cluster, for any number of processes and
 * machines.
 *
 * Takes a connected client of `ioredis` (`Redis`, `Cluster`) or of `redis` (node-redis 4 or newer: client, pool,
 * sentinel, cluster). It stays the caller's: `close()` doesn't end it. Give it an 'error' listener. Every read and
 * every write is one Lua script; time is the server's clock. Grants have no time to live: set `maxmemory-policy
 * noeviction`.
 *
 * A commit is as durable as the server. With `appendfsync everysec` a crash can lose the last second. A replica that is
 * promoted lacks what had not reached it, for Redis replies first and replicates then. A lost commit loses the rotated
 * refresh token in it, and with a strict provider the grant. A lost claim lets two processes redeem one refresh token.
 * The change feed keeps what the server's persistence keeps: a change is lost with its write. Where that must not
 * happen, use `appendfsync always` on a server that comes back with its disk, or PostgreSQL.
 *
 * Operations reject with `StoreError`; the next one works as soon as the client has its connection back. They reject
 * with `ConfigError` for keys that a newer evergrant made. A client that stays connected to a primary that became a
 * replica gets READONLY: with ioredis, let `reconnectOnError` reconnect then.
 * @throws ConfigError for a client or a prefix that can't be used
 */
export function redisStore(client: IoredisClient | NodeRedisClient, options: RedisStoreOptions = {}): GrantStore {
  const { prefix = 'evergrant', everyRefresh } = options
  const keys = new Keys(prefix)
  return storeOver(new RedisBackend(new Connection(client, keys.whole('version')), keys), { everyRefresh })
}
