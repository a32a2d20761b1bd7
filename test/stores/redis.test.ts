import { inspect } from 'node:util'

import { Redis } from 'ioredis'
import { createClient, RESP_TYPES } from 'redis'
import { afterAll, describe, expect, test } from 'vitest'

import { ConfigError, StoreError, UnreadableRecordError } from '../../src/model/errors.ts'
import { type IoredisClient, type NodeRedisClient, redisStore } from '../../src/stores/redis/index.ts'
import type { ClaimRequest, GrantStore } from '../../src/stores/store.ts'
import { redis } from '../servers/index.ts'
import { until } from '../servers/program.ts'
import { startRedis } from '../servers/start-redis.ts'
import { race } from './race.ts'
import { grant, key } from './records.ts'
import { inRedis } from './fixtures/redis.ts'

const claim: ClaimRequest = {
  id: '1',
  version: 1,
  owner: 'o',
  leaseMs: 60_000,
  settleMs: 0,
  intent: { hash: 'h', sendWithinMs: 1 },
}

const unused: IoredisClient = {
  evalsha: () => Promise.reject(new Error('This client must not be used.')),
  eval: () => Promise.reject(new Error('This client must not be used.')),
}

describe('what can not be used', () => {
  test.each([
    ['a URL', 'redis://localhost'],
    ['null', null],
    ['an object without methods', {}],
    ['a client without eval', { evalsha: unused.evalsha }],
  ])('%s', (_name, client) => {
    expect(() => redisStore(client as unknown as IoredisClient)).toThrow(ConfigError)
    expect(() => redisStore(client as unknown as IoredisClient)).toThrow(
      /client to be one of 'ioredis' .* or of 'redis' 4/,
    )
  })

  test.each(['', '{a}', 'a b', '*', 'a'.repeat(101), 5])('the prefix %o', (prefix) => {
    expect(() => redisStore(unused, { prefix: prefix as string })).toThrow(/options\.prefix to be/)
  })
})

test('it is not volatile, and touches nothing before it is used', () => {
  expect(redisStore(unused, { prefix: 'my-app_1.2:grants/x' }).volatile).toBe(false)
})

describe('a failure', () => {
  const failing = (error: unknown): GrantStore =>
    redisStore({ evalsha: () => Promise.reject(error), eval: () => Promise.reject(error) })

  test.each([
    ["READONLY You can't write against a read only replica.", /Connect to the primary/],
    ["OOM command not allowed when used memory > 'maxmemory'.", /noeviction/],
    ['NOAUTH Authentication required.', /user, the password/],
    ['MISCONF Redis is configured to save RDB snapshots', /Check its log/],
    ['The client is closed', /Connect the client before/],
    ['Connection is closed.', /Check the connection/],
  ])('%s says what to do', async (message, advice) => {
    const error: unknown = await failing(new Error(message))
      .read(key)
      .catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(StoreError)
    expect((error as StoreError).message).toMatch(advice)
    expect((error as StoreError).cause).toMatchObject({ message })
  })

  test('shows nothing of what was written', async () => {
    const talkative = {
      evalsha: (...parameters: unknown[]) =>
        Promise.reject(
          Object.assign(new Error(`failed with ${parameters.join()}`), {
            command: { name: 'evalsha', args: parameters },
          }),
        ),
      eval: unused.eval,
    }
    const error: unknown = await redisStore(talkative as IoredisClient)
      .put(key, { ...grant, sealed: 'the-secret-in-it' })
      .catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(StoreError)
    expect((error as StoreError).message).toContain('failed with')
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('the-secret-in-it')
  })

  test('that is no Error still causes a StoreError', async () => {
    await expect(failing('no').read(key)).rejects.toThrow(StoreError)
    await expect(failing(undefined).read(key)).rejects.toThrow(/unexpected failure/)
  })
})

const url = await redis()

