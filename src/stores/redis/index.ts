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
export type { IoredisClient, NodeRedisClient } from './client.ts'
export { redisStore, type RedisStoreOptions } from './redis-store.ts'
