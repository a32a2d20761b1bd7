import { StoreError } from '../../errors.ts'
import type { GrantKey } from '../../grant-key.ts'
import { decideClaim, matchesFilter } from '../decisions.ts'
import { toPortableText } from '../portable-text.ts'
import {
  type ClaimAnswer,
  type ClaimRequest,
  type CommitAnswer,
  type DueRequest,
  type Expectation,
  type GrantRecord,
  type GrantStore,
  type ListFilter,
  type NewGrant,
  RECORD_SCHEMA,
  type ReleaseRequest,
  type TokenCommit,
  type VerdictCommit,
} from '../store.ts'
import { type IoredisClient, type NodeRedisClient, scriptRunner, type ScriptRunner } from './client.ts'
import { type Candidate, DueIndex } from './due-index.ts'
import { contentPairs, failurePairs, flag, type Pairs, pairs, replyText, toRecord, whole } from './fields.ts'
import { type Bucket, keyOf, Keys, type Member, memberOf, rangeOf } from './keys.ts'
import { isAcrossSlots, storeError } from './redis-error.ts'
import type { Script } from './script.ts'
import * as scripts from './scripts.ts'

/** What a Redis store may differ in. */
export interface RedisStoreOptions {
  /** What the names of the store's keys begin with. @default 'evergrant' */
  readonly prefix?: string | undefined
}

/** How many records one page of a list has. */
const PAGE = 100

/** More than any list of due grants has, and still a number to the server. */
const MOST = 2 ** 31 - 1

/** So many buckets are asked for their first page at once. */
const BUCKETS_AT_ONCE = 16

/** So many due grants are taken by one script: the server does nothing else meanwhile. */
const TAKEN_AT_ONCE = 100

/**
 * A store in Redis (5 or newer) or Valkey, alone, with replicas or as a Cluster, for any number of processes and machines.
 *
 * Takes a client of `ioredis` (`Redis`, `Cluster`) or of `redis` (node-redis 4 or newer: client, pool, sentinel, cluster;
 * connected), which stays the caller's: `close()` doesn't end it. Give it an 'error' listener. Every operation is one Lua script, or
 * for lists and due grants several; time is the server's clock. Grants have no time to live: set `maxmemory-policy noeviction`.
 *
 * What is answered as committed is as durable as the server is: with `appendfsync everysec` a crash can lose the last second, and a
 * replica that is promoted lacks what had not reached it, for Redis answers first and replicates then. A lost commit loses the
 * rotated refresh token in it, and with a strict provider the grant; a lost claim lets two processes redeem one refresh token.
 * Where that must not be, use `appendfsync always` on a server that comes back with its disk, or PostgreSQL.
 * Operations reject with `StoreError`; the next one works as soon as the client has its connection back. A client that stays
 * connected to a primary that became a replica is answered READONLY: with ioredis, let `reconnectOnError` reconnect then.
 * @throws ConfigError for a client or a prefix that can't be used
 */
export function redisStore(client: IoredisClient | NodeRedisClient, options: RedisStoreOptions = {}): GrantStore {
  return new RedisStore(scriptRunner(client), new Keys(options.prefix ?? 'evergrant'))
}

class RedisStore implements GrantStore {
  readonly #runner: ScriptRunner
  readonly #keys: Keys
  /** Whether the server is a Cluster: no script then works in several buckets. */
  #apart = false
  #closed = false

  constructor(runner: ScriptRunner, keys: Keys) {
    this.#runner = runner
    this.#keys = keys
  }

  async read(key: GrantKey): Promise<{ record?: GrantRecord | undefined; now: number }> {
    const { record, now } = await this.#ask(scripts.read, key, [])
    return { record, now }
  }