describe.skipIf(url === undefined)('on a server', async () => {
  const { client, nodeRedis, newPrefix } = inRedis(url)
  const node = await nodeRedis()

  afterAll(async () => {
    await Promise.all(opened.map((store) => store.close()))
  })

  const opened: GrantStore[] = []
  const open = (by: IoredisClient | NodeRedisClient = client, named = newPrefix()): GrantStore => {
    const store = redisStore(by, { prefix: named })
    opened.push(store)
    return store
  }

  async function keysOf(named: string): Promise<string[]> {
    return (await client.keys(`${named}:*`)).map((name) => name.slice(named.length + 1)).sort()
  }

  test('two prefixes are two stores', async () => {
    const [one, two] = [open(), open()]
    await one.put(key, grant)
    expect((await two.read(key)).record).toBe(undefined)
    expect(await one.once('id', 60_000, 'one')).toBe(true)
    expect(await two.once('id', 60_000, 'two')).toBe(true)
  })

  test('clients of both kinds share one store', async () => {
    const named = newPrefix()
    const [one, two] = [open(client, named), open(node, named)]
    await one.put(key, { ...grant, expiresAt: 5, refreshAfter: 4, scope: [] })
    await two.claim(key, claim)
    const { record } = await one.read(key)
    expect(record).toEqual((await two.read(key)).record)
    expect(record).toMatchObject({ version: 1, expiresAt: 5, scope: [], lease: { owner: 'o' }, intent: { attempt: 1 } })
  })

  test('clients may return bytes, or put a prefix of their own before all keys', async () => {
    const named = newPrefix()
    const bytes = node.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer }) as unknown as NodeRedisClient
    const prefixed = new Redis(url!, { keyPrefix: `${named}:own:` })
    for (const store of [open(bytes, named), open(prefixed, 'evergrant')]) {
      await store.put(key, { ...grant, refreshAfter: 3, scope: ['a'] })
      expect(await store.claim(key, claim)).toMatchObject({ outcome: 'claimed', record: { scope: ['a'] } })
      await store.release(key, { owner: 'o', spent: 'no' })
      expect((await store.due({ before: 3, limit: 5 })).records).toMatchObject([{ key, sealed: 'x' }])
      const listed: unknown[] = []
      for await (const record of store.list()) listed.push(record.key)
      expect(listed).toEqual([key])
      expect(await store.counts!()).toEqual([{ client: 'c', state: 'active', count: 1 }])
      expect((await store.changes!({})).changes).toMatchObject([{ kind: 'connected', key, id: '1', version: 1 }])
      expect((await store.documents!.put('d', 'é', { version: 0 })).put).toBe(true)
      expect((await store.documents!.get('d')).document).toEqual({ value: 'é', version: 1 })
    }
    prefixed.disconnect()
  })

  test('where a Cluster keeps buckets apart, all keys of a script lie in one slot, and are named', async () => {
    const slots: Set<string>[] = []
    let refused = 0
    const spy: IoredisClient = {
      evalsha: async (sha, keyCount, ...rest) => {
        const tags = new Set(rest.slice(0, keyCount).map((name) => /\{(.*?)\}/.exec(name)?.[1] ?? name))
        if (tags.size > 1) {
          refused += 1
          throw new Error("CROSSSLOT Keys in request don't hash to the same slot")
        }
        slots.push(tags)
        return client.evalsha(sha, keyCount, ...rest)
      },
      eval: (script, keyCount, ...rest) => client.eval(script, keyCount, ...rest),
    }
    const store = open(spy)
    const strange = { client: '{c}', subject: '}{s*\0😀', account: '{}' }
    await store.put(strange, { ...grant, refreshAfter: 1 })
    await store.put(strange, { ...grant, id: '2', refreshAfter: 1 })
    const [other] = (await store.due({ before: 1, limit: 1, reserveMs: 1 })).records
    expect(other).toMatchObject({ key: strange, id: '2' })
    await store.due({ before: 1, limit: 1 })
    for await (const _ of store.list());
    await store.page!({ limit: 1 })
    await store.counts!()
    await store.changes!({})
    await store.once('{a}{b}', 1, 'one')
    await store.documents!.put('{a}{b}', 'x', { version: 0 })
    await store.delete(strange, { id: '2' })
    expect(slots.length).toBeGreaterThan(10)
    expect(slots.every((each) => each.size === 1)).toBe(true)
    // Once it is known, it is not tried again.
    expect(refused).toBe(1)
  })

  /** A client that counts the scripts it is asked to run. */
  const counting = (): IoredisClient & { scripts: number } => {
    const spy = {
      scripts: 0,
      evalsha: (sha: string, keyCount: number, ...rest: string[]) => {
        spy.scripts += 1
        return client.evalsha(sha, keyCount, ...rest)
      },
      eval: (script: string, keyCount: number, ...rest: string[]) => client.eval(script, keyCount, ...rest),
    }
    return spy
  }

  test('where all buckets are on one server, it is asked for due grants with one script, and for their records with another', async () => {
    const named = newPrefix()
    const spy = counting()
    const store = open(spy, named)
    for (let index = 0; index < 30; index += 1) {
      await store.put({ client: 'c', subject: `s${index}`, account: '' }, { ...grant, refreshAfter: 1 })
    }
    spy.scripts = 0
    expect((await store.due({ before: 1, limit: 10, reserveMs: 1 })).records).toHaveLength(10)
    expect(spy.scripts).toBe(2)
  })

  test('a refresh is three scripts: a read and two swaps; before the first operation, the version is checked', async () => {
    const named = newPrefix()
    await open(client, named).put(key, grant)
    const spy = counting()
    const store = open(spy, named)
    const { record } = await store.read(key)
    expect(spy.scripts).toBe(2)
    const claimed = await store.claim(key, { ...claim, intent: { hash: 'h', sendWithinMs: 30_000 } }, record)
    expect(spy.scripts).toBe(3)
    const seen = claimed.outcome === 'claimed' ? claimed.record : undefined
    expect((await store.commit(key, { ...grant, version: 1, sealed: 'y' }, seen)).committed).toBe(true)
    expect(spy.scripts).toBe(4)
  })

  test('a command that the client sends twice writes once, and finds its own writing', async () => {
    const twice: IoredisClient = {
      evalsha: async (sha, keyCount, ...rest) => {
        await client.evalsha(sha, keyCount, ...rest)
        return client.evalsha(sha, keyCount, ...rest)
      },
      eval: (script, keyCount, ...rest) => client.eval(script, keyCount, ...rest),
    }
    const named = newPrefix()
    await open(client, named).read(key)
    const store = redisStore(twice, { prefix: named, everyRefresh: true })
    expect(await store.put(key, grant)).toMatchObject({ committed: true, record: { version: 1 } })
    expect(await store.claim(key, claim)).toMatchObject({ outcome: 'claimed', takeover: false })
    expect(await store.commit(key, { ...grant, version: 1 })).toMatchObject({ committed: true, record: { version: 2 } })
    expect((await store.delete(key, { id: '1' })).record).toMatchObject({ version: 2 })
    const { changes } = await store.changes!({})
    expect(changes.map(({ kind, version }) => [kind, version])).toEqual([
      ['connected', 1],
      ['refreshed', 2],
      ['disconnected', 2],
    ])
  })

  test('grants have no time to live; what is left of them, and what ends, has one', async () => {
    const named = newPrefix()
    const store = open(client, named)
    const gone = { ...key, account: 'gone' }
    for (const each of [key, gone]) await store.put(each, { ...grant, refreshAfter: 1 })
    await store.delete(gone, { id: '1' })
    await store.once('an id', 1_000, 'one')
    await store.documents!.put('stays', 'x', { version: 0 })
    await store.documents!.put('ends', 'x', { version: 0, ttlMs: 1_000 })
    const ttls: Record<string, number> = {}
    for (const name of await keysOf(named)) {
      if (name.includes(':row:')) ttls[name.replace(/\{\d+\}:row:/, '')] = await client.pttl(`${named}:${name}`)
    }
    const about = (expected: number) => expect.toSatisfy((ms: number) => ms > expected - 30_000 && ms <= expected)
    expect(ttls).toEqual({
      '["c","s",""]': -1,
      '["c","s","gone"]': about(86_400_000 + 60_000),
      '"once:an id"': about(61_000),
      '"stays"': -1,
      '"ends"': about(1_000 + 86_400_000 + 60_000),
    })
  })

  test('a grant that comes back in the row of a deleted one has no time to live', async () => {
    const named = newPrefix()
    const store = open(client, named)
    await store.put(key, grant)
    const [row] = (await keysOf(named)).filter((name) => name.includes(':row:'))
    await store.delete(key, { id: '1' })
    expect(await client.pttl(`${named}:${row}`)).toBeGreaterThan(0)
    await store.put(key, { ...grant, id: '2' })
    expect(await client.pttl(`${named}:${row}`)).toBe(-1)
  })

  test('nothing is left of a grant that was deleted but its row, for a day, and the change', async () => {
    const named = newPrefix()
    const store = open(client, named)
    await store.put(key, { ...grant, refreshAfter: 1, state: 'reauthorization_required' })
    await store.put(key, { ...grant, id: '2', refreshAfter: 1 })
    await store.delete(key, { id: '2' })
    const parts = (await keysOf(named)).map((name) => name.replace(/\{\d+\}:/, ''))
    expect(parts.toSorted()).toEqual(['changes', 'row:["c","s",""]', 'version'])
  })

  test('keys that a newer version of the library made are left alone', async () => {
    const named = newPrefix()
    await client.set(`${named}:version`, '3')
    const store = open(client, named)
    const attempts = [
      () => store.put(key, grant),
      () => store.read(key),
      () => store.due({ before: 1, limit: 1 }),
      () => store.page!({ limit: 1 }),
      () => store.changes!({}),
      () => store.documents!.get('d'),
    ]
    for (const attempt of attempts) {
      const error: unknown = await attempt().catch((reason: unknown) => reason)
      expect(error).toBeInstanceOf(ConfigError)
      expect((error as Error).message).toMatch(/version 3, and this process knows 2.* Upgrade this process/)
    }
    expect(await keysOf(named)).toEqual(['version'])
    // The store looks again: it may be used when the keys are gone.
    await client.del(`${named}:version`)
    expect((await store.put(key, grant)).committed).toBe(true)
    expect(await client.get(`${named}:version`)).toBe('2')
  })

  test('a row that was damaged can not be used, and is left as it is', async () => {
    const named = newPrefix()
    const store = open(client, named)
    const other = { ...key, account: 'other' }
    for (const each of [key, other]) await store.put(each, { ...grant, refreshAfter: 1 })
    const [row] = (await keysOf(named)).filter((name) => name.endsWith('row:["c","s",""]'))
    for (const entry of ['', 'nonsense', '[]', '{"record":{"id":1}}']) {
      await client.hset(`${named}:${row}`, 'entry', entry)
      const before = await client.hgetall(`${named}:${row}`)
      for (const attempt of [
        () => store.read(key),
        () => store.put(key, { ...grant, id: '2' }),
        () => store.claim(key, claim),
        () => store.commit(key, { ...grant, version: 1 }),
        () => store.delete(key, { id: '1' }),
      ]) {
        await expect(attempt()).rejects.toThrow(UnreadableRecordError)
      }
      expect(await client.hgetall(`${named}:${row}`)).toEqual(before)
      expect((await store.due({ before: 1, limit: 5 })).records.map((record) => record.key)).toEqual([other])
      expect(await store.page!({ limit: 5 })).toMatchObject({ records: [{ key: other }], unreadable: [{ key }] })
    }
    await client.hdel(`${named}:${row}`, 'schema')
    expect((await store.due({ before: 1, limit: 5 })).records.map((record) => record.key)).toEqual([other])
  })

  test('scripts that the server has forgotten are sent again', async () => {
    const store = open()
    await store.put(key, grant)
    await client.script('FLUSH')
    expect((await store.claim(key, claim)).outcome).toBe('claimed')
    const other = open(node)
    await other.put(key, grant)
    await client.script('FLUSH')
    expect((await other.claim(key, claim)).outcome).toBe('claimed')
  })

  test('texts that UTF-8 can not hold come back as they were', async () => {
    const odd = 'a\0b\\c\\u0000\ud800"\'{}😀'
    const strange = { ...key, subject: odd, account: odd }
    for (const store of [open(), open(node)]) {
      const content = { ...grant, id: odd, issuer: odd, clientId: odd, sealed: odd, scope: [odd] }
      const put = await store.put(strange, content)
      expect(put.record).toMatchObject({ key: strange, ...content })
      const request = { ...claim, id: odd, owner: odd, intent: { hash: odd, sendWithinMs: 1 } }
      const claimed = await store.claim(strange, request)
      expect(claimed).toMatchObject({ outcome: 'claimed', record: { lease: { owner: odd }, intent: { hash: odd } } })
      const failures = { code: odd, count: 1, firstAt: 1, lastAt: 1, notBefore: 1, mandatory: false }
      await store.release(strange, { owner: odd, spent: 'no', failures })
      expect((await store.read(strange)).record?.failures).toEqual(failures)
      expect(await store.reseal(strange, { id: odd, from: odd, to: `${odd}!` })).toBe(true)
      const found: unknown[] = []
      for await (const record of store.list({ subject: odd })) found.push(record.sealed)
      expect(found).toEqual([`${odd}!`])
      expect((await store.delete(strange, { id: odd })).record).toMatchObject({ key: strange, sealed: `${odd}!` })
      expect((await store.put(strange, content)).committed).toBe(false)
    }
  })

  test('a subject whose name begins another has its own grants listed only', async () => {
    const store = open()
    const subjects = ['a', 'a"', 'a,', 'a-', 'ab', '']
    for (const subject of subjects) {
      for (const name of ['c', 'c-', 'd']) await store.put({ client: name, subject, account: 'x' }, grant)
    }
    const listed = async (filter: Parameters<GrantStore['list']>[0]): Promise<string[]> => {
      const names: string[] = []
      for await (const record of store.list(filter)) names.push(`${record.key.subject}|${record.key.client}`)
      return names.sort()
    }
    for (const subject of subjects) {
      expect(await listed({ subject })).toEqual([`${subject}|c`, `${subject}|c-`, `${subject}|d`])
      expect(await listed({ subject, client: 'c' })).toEqual([`${subject}|c`])
    }
    expect(await listed({ client: 'c-' })).toHaveLength(subjects.length)
  })

  test('the due grants of all buckets come in one order, however they are spread', async () => {
    const store = open()
    // All grants of one subject are in one bucket, more than a bucket returns at first.
    const subjects = Array.from({ length: 120 }, (_, index) => (index < 60 ? 'one' : `${index}`))
    await Promise.all(
      subjects.map((subject, index) =>
        store.put({ client: 'c', subject, account: `${index}` }, { ...grant, refreshAfter: (index * 7919) % 120 }),
      ),
    )
    const start = Date.UTC(2026, 0, 1)
    for (const limit of [0, 1, 10, 119, 120, 500]) {
      const { records, now } = await store.due({ before: 1_000, limit })
      const times = records.map((record) => record.refreshAfter)
      expect(now).toBeGreaterThan(start)
      expect(times).toEqual(Array.from({ length: Math.min(limit, 120) }, (_, index) => index))
    }
    expect((await store.due({ before: 49.9, limit: 500 })).records).toHaveLength(50)
  })

  test('due grants are shared by workers that ask at once', async () => {
    const store = open()
    await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        store.put({ ...key, subject: `${index}` }, { ...grant, refreshAfter: index }),
      ),
    )
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => store.due({ before: 1_000, limit: 10, reserveMs: 60_000 })),
    )
    const subjects = answers.flatMap(({ records }) => records.map((record) => record.key.subject))
    expect(subjects).toHaveLength(100)
    expect(new Set(subjects).size).toBe(100)
    for (const { records } of answers) {
      const times = records.map((record) => record.refreshAfter)
      expect(times).toEqual(times.toSorted((a, b) => a! - b!))
    }
  })

  test('fractions of milliseconds are rounded', async () => {
    const store = open()
    await store.put(key, { ...grant, expiresAt: 10.4, refreshAfter: 10.6 })
    const answer = await store.claim(key, { ...claim, leaseMs: 1000.5, settleMs: 0.1, repeatWithinMs: 0.7 })
    expect(answer).toMatchObject({ outcome: 'claimed', record: { expiresAt: 10, refreshAfter: 11 } })
    expect((await store.due({ before: 1e15 + 0.5, limit: Number.POSITIVE_INFINITY })).records).toHaveLength(1)
  })

  test('of many claims over many connections exactly one gets each version', async () => {
    const named = newPrefix()
    const others = Array.from({ length: 3 }, () => new Redis(url!))
    const all = [open(node, named), ...others.map((other) => open(other, named))]
    expect(await race(all, { owners: 30, versions: 20 })).toEqual({ doubles: 0, versions: 20 })
    for (const other of others) other.disconnect()
  })

  test('closing refuses what comes after, and leaves the client to its owner', async () => {
    const store = open()
    await store.put(key, grant)
    await store.close()
    await store.close()
    await expect(store.read(key)).rejects.toThrow(/is closed/)
    expect(await client.ping()).toBe('PONG')
  })
})

