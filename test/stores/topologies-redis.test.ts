import { Cluster } from 'ioredis'
import { createCluster } from 'redis'
import { afterAll, describe, expect, test } from 'vitest'

import { redisStore } from '../../src/stores/redis/index.ts'
import type { NewGrant } from '../../src/stores/store.ts'
import { storeContract } from '../../src/testing/index.ts'
import { present } from '../servers/index.ts'
import { startRedisCluster } from '../servers/start-redis-cluster.ts'
import { race } from './race.ts'

const grant: NewGrant = {
  id: '1',
  schema: 1,
  issuer: 'i',
  clientId: 'c',
  state: 'active',
  sealed: 'old',
  renewable: true,
}

const cluster = present(await startRedisCluster(), 'Redis 7 (Debian: apt-get install redis-server)')

describe.skipIf(cluster === undefined)('a Redis Cluster of three nodes', async () => {
  const nodes = cluster?.ports ?? []
  const io = new Cluster(nodes.map((port) => ({ host: '127.0.0.1', port })))
  const node = createCluster({ rootNodes: nodes.map((port) => ({ url: `redis://127.0.0.1:${port}` })) })
  node.on('error', () => undefined)
  await node.connect()

  afterAll(async () => {
    io.disconnect()
    node.destroy()
    await cluster!.stop()
  })

  describe('keeps the store contract with ioredis', () => {
    for (const { name, run } of storeContract({ create: () => redisStore(io) })) test(name, run)
  })

  describe('keeps the store contract with node-redis', () => {
    for (const { name, run } of storeContract({ create: () => redisStore(node, { prefix: 'other' }) })) test(name, run)
  })

  test('of many claims by two clients exactly one gets each version', async () => {
    expect(
      await race([redisStore(io), redisStore(node, { prefix: 'evergrant' })], { owners: 30, versions: 10 }),
    ).toEqual({
      doubles: 0,
      versions: 10,
    })
  })

  test('has the grants spread over its nodes', async () => {
    const store = redisStore(io, { prefix: 'spread' })
    for (let index = 0; index < 60; index += 1)
      await store.put({ client: 'c', subject: `${index}`, account: '' }, grant)
    const counts = await Promise.all(
      io.nodes('master').map(async (each) => (await each.keys('spread:*:grant:*')).length),
    )
    expect(counts.reduce((sum, count) => sum + count)).toBe(60)
    expect(Math.min(...counts)).toBeGreaterThan(5)
  })
})
