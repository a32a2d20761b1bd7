import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { StoreError } from '../../src/model/errors.ts'
import { redisStore } from '../../src/stores/redis/index.ts'
import type { ClaimRequest, GrantStore, NewGrant } from '../../src/stores/store.ts'
import { type Address, openAddress } from '../servers/address.ts'
import { present } from '../servers/index.ts'
import type { OwnServer } from '../servers/own-server.ts'
import { until } from '../servers/program.ts'
import { startRedis } from '../servers/start-redis.ts'
import { key } from './records.ts'

const grant: NewGrant = {
  id: '1',
  schema: 1,
  issuer: 'i',
  clientId: 'c',
  state: 'active',
  sealed: 'old',
  renewable: true,
}
const claim: ClaimRequest = {
  id: '1',
  version: 1,
  owner: 'o',
  leaseMs: 60_000,
  settleMs: 1_000,
  intent: { hash: 'h', sendWithinMs: 50_000 },
}

const first = present(await startRedis(), 'Redis (Debian: apt-get install redis-server)')

/** A failover loses what Redis had confirmed and not yet replicated, because it responds before it replicates. */
describe.skipIf(first === undefined)('Redis with a replica that is promoted in the middle of a refresh', () => {
  let primary: OwnServer
  let replica: OwnServer
  /** By which the replica knows its primary. */
  let source: Address
  /** By which the store identifies the primary. */
  let service: Address
  let client: Redis
  let store: GrantStore

  beforeAll(async () => {
    primary = first!
    replica = (await startRedis())!
    source = await openAddress(primary.port)
    service = await openAddress(primary.port)
    client = new Redis({ port: service.port, maxRetriesPerRequest: 0, retryStrategy: () => 20 })
    client.on('error', () => undefined)
    store = redisStore(client, { everyRefresh: true })
    await order(replica, 'REPLICAOF', '127.0.0.1', `${source.port}`)
    await store.put(key, grant)
    expect((await store.claim(key, claim)).outcome).toBe('claimed')
    await replicated()
  })

  afterAll(async () => {
    client.disconnect()
    await Promise.all([source.close(), service.close(), primary.stop(), replica.stop()])
  })

  async function order(server: OwnServer, command: string, ...parameters: string[]): Promise<unknown> {
    const connection = new Redis(server.url)
    try {
      return await connection.call(command, ...parameters)
    } finally {
      connection.disconnect()
    }
  }

  /** Resolves when the replica has all that the primary has. */
  async function replicated(): Promise<void> {
    await until('The replica', async () => {
      expect(await order(replica, 'INFO', 'replication')).toContain('master_link_status:up')
      expect(await order(primary, 'WAIT', '1', '1000')).toBe(1)
    })
  }

  async function promote(): Promise<void> {
    await primary.halt('SIGKILL')
    await order(replica, 'REPLICAOF', 'NO', 'ONE')
    service.lead(replica.port)
  }

  /** Repeats the operation unchanged until it resolves, as a saver does, and counts the failures. */
  async function persistently<T>(operation: () => Promise<T>): Promise<{ answer: T; failures: number }> {
    let failures = 0
    const answer = await until('The operation', () =>
      operation().catch((error: unknown) => {
        expect(error).toBeInstanceOf(StoreError)
        failures += 1
        throw error
      }),
    )
    return { answer, failures }
  }

  test('a refresh that was claimed before the promotion is committed after it, and no other owner gets the lease', async () => {
    service.lead(undefined)
    await promote()
    const rival = await persistently(() => store.claim(key, { ...claim, owner: 'another' }))
    expect(rival.answer.outcome).toBe('busy')
    const { answer } = await persistently(() => store.commit(key, { ...grant, version: 1, sealed: 'new' }))
    expect(answer).toMatchObject({ committed: true, record: { version: 2, sealed: 'new' } })
  })

  test('writes that had not reached the replica are lost, also in the feed: the next claim finds the intent open, and a reader’s cursor is expired', async () => {
    // The roles are changed: the first one comes back and follows.
    await primary.resume()
    ;[primary, replica] = [replica, primary]
    source.lead(primary.port)
    await order(replica, 'REPLICAOF', '127.0.0.1', `${source.port}`)
    const short = { ...claim, version: 2, leaseMs: 1, settleMs: 0, intent: { hash: 'h2', sendWithinMs: 0 } }
    expect((await store.claim(key, short)).outcome).toBe('claimed')
    await replicated()
    source.lead(undefined)
    expect((await store.commit(key, { ...grant, version: 2, sealed: 'newest' })).committed).toBe(true)
    const ahead = await store.changes!({})
    expect(ahead.changes.map(({ kind, version }) => [kind, version])).toEqual([
      ['connected', 1],
      ['refreshed', 2],
      ['refreshed', 3],
    ])
    await promote()
    const { answer } = await persistently(() => store.read(key))
    expect(answer.record).toMatchObject({ version: 2, sealed: 'new', intent: { open: true } })
    const next = await store.claim(key, { ...claim, version: 2, owner: 'another', settleMs: 0 })
    expect(next).toMatchObject({
      outcome: 'claimed',
      takeover: true,
      record: { intent: { attempt: 2, everUnknown: true } },
    })
    expect((await store.changes!({ after: ahead.next })).expired).toBe(true)
    expect((await store.changes!({})).changes.map(({ version }) => version)).toEqual([1, 2])
  })
})
