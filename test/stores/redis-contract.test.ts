import { describe, test } from 'vitest'

import { redisStore } from '../../src/stores/redis/index.ts'
import { storeContract } from '../../src/testing/index.ts'
import { redis } from '../servers/index.ts'
import { inRedis } from './fixtures/redis.ts'

const url = await redis()

describe.skipIf(url === undefined)('the Redis store keeps the store contract', async () => {
  const { prefix, client: io, nodeRedis } = inRedis(url)
  const node = await nodeRedis()

  describe('with ioredis', () => {
    const create = () => redisStore(io, { prefix })
    for (const { name, run } of storeContract({ create })) test(name, run)
  })

  describe('with node-redis', () => {
    const create = () => redisStore(node, { prefix: `${prefix}-node` })
    for (const { name, run } of storeContract({ create })) test(name, run)
  })
})
