import { expect, test } from 'vitest'
import { Grants } from '../../src/grants.ts'
import { OAuth2Session } from '../../src/session.ts'
import { StoreError } from '../../src/model/errors.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { fakeClock } from '../../src/testing/fake-clock.ts'
import { connected, HOUR, key, settled, world, wrapStore } from './setup.ts'

/** Nothing is ever heard of it. */
const never = (): Promise<never> => new Promise(() => undefined)

for (const what of ['provider', 'store'] as const) {
  for (const left of [9900, 5000, 1200, 300]) {
    test(`a valid token is returned before it ends while the ${what} hangs and ${left} ms are left`, async () => {
      const clock = fakeClock()
      let hangs = false
      const inner = memoryStore({ clock })
      const store = wrapStore(inner, (_operation, real) => (hangs && what === 'store' ? never() : real()))
      const { process, server } = world({ clock, store })
      const session = await connected(process(), server, clock)
      await session.token()
      await clock.advance(HOUR - left)
      hangs = true
      if (what === 'provider') for (let count = 0; count < 5; count += 1) server.faults.push({ hangUntil: never() })
      const asked = clock.now()
      const token = await settled(clock, session.token(), 50)
      expect(token.accessToken).toBe('at-f-0')
      expect(clock.now() - asked).toBeLessThan(left)
    })
  }
}

test('the token of a refresh that hung is used when its response arrives late', async () => {
  const { clock, process, server } = world()
  const session = await connected(process(), server, clock)
  await session.token()
  await clock.advance(HOUR - 8000)
  let answer = (): void => undefined
  server.faults.push({ hangUntil: new Promise((resolve) => (answer = resolve)) })
  expect((await settled(clock, session.token())).accessToken).toBe('at-f-0')
  answer()
  await clock.advance(10)
  expect((await session.token()).accessToken).toBe('at-f-1')
})

test('a rejected token is not returned again because its refresh hangs', async () => {
  const { clock, process, server } = world()
  const session = await connected(process(), server, clock)
  await session.token()
  server.faults.push({ hangUntil: never() })
  await expect(settled(clock, session.token({ rejected: 'at-f-0' }))).rejects.toMatchObject({
    code: 'provider_unavailable',
  })
})

test('a caller that joined a refresh whose host ended it begins another one', async () => {
  const clock = fakeClock()
  let dead = true
  const inner = memoryStore({ clock })
  // Neither the store nor a deadline of that flight is heard of again.
  const silent = { ...clock, delay: (ms: number, signal?: AbortSignal) => (dead ? never() : clock.delay(ms, signal)) }
  const store = wrapStore(inner, (operation, real) => (dead && operation === 'claim' ? never() : real()))
  const { makeClient, server } = world({ clock, store })
  const grants = new Grants({ clients: { acme: makeClient() }, store, clock: { ...silent, now: () => clock.now() } })
  const session = await connected(grants, server, clock, 0)
  void session.token()
  await clock.advance(10)
  dead = false
  const asked = clock.now()
  expect((await settled(clock, session.token())).accessToken).toBe('at-f-1')
  expect(clock.now() - asked).toBeLessThan(5000)
})

test('a caller does not wait forever for a client lookup that hangs, and an abort ends the wait at once', async () => {
  const clock = fakeClock()
  const session = new Grants({ clients: () => never(), clock }).session('tenant', 'u')
  const controller = new AbortController()
  const aborted = session.token({ signal: controller.signal })
  await clock.advance(10)
  controller.abort(new Error('gone'))
  await expect(aborted).rejects.toThrow('gone')
  const asked = clock.now()
  await expect(settled(clock, session.token())).rejects.toMatchObject({ code: 'provider_unavailable' })
  expect(clock.now() - asked).toBeLessThan(10_500)
  await expect(settled(clock, session.refresh())).rejects.toThrow(/Looking up client 'tenant'/)
})

test('a caller waits once for a store whose claim hangs, not three times', async () => {
  const clock = fakeClock()
  const inner = memoryStore({ clock })
  const store = wrapStore(inner, (operation, real) => (operation === 'claim' ? never() : real()))
  const { process, server } = world({ clock, store })
  const session = await connected(process(), server, clock, 0)
  const asked = clock.now()
  await expect(settled(clock, session.token())).rejects.toMatchObject({ code: 'store_error' })
  expect(clock.now() - asked).toBeLessThan(15_000)
})