  async put(key: GrantKey, grant: NewGrant, expect?: Expectation): Promise<CommitAnswer> {
    const expectation =
      expect === undefined
        ? ['', '', '']
        : expect.id === undefined
          ? ['nothing', '', '']
          : ['version', toPortableText(expect.id), whole(expect.version) ?? '']
    const answer = await this.#ask(scripts.put, key, [
      toPortableText(grant.id),
      ...expectation,
      ...pairs({
        schema: `${grant.schema}`,
        issuer: toPortableText(grant.issuer),
        client_id: toPortableText(grant.clientId),
      }),
      ...contentPairs(grant),
    ])
    return committed(answer)
  }

  async claim(key: GrantKey, request: ClaimRequest): Promise<ClaimAnswer> {
    const { outcome, record, now } = await this.#ask(scripts.claim, key, [
      toPortableText(request.id),
      `${request.version}`,
      toPortableText(request.owner),
      whole(request.leaseMs),
      whole(request.settleMs),
      whole(request.repeatWithinMs ?? 0),
      flag(request.force),
      whole(request.intent?.sendWithinMs ?? 0),
      ...(request.intent === undefined ? [] : [toPortableText(request.intent.hash)]),
    ])
    if (outcome > 0 && record !== undefined) return { outcome: 'claimed', takeover: outcome === 2, record, now }
    const { answer } = decideClaim(record, request, now)
    // Only fractions of a millisecond can make the two disagree. Nothing was written: the next claim may have it.
    return answer.outcome === 'claimed' ? { outcome: 'busy', waitMs: 1, leaseMs: 0, now } : answer
  }

  async commit(key: GrantKey, commit: TokenCommit | VerdictCommit): Promise<CommitAnswer> {
    const version = [toPortableText(commit.id), `${commit.version}`]
    const answer =
      'verdict' in commit
        ? await this.#ask(scripts.verdict, key, [...version, toPortableText(commit.owner), commit.verdict])
        : await this.#ask(scripts.commit, key, [
            ...version,
            ...pairs({ schema: commit.schema === undefined ? undefined : `${commit.schema}` }),
            ...contentPairs(commit),
            ...failurePairs(commit.failures),
          ])
    return committed(answer)
  }

  async release(key: GrantKey, request: ReleaseRequest): Promise<void> {
    const parameters = [toPortableText(request.owner), flag(request.spent === 'unknown'), flag(request.settled)]
    await this.#change(scripts.release, key, [...parameters, ...failurePairs(request.failures)])
  }

  async reseal(key: GrantKey, request: { id: string; from: string; to: string }): Promise<boolean> {
    return this.#change(scripts.reseal, key, [request.id, request.from, request.to].map(toPortableText))
  }

  async once(id: string, ttlMs: number): Promise<boolean> {
    return Number(await this.#run(scripts.once, [this.#keys.once(toPortableText(id))], [whole(ttlMs)])) === 1
  }

  async delete(key: GrantKey, request: { id: string }): Promise<boolean> {
    return this.#change(scripts.remove, key, [toPortableText(request.id)])
  }

  async *list(filter?: ListFilter): AsyncGenerator<GrantRecord> {
    const buckets = filter?.subject === undefined ? this.#keys.buckets : [this.#keys.bucketOf(filter.subject)]
    const { from } = rangeOf(filter)
    for (let first = 0; first < buckets.length; first += BUCKETS_AT_ONCE) {
      const group = buckets.slice(first, first + BUCKETS_AT_ONCE)
      const pages = await Promise.all(group.map((bucket) => this.#page(bucket, from, filter)))
      for (const [index, bucket] of group.entries()) yield* this.#listBucket(bucket, pages[index] ?? [], filter)
    }
  }

  async due({ before, limit, reserveMs = 0 }: DueRequest): Promise<{ records: readonly GrantRecord[]; now: number }> {
    const now = Number(await this.#run(scripts.clock, [this.#keys.bucketOf('').due], []))
    const records: GrantRecord[] = []
    const most = Math.min(limit, MOST)
    const index = new DueIndex(most, (count) => this.#heads(before, count))
    while (records.length < most) {
      const candidates = await index.next(most - records.length)
      if (candidates.length === 0) break
      records.push(...(await this.#take(candidates, before, reserveMs)))
    }
    return { records, now }
  }

  async close(): Promise<void> {
    this.#closed = true
  }

  async #heads(before: number, count: number): Promise<readonly (readonly Candidate[])[]> {
    return this.#together(this.#keys.buckets, async (buckets) => {
      const keys = buckets.map(({ due }) => due)
      const answer = await this.#run(scripts.due, keys, [whole(Math.floor(before)), `${count}`])
      const heads = answer as readonly (readonly unknown[])[]
      return buckets.map((bucket, index) => candidatesIn(bucket, heads[index] ?? []))
    })
  }

  async *#listBucket(
    bucket: Bucket,
    start: readonly Member[],
    filter: ListFilter | undefined,
  ): AsyncGenerator<GrantRecord> {
    let members = start
    for (;;) {
      // Without a look at the records: the members tell client and subject.
      const wanted = members.filter((member) => matchesName(keyOf(member), filter))
      for (const record of await this.#records(bucket, wanted)) if (matchesFilter(record, filter)) yield record
      if (members.length < PAGE) return
      members = await this.#page(bucket, `(${members.at(-1) ?? ''}`, filter)
    }
  }

  async #page(bucket: Bucket, from: string, filter: ListFilter | undefined): Promise<readonly Member[]> {
    const members = await this.#run(scripts.page, [bucket.index], [from, rangeOf(filter).below, `${PAGE}`])
    return (members as readonly unknown[]).map(replyText)
  }

  async #records(bucket: Bucket, members: readonly Member[]): Promise<readonly GrantRecord[]> {
    if (members.length === 0) return []
    return recordsIn(await this.#run(scripts.records, members.map(bucket.grant), []), members)
  }

  /** The candidates' records, in their order; with `reserveMs`, of those that no other worker took meanwhile. */
  async #take(candidates: readonly Candidate[], before: number, reserveMs: number): Promise<readonly GrantRecord[]> {
    const till = reserveMs > 0 ? whole(before + reserveMs) : ''
    const records: GrantRecord[] = []
    for (let first = 0; first < candidates.length; first += TAKEN_AT_ONCE) {
      const some = candidates.slice(first, first + TAKEN_AT_ONCE)
      const taken = await this.#together(some, async (group) => {
        const keys = group.flatMap(({ bucket, member }) => [bucket.due, bucket.grant(member)])
        const members = group.map(({ member }) => member)
        const parameters = [whole(Math.floor(before)), till, `${RECORD_SCHEMA}`, ...members]
        return recordsIn(await this.#run(scripts.take, keys, parameters), members)
      })
      records.push(...taken)
    }
    return records
  }

  /** Does `work` for all of these at once, or for each by itself where a Cluster keeps them apart. */
  async #together<T, R>(
    items: readonly T[],
    work: (group: readonly T[]) => Promise<readonly R[]>,
  ): Promise<readonly R[]> {
    if (!this.#apart) {
      try {
        return await work(items)
      } catch (error) {
        if (!isAcrossSlots(error)) throw error
        this.#apart = true
      }
    }
    return (await Promise.all(items.map((item) => work([item])))).flat()
  }

  /** Runs a script that answers whether it did something, the time, and the grant's record. */
  async #ask(
    script: Script,
    key: GrantKey,
    parameters: Pairs,
  ): Promise<{ outcome: number; record: GrantRecord | undefined; now: number }> {
    const answer = await this.#onGrant(script, key, parameters)
    const [outcome, now, fields] = answer as readonly unknown[]
    return { outcome: Number(outcome), record: toRecord(key, fields), now: Number(now) }
  }

  /** Runs a script that answers only whether it did something. */
  async #change(script: Script, key: GrantKey, parameters: Pairs): Promise<boolean> {
    return Number(await this.#onGrant(script, key, parameters)) === 1
  }

  async #onGrant(script: Script, key: GrantKey, parameters: Pairs): Promise<unknown> {
    const bucket = this.#keys.bucketOf(key.subject)
    const member = memberOf(key)
    const keys = [bucket.grant(member), bucket.due, bucket.index, bucket.tombstones(member)]
    return this.#run(script, keys, [member, ...parameters])
  }

  async #run(script: Script, keys: readonly string[], parameters: readonly string[]): Promise<unknown> {
    if (this.#closed) throw new StoreError('The Redis store is closed. Make a new one.')
    try {
      return await script.run(this.#runner, keys, parameters)
    } catch (error) {
      throw storeError(error, parameters)
    }
  }
}

function committed({
  outcome,
  record,
  now,
}: {
  outcome: number
  record: GrantRecord | undefined
  now: number
}): CommitAnswer {
  return { committed: outcome > 0, record, now }
}

function candidatesIn(bucket: Bucket, heads: readonly unknown[]): readonly Candidate[] {
  const texts = heads.map(replyText)
  return texts.flatMap((member, index) =>
    index % 2 === 0 ? [{ bucket, member, since: Number(texts[index + 1]) }] : [],
  )
}

function recordsIn(answer: unknown, members: readonly Member[]): readonly GrantRecord[] {
  return (answer as readonly unknown[]).flatMap((fields, index) => {
    const member = members[index]
    return (member === undefined ? undefined : toRecord(keyOf(member), fields)) ?? []
  })
}

function matchesName(key: GrantKey, filter: ListFilter | undefined): boolean {
  return filter?.client === undefined || key.client === filter.client
}
