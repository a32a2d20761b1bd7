import { Cluster, Redis } from 'ioredis'
import { createCluster } from 'redis'
import { afterAll, describe, expect, test } from 'vitest'

import { Keys } from '../../src/stores/redis/keys.ts'
import { type IoredisClient, redisStore } from '../../src/stores/redis/index.ts'
import type { ClaimRequest, GrantStore } from '../../src/stores/store.ts'
import { present } from '../servers/index.ts'
import { startRedisCluster } from '../servers/start-redis-cluster.ts'
import { grant, keyOf } from './records.ts'

const content = { state: 'active', sealed: 'y', renewable: true } as const

/** A client whose commands fail like this, in turn, and then work on a server that has nothing. */
function refusing(failures: readonly Error[]): IoredisClient & { calls: number } {
  const left = [...failures]
  const client = {
    calls: 0,
    evalsha: async (_sha: string, keyCount: number, ...rest: string[]) => {
      client.calls += 1
      const failure = left.shift()
      if (failure !== undefined) throw failure
      return keyCount === 1 && rest.length === 2 ? rest[1] : ['1', [null, null, null]]
    },
    eval: () => Promise.reject(new Error('This is not asked for.')),
  }
  return client
}

test.each([
  'MOVED 866 127.0.0.1:7001',
  'ASK 866 127.0.0.1:7001',
  'TRYAGAIN Multiple keys request during rehashing of slot',
  'CLUSTERDOWN The cluster is down',
  'All keys in the pipeline should belong to the same slots allocation group',
])('a script that was not run is sent again: %s', async (message) => {
  const client = refusing(Array.from({ length: 4 }, () => new Error(message)))
  expect((await redisStore(client).read(keyOf('s'))).record).toBeUndefined()
  expect(client.calls).toBe(6)
})

test.each(['ERR something else', 'NOPERM no', 'Connection is closed.', 'Command timed out'])(
  'another failure is reported at once: %s',
  async (message) => {
    const client = refusing([new Error(message)])
    await expect(redisStore(client).read(keyOf('s'))).rejects.toMatchObject({ code: 'store_error' })
    expect(client.calls).toBe(1)
  },
)

test.each([
  ['OOM command not allowed', true],
  ['READONLY You can’t write against a read only replica.', true],
  ['NOAUTH Authentication required.', true],
  ['MISCONF Errors writing to the AOF file', true],
  ['Connection is closed.', undefined],
  ['ERR unknown', undefined],
])('a failure says whether it is known that nothing was written: %s', async (message, notWritten) => {
  const error = await redisStore(refusing([new Error(message)]))
    .read(keyOf('s'))
    .catch((reason: unknown) => reason)
  expect((error as { notWritten?: true }).notWritten).toBe(notWritten)
})

const cluster = present(await startRedisCluster(), 'Redis 7 (Debian: apt-get install redis-server)')

describe.skipIf(cluster === undefined)('a Redis Cluster whose slots move', async () => {
  const ports = cluster?.ports ?? []
  const roots = ports.map((port) => ({ host: '127.0.0.1', port }))
  const nodes = ports.map((port) => new Redis(port, '127.0.0.1'))
  const ids = await Promise.all(nodes.map((node) => node.call('CLUSTER', 'MYID').then(String)))
  const piped = new Cluster(roots, { enableAutoPipelining: true, slotsRefreshInterval: 600_000 })
  const plain = new Cluster(roots)
  const other = createCluster({ rootNodes: ports.map((port) => ({ url: `redis://127.0.0.1:${port}` })) })
  other.on('error', () => undefined)
  await other.connect()

  afterAll(async () => {
    for (const each of [piped, plain, ...nodes]) each.disconnect()
    other.destroy()
    await cluster!.stop()
  })

  const slotOf = async (name: string): Promise<number> => Number(await nodes[0]!.call('CLUSTER', 'KEYSLOT', name))

  const ownerOf = async (slot: number): Promise<number> => {
    const ranges = (await nodes[0]!.call('CLUSTER', 'SLOTS')) as [number, number, [string, number]][]
    return ports.indexOf(ranges.find(([from, to]) => from <= slot && slot <= to)![2][1])
  }

  /** Moves a slot to the next node, key by key, as redis-cli does. */
  async function move(slot: number): Promise<void> {
    const from = await ownerOf(slot)
    const to = (from + 1) % ports.length
    const [source, target] = [nodes[from]!, nodes[to]!]
    await target.call('CLUSTER', 'SETSLOT', `${slot}`, 'IMPORTING', ids[from]!)
    await source.call('CLUSTER', 'SETSLOT', `${slot}`, 'MIGRATING', ids[to]!)
    for (;;) {
      const names = (await source.call('CLUSTER', 'GETKEYSINSLOT', `${slot}`, '1')) as string[]
      if (names.length === 0) break
      await source.call('MIGRATE', '127.0.0.1', `${ports[to]}`, '', '0', '5000', 'KEYS', ...names)
    }
    for (const node of [target, source, ...nodes]) await node.call('CLUSTER', 'SETSLOT', `${slot}`, 'NODE', ids[to]!)
  }

  const open: Readonly<Record<string, (prefix: string) => GrantStore>> = {
    'ioredis with enableAutoPipelining': (prefix) => redisStore(piped, { prefix }),
    ioredis: (prefix) => redisStore(plain, { prefix }),
    'node-redis': (prefix) => redisStore(other, { prefix }),
  }

  test.each(Object.entries(open))(
    '%s goes on, and gets each version once',
    async (name, make) => {
      const prefix = `moves-${name.replaceAll(' ', '-')}`
      const store = make(prefix)
      const keys = new Keys(prefix)
      const subjects = Array.from({ length: 24 }, (_, index) => `${index}`)
      for (const subject of subjects) await store.put(keyOf(subject), grant)
      const slots = new Set<number>()
      for (const bucket of keys.buckets.slice(0, 16)) slots.add(await slotOf(keys.of(bucket, 'due')))
      const moves = { over: false }
      const failures: string[] = []
      const done: number[] = []
      const refresh = async (subject: string): Promise<void> => {
        let version = 1
        while (!moves.over) {
          const request: ClaimRequest = {
            id: '1',
            version,
            owner: `${subject} ${version}`,
            leaseMs: 60_000,
            settleMs: 0,
            intent: { hash: 'h', sendWithinMs: 50_000 },
          }
          try {
            const claimed = await store.claim(keyOf(subject), request)
            expect(claimed.outcome).toBe('claimed')
            const commit = await store.commit(keyOf(subject), { id: '1', version, ...content })
            expect(commit.committed).toBe(true)
            version += 1
          } catch (error) {
            failures.push(String(error))
            break
          }
        }
        done.push(version)
      }
      const work = subjects.map(refresh)
      for (const slot of slots) await move(slot)
      moves.over = true
      await Promise.all(work)
      expect(failures).toEqual([])
      expect(Math.min(...done)).toBeGreaterThan(1)
      for (const subject of subjects)
        expect((await store.read(keyOf(subject))).record).toMatchObject({ state: 'active' })
    },
    120_000,
  )
})