test('`busy` without a lease is waited for when it is short, and not when it goes on', async () => {
  const clock = fakeClock()
  const inner = memoryStore({ clock })
  for (const [rounds, waitMs, outcome] of [
    [1, 1, 'at-f-1'],
    [4, 150, 'at-f-1'],
    [1, 5000, 'provider_unavailable'],
    [Number.POSITIVE_INFINITY, 1, 'refresh_timeout'],
  ] as const) {
    let left: number = rounds
    const store = wrapStore(inner, async (operation, real) => {
      if (operation !== 'claim' || left-- <= 0) return real()
      return { outcome: 'busy', waitMs, leaseMs: 0, now: clock.now() }
    })
    const { process, server } = world({ clock, store })
    const session = await connected(process(), server, clock, 0)
    const got = await settled(clock, session.token()).then(
      ({ accessToken }) => accessToken,
      ({ code }: { code: string }) => code,
    )
    expect(got).toBe(outcome)
  }
})

test('a token that no caller has asked for yet is revoked when its session is disconnected', async () => {
  const { clock, makeClient, server } = world()
  const token = { ...server.issue(), expires_in: 3600 }
  await settled(clock, new OAuth2Session(makeClient(), { token }).disconnect())
  await clock.advance(10)
  expect(server.revoked).toEqual(['rt-f-0'])
})

test('an expired token that no caller has asked for is revoked by a disconnection, after which no token can be used', async () => {
  const { clock, makeClient, server } = world()
  const session = new OAuth2Session(makeClient(), { token: { ...server.issue(), expires_at: 1 } })
  await settled(clock, session.disconnect())
  await clock.advance(10)
  expect(server.revoked).toEqual(['rt-f-0'])
  await expect(session.token()).rejects.toMatchObject({ code: 'grant_not_found' })
  await session.disconnect()
  expect(server.revoked).toHaveLength(1)
})

test('a second client secret is not tried once the lease may be over', async () => {
  const clock = fakeClock()
  const tried: string[] = []
  let slow = 0
  const { process, server, store } = world({
    clock,
    client: {
      clientSecret: ['old-secret', 'new-secret'],
      fetch: async (_url, init) => {
        tried.push(new Headers(init?.headers).get('authorization') ?? '')
        await clock.delay(slow)
        return Response.json({ error: 'invalid_client' }, { status: 401 })
      },
    },
  })
  for (const [ms, times] of [
    [100, 2],
    [6000, 1],
  ] as const) {
    tried.length = 0
    slow = ms
    const session = await connected(process(), server, clock, 0, `after ${ms}`)
    await expect(settled(clock, session.token())).rejects.toMatchObject({ error: 'invalid_client' })
    expect(tried).toHaveLength(times)
  }
  expect((await store.read(key('after 6000'))).record).toMatchObject({ state: 'active', lease: undefined })
})

test('a deletion whose responses are all lost is repeated by the next call, and what was deleted is revoked', async () => {
  const clock = fakeClock()
  const inner = memoryStore({ clock })
  let lost = true
  const store = wrapStore(inner, async (operation, real) => {
    const answer = await real()
    if (operation === 'delete' && lost) throw new Error('connection lost')
    return answer
  })
  const { process, server, told } = world({ clock, store })
  const grants = process()
  await connected(grants, server, clock)
  await expect(settled(clock, grants.disconnect('acme', 'f'))).rejects.toMatchObject({ code: 'store_error' })
  lost = false
  await settled(clock, grants.disconnect('acme', 'f'))
  await clock.advance(10)
  expect(server.revoked).toEqual(['rt-f-0'])
  expect(told.filter(({ name }) => name === 'disconnected')).toHaveLength(1)
})

test('a write that is known not to have happened is not repeated at once: a locked file costs its timeout once', async () => {
  for (const operation of ['claim', 'delete'] as const) {
    const clock = fakeClock()
    const inner = memoryStore({ clock })
    let tries = 0
    const store = wrapStore(inner, async (each, real) => {
      if (each !== operation) return real()
      tries += 1
      await clock.delay(5000)
      throw new StoreError('The file is locked.', { notWritten: true })
    })
    const { process, server } = world({ clock, store })
    const grants = process()
    const session = await connected(grants, server, clock, 0)
    const asked = clock.now()
    const work: Promise<unknown> = operation === 'claim' ? session.token() : grants.disconnect('acme', 'f')
    await expect(settled(clock, work)).rejects.toMatchObject({ code: 'store_error' })
    expect([tries, clock.now() - asked < 5500]).toEqual([1, true])
  }
})
