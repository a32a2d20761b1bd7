import { expect, test } from 'vitest'
import { ConfigError, SealError, StoreError, TokenResponseError } from '../../src/model/errors.ts'
import { coreOf } from '../../src/client/oauth2-client.ts'
import { Emitter } from '../../src/model/events.ts'
import { Grants } from '../../src/grants.ts'
import { ClientHealth } from '../../src/refresh/client-health.ts'
import { Redeemer } from '../../src/refresh/redeem.ts'
import { Sealer } from '../../src/refresh/sealer.ts'
import { deferred } from '../../src/util/async.ts'
import { resolvePolicy } from '../../src/refresh/policy.ts'
import { TokenSaver } from '../../src/refresh/token-saver.ts'
import { StoreClock } from '../../src/refresh/store-clock.ts'
import type { GrantRecord } from '../../src/stores/store.ts'
import { LiveGrants } from '../../src/refresh/live-grants.ts'
import type { LiveGrant } from '../../src/refresh/live-grant.ts'
import { generateKey, keyRing } from '../../src/seal/index.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { fakeClock } from '../../src/testing/fake-clock.ts'
import { json } from './fake-server.ts'
import { connected, HOUR, key, settled, world, wrapStore } from './setup.ts'

test('a refresh response with another identity keeps the refresh token, withholds the access token, and reports it', async () => {
  const { clock, server, process, store, told } = world()
  const claims = (sub: string) => ({
    iss: 'https://as.example',
    sub,
    aud: 'client-id',
    iat: clock.now() / 1000,
    exp: clock.now() / 1000 + 3600,
  })
  const idToken = (sub: string) =>
    ['{"alg":"RS256"}', JSON.stringify(claims(sub)), 's'].map((part) => btoa(part).replaceAll('=', '')).join('.')
  const grants = process()
  await grants.save('acme', 'f', { ...server.issue(), expires_in: 0, id_token: idToken('alice') })
  server.extra = { id_token: idToken('mallory') }
  const session = grants.session('acme', 'f')
  await expect(settled(clock, session.token(), 1)).rejects.toMatchObject({
    code: 'reauthorization_required',
    reason: 'identity_changed',
  })
  await expect(settled(clock, session.token(), 1)).rejects.toMatchObject({ reason: 'identity_changed' })
  const { record } = await store.read(key())
  expect(record).toMatchObject({ state: 'reauthorization_required', reason: 'identity_changed', version: 2 })
  expect(record!.sealed).toContain('rt-f-1')
  expect(record!.sealed).not.toContain('at-f-1')
  expect(told.filter(({ name }) => name === 'reauthorization_required')).toHaveLength(1)
  expect(server.redemptions).toBe(1)
})

test('an unusable ID token is dropped and reported, and costs nothing else', async () => {
  const { clock, server, process, told } = world()
  const grants = process()
  await connected(grants, server, clock, 0)
  server.extra = { id_token: 'garbage', scope: 'read write' }
  expect((await settled(clock, grants.session('acme', 'f').token())).accessToken).toBe('at-f-1')
  expect(told).toEqual([
    { name: 'refreshed', event: expect.objectContaining({ idTokenDropped: true, scopeChanged: true }) },
  ])
})

test('a record of a newer release is refused and left alone', async () => {
  const clock = fakeClock()
  const inner = memoryStore({ clock })
  const store = wrapStore(inner, async (operation, real) => {
    const answer = (await real()) as { record?: object }
    return operation === 'read' && answer.record !== undefined
      ? { ...answer, record: { ...answer.record, schema: 99 } }
      : answer
  })
  const { server, process } = world({ store, clock })
  await connected(process(), server, clock, 0)
  await expect(settled(clock, process().session('acme', 'f').token())).rejects.toThrow(/newer release.*left unchanged/)
  expect(server.requests).toHaveLength(0)
  expect((await inner.read(key())).record).toMatchObject({ version: 1 })
})