const own = url === undefined ? undefined : await startRedis()

describe.skipIf(own === undefined)('a server that is killed', () => {
  const io = new Redis(own!.url, { maxRetriesPerRequest: 0, retryStrategy: () => 20 })
  io.on('error', () => undefined)
  const node = createClient({ url: own!.url, disableOfflineQueue: true, socket: { reconnectStrategy: 20 } })
  node.on('error', () => undefined)

  afterAll(async () => {
    io.disconnect()
    node.destroy()
    await own!.stop()
  })

  test('costs errors while it is away, and nothing that its disk has', async () => {
    await node.connect()
    const stores = [redisStore(io, { prefix: 'io' }), redisStore(node, { prefix: 'node' })]
    for (const store of stores) {
      await store.put(key, grant)
      expect((await store.claim(key, claim)).outcome).toBe('claimed')
    }
    await own!.halt('SIGKILL')
    for (const store of stores) {
      await expect(store.commit(key, { ...grant, version: 1, sealed: 'y' })).rejects.toThrow(StoreError)
    }
    await own!.resume()
    for (const store of stores) {
      const answer = await until('A commit', () => store.commit(key, { ...grant, version: 1, sealed: 'y' }))
      expect(answer).toMatchObject({ committed: true, record: { version: 2, sealed: 'y' } })
    }
  })

  test('that is emptied has another feed, and takes grants again', async () => {
    await until('A connection', () => io.ping())
    const store = redisStore(io, { prefix: 'flushed' })
    await store.put(key, grant)
    const { next } = await store.changes!({})
    await io.flushall()
    expect(await store.changes!({ after: next })).toMatchObject({ expired: true, changes: [] })
    expect(await store.put(key, grant)).toMatchObject({ committed: true, record: { version: 1 } })
    expect((await store.changes!({ after: next })).expired).toBe(true)
    expect((await store.changes!({})).changes).toHaveLength(1)
  })
})
