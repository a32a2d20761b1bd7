import { randomBytes } from 'node:crypto'

import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { afterAll, describe, test } from 'vitest'

import { redisStore } from '../../src/stores/redis/index.ts'
import { storeContract } from '../../src/testing/index.ts'
import { redis } from '../servers/index.ts'
import { removeKeys } from '../servers/remove-keys.ts'

const url = await redis()

describe.skipIf(url === undefined)('the store contract', async () => {
  const prefix = `evergrant-test-${randomBytes(6).toString('hex')}`
  const io = new Redis(url!)
  const node = await createClient({ url: url! }).connect()
  node.on('error', () => undefined)

  afterAll(async () => {
    await removeKeys(io, prefix)
    io.disconnect()
    node.destroy()
  })

  describe('ioredis', () => {
    const create = () => redisStore(io, { prefix })
    for (const { name, run } of storeContract({ create })) test(name, run)
  })

  describe('node-redis', () => {
    const create = () => redisStore(node, { prefix: `${prefix}-node` })
    for (const { name, run } of storeContract({ create })) test(name, run)
  })
})