test('an envelope of a newer release, or of something else, is refused', async () => {
  for (const [sealed, error] of [
    ['{"v":2,"token":{}}', ConfigError],
    ['not json', SealError],
  ] as const) {
    const clock = fakeClock()
    const store = wrapStore(memoryStore({ clock }), async (operation, real) => {
      const answer = (await real()) as { record?: object }
      return operation === 'read' && answer.record !== undefined
        ? { ...answer, record: { ...answer.record, sealed } }
        : answer
    })
    const { server, process } = world({ store, clock })
    await connected(process(), server, clock, HOUR)
    await expect(settled(clock, process().session('acme', 'f').token())).rejects.toBeInstanceOf(error)
  }
})

test('no request is sent under a lease that the store granted too slowly, and this is reported', async () => {
  const clock = fakeClock()
  const store = wrapStore(memoryStore({ clock }), async (operation, real) => {
    const answer = await real()
    if (operation === 'claim') await clock.delay(6000)
    return answer
  })
  const { server, process } = world({ store, clock })
  const grants = process()
  await connected(grants, server, clock, 0)
  await expect(settled(clock, grants.session('acme', 'f').token())).rejects.toThrow(
    /took longer than .* ms to grant the lease/,
  )
  expect(server.requests).toHaveLength(0)
})

test('an error of the store becomes a StoreError with a redacted cause', async () => {
  const clock = fakeClock()
  const store = wrapStore(memoryStore({ clock }), async (operation, real) => {
    if (operation === 'read') throw Object.assign(new Error('connection refused'), { query: 'select secret' })
    return real()
  })
  const { process } = world({ store, clock })
  const error = (await process()
    .session('acme', 'f')
    .token()
    .catch((reason: unknown) => reason)) as StoreError
  expect(error).toBeInstanceOf(StoreError)
  expect(error.cause).toMatchObject({ message: 'connection refused' })
  expect(error.cause).not.toHaveProperty('query')
})

test('a process whose lease was taken over does not mark the grant as ended; it waits for the holder', async () => {
  const clock = fakeClock()
  const inner = memoryStore({ clock })
  let steal = true
  const store = wrapStore(inner, async (operation, real) => {
    if (operation === 'commit' && steal) {
      steal = false
      const { record } = await inner.read(key())
      await inner.release(key(), { owner: record!.lease!.owner, spent: 'unknown', settled: true })
      await inner.claim(key(), {
        id: record!.id,
        version: 1,
        owner: 'thief',
        leaseMs: 1000,
        settleMs: 0,
        intent: { hash: 'h', sendWithinMs: 500 },
      })
    }
    return real()
  })
  const { server, process } = world({ store, clock })
  const grants = process()
  await connected(grants, server, clock, 0)
  server.faults.push({ answer: () => json({ error: 'invalid_grant' }, 400) })
  expect((await settled(clock, grants.session('acme', 'f').token())).accessToken).toBe('at-f-1')
  expect((await inner.read(key())).record).toMatchObject({ state: 'active', version: 2 })
})

test('a grant that is replaced or deleted while its refusal is handled is not marked as ended', async () => {
  for (const happens of ['replaced', 'deleted'] as const) {
    const { clock, server, process, store } = world()
    const grants = process()
    await connected(grants, server, clock, 0)
    server.faults.push({
      answer: () => {
        void (happens === 'replaced'
          ? process().save('acme', 'f', { ...server.issue('g'), expires_in: 3600 })
          : store.read(key()).then(({ record }) => store.delete(key(), { id: record!.id })))
        return json({ error: 'invalid_grant' }, 400)
      },
    })
    const answer = await settled(clock, grants.session('acme', 'f').token()).catch((error: unknown) => error)
    if (happens === 'replaced') expect(answer).toMatchObject({ accessToken: 'at-g-0' })
    else expect(answer).toMatchObject({ code: 'grant_not_found' })
  }
})

