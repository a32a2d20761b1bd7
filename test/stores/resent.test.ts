import { describe, expect, test } from 'vitest'

import type { Backend } from '../../src/stores/backend.ts'
import { mysqlStore } from '../../src/stores/mysql/index.ts'
import { postgresStore } from '../../src/stores/postgres/index.ts'
import { redisStore } from '../../src/stores/redis/index.ts'
import { storeOver } from '../../src/stores/store-over.ts'
import type { ClaimRequest, GrantStore } from '../../src/stores/store.ts'
import { mariadb, postgres, redis } from '../servers/index.ts'
import { MapBackend } from './map-backend.ts'
import { content, grant, key } from './records.ts'
import { inMysql } from './fixtures/mysql.ts'
import { inPostgres } from './fixtures/postgres.ts'
import { inRedis } from './fixtures/redis.ts'

const claim: ClaimRequest = {
  id: '1',
  version: 1,
  owner: 'o',
  leaseMs: 60_000,
  settleMs: 0,
  intent: { hash: 'h', sendWithinMs: 30_000 },
}

/** What happens between a command whose response was lost and its repeat by the driver. */
interface Resends {
  between: (() => Promise<unknown>) | undefined
}

/** Sends everything twice, and returns the second result. */
async function twice<T>(resends: Resends, send: () => Promise<T>): Promise<T> {
  await send().catch(() => undefined)
  const { between } = resends
  resends.between = undefined
  await between?.()
  return send()
}

interface Place {
  /** A store whose driver sends everything twice. */
  readonly store: GrantStore
  /** The same place, by a driver that does not. */
  readonly usual: GrantStore
}

const [postgresUrl, redisUrl, mysqlUrl] = [await postgres(), await redis(), await mariadb()]
const onPostgres = postgresUrl === undefined ? undefined : inPostgres(postgresUrl, { max: 4 })
const onRedis = redisUrl === undefined ? undefined : inRedis(redisUrl)
const onMysql = mysqlUrl === undefined ? undefined : inMysql(mysqlUrl)

const makers: Readonly<Record<string, ((resends: Resends) => Promise<Place>) | undefined>> = {
  'a Map': async (resends) => {
    const backend = new MapBackend()
    const doubled = new Proxy<Backend>(backend, {
      get: (target, member) => {
        const own = Reflect.get(target, member) as unknown
        if (member !== 'read' && member !== 'swap') return typeof own === 'function' ? own.bind(target) : own
        return (...parameters: unknown[]) =>
          twice(resends, () => (own as (...all: unknown[]) => Promise<unknown>).apply(target, parameters))
      },
    })
    return { store: storeOver(doubled), usual: storeOver(backend) }
  },
  PostgreSQL:
    onPostgres &&
    (async (resends) => {
      const { pool, schema, newTable } = onPostgres
      const table = newTable()
      const usual = postgresStore(pool, { schema, table })
      await usual.read(key)
      const store = postgresStore(
        { query: (text, values) => twice(resends, () => pool.query(text, values)) },
        { schema, table },
      )
      return { store, usual }
    }),
  Redis:
    onRedis &&
    (async (resends) => {
      const { client, newPrefix } = onRedis
      const prefix = newPrefix()
      const usual = redisStore(client, { prefix })
      await usual.read(key)
      const store = redisStore(
        {
          evalsha: (sha, keyCount, ...rest) => twice(resends, async () => client.evalsha(sha, keyCount, ...rest)),
          eval: (script: string, keyCount: number, ...rest: string[]) =>
            twice(resends, async () => client.eval(script, keyCount, ...rest)),
        },
        { prefix },
      )
      return { store, usual }
    }),
  MySQL:
    onMysql &&
    (async (resends) => {
      const { pool, newTable } = onMysql
      const table = newTable()
      const usual = mysqlStore(pool, { table })
      await usual.read(key)
      const store = mysqlStore({ execute: (query) => twice(resends, () => pool.execute(query)) }, { table })
      return { store, usual }
    }),
}

