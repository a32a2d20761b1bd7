import { Redis } from 'ioredis'

import type { OwnServer } from './own-server.ts'
import { freePort, until } from './program.ts'
import { startRedis } from './start-redis.ts'

/** A Redis Cluster of three primaries. */
export interface RedisCluster {
  readonly ports: readonly number[]
  stop(): Promise<void>
}

const SLOTS = 16_384
const NODES = 3

/** Starts three nodes of the installed Redis and makes a cluster of them; undefined when none is installed. */
export async function startRedisCluster(): Promise<RedisCluster | undefined> {
  const buses = await Promise.all(Array.from({ length: NODES }, freePort))
  const started = await Promise.all(
    buses.map((bus) =>
      startRedis({ 'cluster-enabled': 'yes', 'cluster-port': `${bus}`, 'cluster-node-timeout': '5000' }),
    ),
  )
  const nodes = started.filter((node): node is OwnServer => node !== undefined)
  if (nodes.length < NODES) return undefined
  const clients = nodes.map(({ url }) => new Redis(url))
  const [first] = nodes
  for (const [index, client] of clients.entries()) {
    const [from, till] = [index, index + 1].map((part) => Math.floor((part * SLOTS) / NODES))
    await client.call('CLUSTER', 'ADDSLOTSRANGE', `${from}`, `${till! - 1}`)
    await client.call('CLUSTER', 'SET-CONFIG-EPOCH', `${index + 1}`)
    if (index > 0) await client.call('CLUSTER', 'MEET', '127.0.0.1', `${first!.port}`, `${buses[0]}`)
  }
  await until('A Redis Cluster', async () => {
    for (const client of clients) {
      const info = String(await client.call('CLUSTER', 'INFO'))
      const whole = [`cluster_state:ok`, `cluster_known_nodes:${NODES}`, `cluster_slots_ok:${SLOTS}`]
      if (!whole.every((line) => info.includes(line))) throw new Error(info)
    }
  })
  for (const client of clients) client.disconnect()
  return {
    ports: nodes.map(({ port }) => port),
    stop: async () => {
      await Promise.all(nodes.map((node) => node.stop()))
    },
  }
}