test('sealed grants survive a restart; with the wrong key they do not open and nothing is deleted', async () => {
  const { clock, server, process, store } = world()
  const key1 = `a:${generateKey()}`
  await connected(process({ keys: keyRing(key1) }), server, clock, 0)
  expect((await store.read(key())).record!.sealed).not.toContain('rt-f-0')
  await expect(
    settled(
      clock,
      process({ keys: keyRing(`b:${generateKey()}`) })
        .session('acme', 'f')
        .token(),
    ),
  ).rejects.toMatchObject({
    code: 'seal_error',
    keyId: 'a',
  })
  const both = keyRing(`b:${generateKey()},${key1}`)
  expect((await settled(clock, process({ keys: both }).session('acme', 'f').token())).accessToken).toBe('at-f-1')
  expect((await store.read(key())).record!.version).toBe(2)
})

test('a sealed token that is moved to another grant’s record does not open', async () => {
  const { clock, server, process, store } = world()
  const keys = keyRing(`a:${generateKey()}`)
  const grants = process({ keys })
  await connected(grants, server, clock, HOUR, 'alice')
  await connected(grants, server, clock, HOUR, 'mallory')
  const [alice, mallory] = [(await store.read(key('alice'))).record!, (await store.read(key('mallory'))).record!]
  await store.reseal(key('mallory'), { id: mallory.id, from: mallory.sealed, to: alice.sealed })
  await expect(process({ keys }).session('acme', 'mallory').token()).rejects.toBeInstanceOf(SealError)
  expect((await process({ keys }).session('acme', 'alice').token()).accessToken).toBe('at-alice-0')
})

test('a key service without prepare() that can’t seal costs nothing: another instance refreshes at once', async () => {
  const { clock, server, process, store } = world()
  let failing = false
  const keysOf = (broken: () => boolean) => ({
    seal: async (text: string) => {
      if (broken()) throw new Error('the key service is down')
      return btoa(text)
    },
    open: async (sealed: string) => atob(sealed),
  })
  const grants = process({ keys: keysOf(() => failing) })
  const healthy = process({ keys: keysOf(() => false) })
  await connected(grants, server, clock, 0)
  failing = true
  await expect(settled(clock, grants.session('acme', 'f').token())).rejects.toThrow('the key service is down')
  expect(server.requests).toHaveLength(0)
  expect((await store.read(key())).record).toMatchObject({ version: 1, lease: undefined })
  expect((await settled(clock, healthy.session('acme', 'f').token(), 1)).accessToken).toBe('at-f-1')
})

test('a key service without prepare() that fails after the response delays the save, and the token is returned', async () => {
  const { clock, server, process, told, store } = world()
  let calls = 0
  const keys = {
    seal: async (text: string) => {
      calls += 1
      // The login's, the trial's, and then that of the response.
      if (calls === 3) throw new Error('the key service is down')
      return btoa(text)
    },
    open: async (sealed: string) => atob(sealed),
  }
  const grants = process({ keys })
  await connected(grants, server, clock, 0)
  expect((await settled(clock, grants.session('acme', 'f').token())).accessToken).toBe('at-f-1')
  expect(told.map(({ name }) => name)).toContain('save_delayed')
  await clock.advance(1500)
  expect((await store.read(key())).record!.version).toBe(2)
})

test('a response whose refresh token was captured is reported to the direct caller', async () => {
  const { makeClient, server } = world()
  const { refresh_token } = server.issue()
  server.extra = { token_type: 'mac' }
  const error = (await makeClient()
    .refresh({ accessToken: 'a', tokenType: 'bearer', receivedAt: 0, refreshToken: refresh_token })
    .catch((reason: unknown) => reason)) as TokenResponseError
  expect(error).toBeInstanceOf(TokenResponseError)
  expect(error.token?.refreshToken).toBe('rt-f-1')
  expect(Object.keys(error)).not.toContain('token')
})