describe.each(Object.entries(makers))('what a driver sends twice to %s', (_name, make) => {
  const resends: Resends = { between: undefined }
  const place = async (): Promise<Place> => {
    resends.between = undefined
    return make!(resends)
  }

  test.skipIf(make === undefined)('is done once, and recognised', async () => {
    const { store } = await place()
    expect(await store.put(key, grant)).toMatchObject({ committed: true, record: { version: 1 } })
    const claimed = await store.claim(key, claim, (await store.read(key)).record)
    expect(claimed).toMatchObject({ outcome: 'claimed', takeover: false, record: { intent: { attempt: 1 } } })
    await store.release(key, { owner: 'o', spent: 'no' })
    expect((await store.read(key)).record?.lease).toBeUndefined()
    expect(await store.commit(key, { ...content, id: '1', version: 1 })).toMatchObject({ record: { version: 2 } })
    await store.claim(key, { ...claim, version: 2 })
    const verdict = { id: '1', version: 2, owner: 'o', verdict: 'revoked' } as const
    expect(await store.commit(key, verdict)).toMatchObject({ committed: true, record: { version: 3 } })
    expect(await store.reseal(key, { id: '1', from: 'x', to: 'y' })).toBe(true)
    expect(await store.once('id', 60_000, 'me')).toBe(true)
    expect(await store.once('id', 60_000, 'another')).toBe(false)
    expect(await store.documents!.put('d', 'v', { version: 0 })).toMatchObject({ put: true, document: { version: 1 } })
    expect(await store.documents!.delete('d', { version: 1 })).toBe(true)
    expect((await store.delete(key, { id: '1' })).record).toMatchObject({ version: 3, sealed: 'y' })
    if (store.changes === undefined) return
    await expect
      .poll(async () => (await store.changes!({})).changes.map(({ kind, version }) => `${kind} ${version}`))
      .toEqual(['connected 1', 'reauthorization_required 3', 'disconnected 3'])
  })

  test.skipIf(make === undefined)('is done once where others wrote in between', async () => {
    const { store, usual } = await place()
    const login = (id: string): Promise<unknown> => usual.put(key, { ...grant, id })

    // A deletion, after which another process stores a new login: what was deleted is what is returned, and revoked.
    await usual.put(key, grant)
    resends.between = () => usual.commit(key, { ...content, sealed: 'newer', id: '1', version: 1 })
    const first = await store.delete(key, { id: '1' })
    expect(first.record).toMatchObject({ id: '1', version: 2, sealed: 'newer' })
    expect((await usual.read(key)).record).toBeUndefined()

    await login('2')
    const deleting = await whileSwapping(
      resends,
      () => login('3'),
      () => store.delete(key, { id: '2' }),
    )
    expect(deleting.record).toMatchObject({ id: '2' })
    expect((await usual.read(key)).record).toMatchObject({ id: '3', state: 'active' })

    // A login that another replaced, or ended: it does not come back.
    const replaced = await whileSwapping(
      resends,
      () => login('5'),
      () => store.put(key, { ...grant, id: '4' }),
    )
    expect(replaced).toMatchObject({ committed: false, record: { id: '5' } })
    const ended = await whileSwapping(
      resends,
      () => usual.delete(key, { id: '6' }),
      () => store.put(key, { ...grant, id: '6' }),
    )
    expect(ended.committed).toBe(false)
    expect((await usual.read(key)).record).toBeUndefined()

    // A verdict that a success has replaced is no longer a verdict.
    const { record } = await usual.put(key, { ...grant, id: '7' })
    const version = record!.version
    await usual.claim(key, { ...claim, id: '7', version })
    const verdict = { id: '7', version, owner: 'o', verdict: 'revoked' } as const
    const judged = await whileSwapping(
      resends,
      () => usual.commit(key, { ...content, id: '7', version: version + 1 }),
      () => store.commit(key, verdict),
    )
    expect(judged).toMatchObject({ committed: false, record: { state: 'active', version: version + 2 } })

    // A claim whose lease was given back, and is another's.
    const other = await whileSwapping(
      resends,
      async () => {
        await usual.release(key, { owner: 'o', spent: 'no' })
        await usual.claim(key, { ...claim, id: '7', version: version + 2, owner: 'two' })
      },
      () => store.claim(key, { ...claim, id: '7', version: version + 2 }),
    )
    expect(other).toMatchObject({ outcome: 'busy' })
    expect((await usual.read(key)).record?.lease?.owner).toBe('two')

    // An id that its caller asks for again.
    const asked = await whileSwapping(
      resends,
      () => usual.once('id', 60_000, 'another'),
      () => store.once('id', 60_000, 'me'),
    )
    expect(asked).toBe(true)
  })
})

/** Does the work, and something else after the first swap that the work sends, before it is sent again. */
async function whileSwapping<T>(resends: Resends, between: () => Promise<unknown>, work: () => Promise<T>): Promise<T> {
  // The read comes before the swap.
  resends.between = async () => {
    resends.between = between
  }
  return work()
}
