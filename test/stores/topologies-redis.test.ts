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

  test('gives each version to exactly one of many claims by two clients', async () => {
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
    const counts = await Promise.all(io.nodes('master').map(async (each) => (await each.keys('spread:*:row:*')).length))
    expect(counts.reduce((sum, count) => sum + count)).toBe(60)
    expect(Math.min(...counts)).toBeGreaterThan(5)
  })

  test('has its lists, counts, due grants and changes of all nodes in one order', async () => {
    const store = redisStore(node, { prefix: 'merged' })
    const reader = redisStore(io, { prefix: 'merged' })
    const subjects = Array.from({ length: 40 }, (_, index) => `${index}`)
    for (const [index, subject] of subjects.entries()) {
      await store.put({ client: 'c', subject, account: '' }, { ...grant, refreshAfter: 100 - index })
    }
    const { records, next } = await reader.page!({ limit: 25 })
    expect(records.map(({ key }) => key.subject)).toEqual(subjects.toSorted().slice(0, 25))
    expect((await reader.page!({ limit: 25, after: next })).records).toHaveLength(15)
    expect(await reader.counts!()).toEqual([{ client: 'c', state: 'active', count: 40 }])
    const due = await reader.due({ before: 100, limit: 10, reserveMs: 60_000 })
    expect(due.records.map(({ key }) => key.subject)).toEqual(subjects.toReversed().slice(0, 10))
    const read: string[] = []
    for (let after: string | undefined; ;) {
      const page = await reader.changes!({ after, limit: 7 })
      if (page.changes.length === 0) break
      read.push(...page.changes.map(({ key }) => key.subject))
      after = page.next
    }
    // The nodes are on one machine, and so is their time; two writes may share a millisecond.
    expect(read.toSorted()).toEqual(subjects.toSorted())
    expect(Math.max(...read.map((subject, index) => Math.abs(Number(subject) - index)))).toBeLessThan(10)
  })

  test('has a feed that is another one after its keys were removed', async () => {
    const store = redisStore(io, { prefix: 'emptied' })
    await store.put({ client: 'c', subject: 's', account: '' }, grant)
    const { next } = await store.changes!({})
    for (const each of io.nodes('master')) {
      for (const name of await each.keys('emptied:*')) await each.del(name)
    }
    expect(await store.changes!({ after: next })).toMatchObject({ expired: true, changes: [] })
  })
})