test('a liveGrant that a session uses is found again, however many others came after it', () => {
  const liveGrants = new LiveGrants()
  const first = {} as LiveGrant
  liveGrants.add('first', first)
  for (let index = 0; index < 10_050; index += 1) liveGrants.add(`k${index}`, {} as LiveGrant)
  expect(liveGrants.get('first')).toBe(first)
  expect(liveGrants.get('k10049')).toBeDefined()
  expect(liveGrants.get('never')).toBeUndefined()
  expect(liveGrants.all().length).toBeGreaterThanOrEqual(10_000)
})

test('a token that is left unsaved while another flight claims keeps that refresh from sending', async () => {
  const clock = fakeClock()
  const { server, makeClient, store } = world({ clock })
  const core = coreOf(makeClient())
  const storeClock = new StoreClock(clock)
  const saver = new TokenSaver(clock, () => undefined)
  const claiming = wrapStore(store, async (operation, real) => {
    const answer = await real()
    // The effect on the process of a late response whose commit fails.
    if (operation === 'claim')
      void saver.save(
        () => Promise.reject(new StoreError('down')),
        async () => undefined,
      )
    return answer
  })
  await connected(new Grants({ clients: { acme: makeClient() }, store, clock }), server, clock, 0)
  const { record } = await store.read(key())
  const sealer = new Sealer(undefined)
  const redeemer = new Redeemer({
    key: key(),
    store: claiming,
    clock,
    storeClock,
    sealer,
    saver,
    policy: resolvePolicy({}, {}, 10_000, true),
    core,
    health: new ClientHealth(clock, () => undefined),
    emitter: new Emitter(),
    logger: undefined,
    obtain: undefined,
    adoptLate: async () => undefined,
    goOn: () => undefined,
    whileOpen: () => Promise.resolve(),
  })
  const token = await sealer.open(key(), record!.id, record!.sealed)
  expect(await redeemer.redeem(record!, token, { cause: 'spent', force: false })).toMatchObject({ kind: 'busy' })
  expect(server.requests).toHaveLength(0)
  expect((await store.read(key())).record).toMatchObject({
    lease: undefined,
    intent: { open: false, everUnknown: false },
  })
})

test('refusals that another process’s success explains do not end the grant', async () => {
  const clock = fakeClock()
  const inner = memoryStore({ clock })
  let winner: GrantRecord | undefined
  const store = wrapStore(inner)
  const { server, process, told } = world({ store, clock })
  const grants = process()
  for (let index = 0; index < 15; index += 1) {
    const subject = `u${index}`
    await connected(grants, server, clock, 0, subject)
    server.faults.push({
      answer: () => {
        const sealed = JSON.stringify({
          v: 1,
          token: { accessToken: 'won', receivedAt: clock.now(), expiresAt: clock.now() + HOUR },
        })
        void inner.read(key(subject)).then(async ({ record }) => {
          winner = (
            await inner.commit(key(subject), { id: record!.id, version: 1, state: 'active', sealed, renewable: true })
          ).record
        })
        return json({ error: 'invalid_grant' }, 400)
      },
    })
    expect((await settled(clock, grants.session('acme', subject).token(), 1)).accessToken).toBe('won')
  }
  expect(winner).toBeDefined()
  expect(told.map(({ name }) => name)).not.toContain('client_suspect')
})

test('a login whose predecessor cannot be unsealed is stored', async () => {
  const { clock, server, process, store } = world()
  await connected(process({ keys: keyRing(`old:${generateKey()}`) }), server, clock, HOUR)
  const grants = process({ keys: keyRing(`new:${generateKey()}`) })
  await grants.save('acme', 'f', { access_token: 'second', token_type: 'Bearer', expires_in: 60 })
  expect((await grants.session('acme', 'f').token()).accessToken).toBe('second')
  expect((await store.read(key())).record!.version).toBe(2)
})

test('a login does not wait forever for a refresh of the old one', async () => {
  const { clock, server, process, store } = world()
  const grants = process({ policy: { waitMs: 3000 } })
  await grants.save('acme', 'f', { ...server.issue(), expires_in: 0 }, { account: 'named' })
  const place = { ...key(), account: 'named' }
  const { record } = await store.read(place)
  await store.claim(place, {
    id: record!.id,
    version: 1,
    owner: 'other',
    leaseMs: 60_000,
    settleMs: 60_000,
    intent: { hash: 'h', sendWithinMs: 50_000 },
  })
  const before = clock.now()
  await settled(
    clock,
    grants.save('acme', 'f', { access_token: 'second', token_type: 'Bearer', expires_in: 3600 }, { account: 'named' }),
  )
  expect(clock.now() - before).toBeLessThan(4000)
  expect((await grants.session('acme', 'f', { account: 'named' }).token()).accessToken).toBe('second')
  expect((await grants.status('acme', 'f', { account: 'named' }))!.renewable).toBe(true)
})

test('a listener of refreshed gets the new token at once', async () => {
  const { clock, server, process } = world()
  const grants = process()
  await connected(grants, server, clock, 0)
  const session = grants.session('acme', 'f')
  let inside: Promise<string> | undefined
  grants.on('refreshed', () => {
    inside = session.accessToken()
    throw new Error('the listener’s own problem')
  })
  grants.on('refreshed', () => Promise.reject(new Error('and another')))
  expect((await settled(clock, session.token())).accessToken).toBe('at-f-1')
  expect(await inside).toBe('at-f-1')
  expect(server.redemptions).toBe(1)
})

test('a client secret that does not come in time ends the wait, and no request was sent', async () => {
  const { clock, server, process } = world({ client: { clientSecret: () => new Promise(() => undefined) } })
  const grants = process()
  await connected(grants, server, clock, 0)
  await expect(settled(clock, grants.session('acme', 'f').token())).rejects.toMatchObject({
    code: 'provider_unavailable',
    maybeProcessed: false,
  })
  expect(server.requests).toHaveLength(0)
})

test('a reason that prevents a refresh is logged while the token is returned', async () => {
  const { clock, server, process } = world({
    client: { clientSecret: () => Promise.reject(new Error('the vault is sealed')) },
  })
  const lines: unknown[] = []
  const log = (message: string, fields?: object) => void lines.push([message, fields])
  const grants = process({ logger: { debug: log, info: log, warn: log, error: log } })
  await connected(grants, server, clock, HOUR)
  await clock.advance(HOUR - 200_000)
  expect((await settled(clock, grants.session('acme', 'f').token())).accessToken).toBe('at-f-0')
  await clock.advance(100)
  expect(JSON.stringify(lines)).toContain('a refresh could not be tried')
  expect(server.requests).toHaveLength(0)
})

test('a read that found no record does not forget the login that was stored while its response was in flight', async () => {
  const clock = fakeClock()
  const real = memoryStore({ clock })
  const late = deferred()
  let holding = false
  let down = false
  const store = wrapStore(real, async (operation, work) => {
    if (down) throw new Error('down')
    const answer = await work()
    if (holding && operation === 'read') {
      holding = false
      await late.promise
    }
    return answer
  })
  const { process, server } = world({ clock, store })
  const grants = process()
  await connected(grants, server, clock)
  const session = grants.session('acme', 'f')
  await settled(clock, session.token())
  const { record } = await real.read(key())
  await real.delete(key(), { id: record!.id })
  await clock.advance(100_000)
  holding = true
  const look = session.token()
  await clock.advance(0)
  await grants.save('acme', 'f', { ...server.issue(), access_token: 'of-the-new-log-in', expires_in: 3600 })
  down = true
  late.resolve()
  expect((await settled(clock, look)).accessToken).toBe('of-the-new-log-in')
})
