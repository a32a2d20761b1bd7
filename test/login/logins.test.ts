import { expect, test } from 'vitest'
import { OAuth2Client, type OAuth2ClientOptions, type PendingLogin } from '../../src/client/oauth2-client.ts'
import { ConfigError, StoreError } from '../../src/model/errors.ts'
import { Grants, type GrantsOptions } from '../../src/grants.ts'
import type { Provider } from '../../src/model/provider.ts'
import type { Identity } from '../../src/refresh/identity.ts'
import { generateKey, keyRing } from '../../src/seal/index.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import type { GrantStore } from '../../src/stores/store.ts'
import { fakeClock } from '../../src/testing/fake-clock.ts'
import { json } from '../refresh/fake-server.ts'
import { settled, wrapStore, type Operation } from '../refresh/setup.ts'

const b64 = (text: string) => btoa(text).replaceAll('=', '').replaceAll('+', '-').replaceAll('/', '_')
const MINUTE = 60_000

/** A provider that responds to code exchanges, an application's clock and store, and any number of its processes. */
function world(
  options: {
    readonly provider?: Partial<Provider>
    readonly client?: Partial<OAuth2ClientOptions>
    readonly around?: (operation: Operation, real: () => Promise<unknown>) => Promise<unknown>
  } = {},
) {
  const clock = fakeClock()
  const memory = memoryStore({ clock })
  const store: GrantStore =
    options.around === undefined ? memory : { ...wrapStore(memory, options.around), page: undefined }
  const state = {
    exchanges: 0,
    revoked: [] as string[],
    claims: { sub: '42', email: 'a@example.com', email_verified: 'true', name: 'Ann' } as Record<string, unknown>,
    answer: { access_token: 'at', token_type: 'Bearer', expires_in: 3600, refresh_token: 'rt' } as Record<
      string,
      unknown
    >,
    status: 200,
    gate: Promise.resolve(),
    userInfo: (): Response => json({ sub: '42', email: 'a@example.com' }),
    nonce: undefined as string | undefined,
    idToken: true,
  }
  const idToken = () => {
    const at = clock.now() / 1000
    const claims = { iss: 'https://as.example', aud: 'id', iat: at, exp: at + 300, nonce: state.nonce, ...state.claims }
    return [b64('{"alg":"RS256"}'), b64(JSON.stringify(claims)), 's'].join('.')
  }
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const url = input instanceof Request ? input.url : input.toString()
    if (url.endsWith('/userinfo')) return state.userInfo()
    const body = new URLSearchParams(init?.body as URLSearchParams)
    if (url.endsWith('/revoke')) {
      state.revoked.push(body.get('token') ?? '')
      return new Response(null, { status: 200 })
    }
    state.exchanges += 1
    await state.gate
    return json({ ...state.answer, ...(state.idToken && { id_token: idToken() }) }, state.status)
  }
  const client = new OAuth2Client({
    provider: {
      name: 'fake',
      server: {
        issuer: 'https://as.example',
        authorization_endpoint: 'https://as.example/authorize',
        token_endpoint: 'https://as.example/token',
        revocation_endpoint: 'https://as.example/revoke',
        userinfo_endpoint: 'https://as.example/userinfo',
      },
      ...options.provider,
    },
    clientId: 'id',
    clientSecret: 'secret-secret',
    redirectUri: 'https://app.example/callback',
    scope: 'openid read',
    clock,
    fetch,
    ...options.client,
  })
  const warnings: string[] = []
  const log = (message: string) => void warnings.push(message)
  const logger = { debug: () => undefined, info: () => undefined, warn: log, error: log }
  const process = (more: Partial<GrantsOptions<{ acme: OAuth2Client }>> = {}) =>
    new Grants({ clients: { acme: client }, store, clock, logger, ...more })
  const callbackOf = (pending: PendingLogin, code = 'c'): string => {
    state.nonce = pending.nonce
    return `/callback?code=${code}&state=${encodeURIComponent(pending.state)}`
  }
  return { clock, store, memory, state, client, process, callbackOf, warnings }
}

const bySub = ({ sub }: Identity) => `user:${sub}`

test('the details of a login are available at once', async () => {
  const { process, callbackOf, state } = world()
  const grants = process()
  const connected: object[] = []
  grants.on('connected', (event) => void connected.push(event))
  state.answer = { ...state.answer, scope: 'openid', instance_url: 'https://eu1.example' }
  const pending = await grants.connect('acme', 'alice', { account: 'work', returnTo: '/next' })
  const done = await grants.complete(callbackOf(pending), pending, { subject: 'alice' })
  expect(done).toMatchObject({
    key: { client: 'acme', subject: 'alice', account: 'work' },
    status: { state: 'active', version: 1, renewable: true },
    identity: { issuer: 'https://as.example', sub: '42', email: 'a@example.com', emailVerified: true, name: 'Ann' },
    claims: { sub: '42' },
    extra: { instance_url: 'https://eu1.example' },
    scope: ['openid'],
    missingScope: ['read'],
    renewable: true,
    repeated: false,
    identityChanged: false,
    returnTo: '/next',
  })
  expect(await done.session.accessToken()).toBe('at')
  expect(connected).toEqual([{ key: done.key, at: expect.any(Number) as number, scope: ['openid'], renewable: true }])
})

test('the details of a login do not contain the token endpoint’s origin', async () => {
  const tokenOriginFrom = { param: 'dc', allowed: ['https://eu.example'] }
  const { process, callbackOf } = world({ provider: { tokenOriginFrom } })
  const grants = process()
  const pending = await grants.connect('acme', 'alice')
  const callback = `${callbackOf(pending)}&dc=${encodeURIComponent('https://eu.example')}`
  expect((await grants.complete(callback, pending, { subject: 'alice' })).extra).toEqual({})
})

test('complete() returns the missing scope, whatever the form of the granted one', async () => {
  const { process, callbackOf, state } = world({ client: { scope: 'openid email read offline_access' } })
  const grants = process()
  state.answer = { ...state.answer, scope: 'openid https://www.googleapis.com/auth/userinfo.email' }
  const pending = await grants.connect('acme', 'alice')
  const done = await grants.complete(callbackOf(pending), pending, { subject: 'alice' })
  expect(done.missingScope).toEqual(['read'])
})

test('details show no refresh token, wherever it stands, and the claims of complete()', async () => {
  const { process, callbackOf, state } = world()
  const grants = process()
  const user = { access_token: 'second-access', refresh_token: 'second-secret' }
  state.answer = {
    ...state.answer,
    refreshToken: 'another-secret',
    authed_user: user,
    list: [user, { bot: user }],
    id: 1,
  }
  const pending = await grants.connect('acme', 'alice')
  const { claims, extra, session } = await grants.complete(callbackOf(pending), pending, { subject: 'alice' })
  expect(JSON.stringify(extra['authed_user'])).toContain('second-secret')
  const details = await session.details()
  expect(details.extra['id']).toBe(1)
  expect(JSON.stringify(details)).not.toContain('secret')
  expect(details.claims).toEqual(claims)
  expect(claims).not.toHaveProperty('nonce')
})

test.each([
  ['a string', 'user:42'],
  ['the identity', bySub],
  ['the identity, later', async (identity: Identity) => Promise.resolve(bySub(identity))],
] as const)('a login of an unknown user takes the subject from %s', async (_, subject) => {
  const { process, callbackOf, state } = world()
  const grants = process()
  const pending = await grants.connect('acme')
  expect(pending).not.toHaveProperty('subject')
  const kept = JSON.parse(JSON.stringify(pending)) as PendingLogin
  const done = await grants.complete(callbackOf(pending), kept, { subject })
  const again = await grants.complete(callbackOf(pending), kept, { subject })
  expect([done.key.subject, done.repeated, again.key.subject, again.repeated]).toEqual([
    'user:42',
    false,
    'user:42',
    true,
  ])
  expect([again.identity?.sub, again.claims?.['sub'], again.status.id]).toEqual(['42', '42', done.status.id])
  expect(state.exchanges).toBe(1)
  expect((await grants.status('acme', 'user:42'))?.state).toBe('active')
})

test('without an ID token the user info endpoint is asked for the identity, and only when the subject needs it', async () => {
  const { process, callbackOf, state } = world({ client: { scope: 'read' } })
  const grants = process()
  state.idToken = false
  let asked = 0
  const { userInfo } = state
  state.userInfo = () => {
    asked += 1
    return userInfo()
  }
  const first = await grants.connect('acme', 'alice')
  expect(await grants.complete(callbackOf(first), first, { subject: 'alice' })).not.toHaveProperty('identity')
  expect(asked).toBe(0)
  const pending = await grants.connect('acme')
  const done = await grants.complete(callbackOf(pending), pending, { subject: bySub, account: ({ email }) => email! })
  expect(done.key).toEqual({ client: 'acme', subject: 'user:42', account: 'a@example.com' })
  expect(done.identity).toMatchObject({ issuer: 'https://as.example', sub: '42' })
  expect((await grants.complete(callbackOf(pending), pending, { subject: bySub })).repeated).toBe(true)
  expect(asked).toBe(1)
})

test('where the identity cannot be known, the code is not sent', async () => {
  const { process, callbackOf, state } = world({
    client: { scope: 'read' },
    provider: {
      server: {
        issuer: 'https://as.example',
        authorization_endpoint: 'https://as.example/authorize',
        token_endpoint: 'https://as.example/token',
      },
    },
  })
  const grants = process()
  const pending = await grants.connect('acme')
  await expect(grants.complete(callbackOf(pending), pending, { subject: bySub })).rejects.toThrow(
    /openid.*userinfo_endpoint/,
  )
  expect(state.exchanges).toBe(0)
  state.idToken = false
  await grants.complete(callbackOf(pending), pending, { subject: 'u' })
})

test.each([undefined, null])('a subject function that returns %j stores no grant and revokes none', async (nobody) => {
  const { process, callbackOf, state, store } = world()
  const grants = process()
  const pending = await grants.connect('acme')
  const complete = () => grants.complete(callbackOf(pending), pending, { subject: () => nobody })
  await expect(complete()).rejects.toMatchObject({ name: 'CallbackError', code: 'refused', retryable: false })
  await expect(complete()).rejects.toMatchObject({ code: 'already_used', cause: { code: 'refused' } })
  await grants.close()
  expect([state.exchanges, state.revoked]).toEqual([1, []])
  for await (const record of store.list()) expect(record).toBeUndefined()
})

test('a subject that returns an empty string, or throws, loses no login', async () => {
  const { process, callbackOf, state } = world()
  const grants = process()
  const pending = await grants.connect('acme')
  const complete = (subject: () => string) => grants.complete(callbackOf(pending), pending, { subject })
  await expect(complete(() => '')).rejects.toBeInstanceOf(ConfigError)
  const failing = () => {
    throw new TypeError('the users cannot be read')
  }
  await expect(complete(failing)).rejects.toBeInstanceOf(TypeError)
  expect((await complete(() => 'alice')).key.subject).toBe('alice')
  expect(state.exchanges).toBe(1)
})

test('another subject than the one that began the login is refused, given by a string or by the identity', async () => {
  const { process, callbackOf, state } = world()
  const grants = process()
  const pending = await grants.connect('acme', 'alice')
  await expect(grants.complete(callbackOf(pending), pending, { subject: 'eve' })).rejects.toMatchObject({
    code: 'wrong_subject',
  })
  expect(state.exchanges).toBe(0)
  await expect(grants.complete(callbackOf(pending), pending, { subject: () => 'eve' })).rejects.toMatchObject({
    code: 'wrong_subject',
  })
  expect(await grants.status('acme', 'eve')).toBeUndefined()
  const next = await grants.connect('acme', 'alice')
  await grants.complete(callbackOf(next), next, { subject: 'alice' })
  // A repeat hands nothing to another one either.
  const open = await grants.connect('acme')
  await grants.complete(callbackOf(open), open, { subject: 'bob' })
  for (const subject of ['eve', () => 'eve'])
    await expect(grants.complete(callbackOf(open), open, { subject })).rejects.toMatchObject({ code: 'wrong_subject' })
})

test('of many callbacks of one login at once in two processes, one sends the code and all get a result', async () => {
  const { process, callbackOf, state, clock } = world()
  const processes = [process(), process()] as const
  const pending = await processes[0].connect('acme', 'alice')
  let release = (): void => undefined
  state.gate = new Promise((resolve) => {
    release = resolve
  })
  const all = [0, 1, 0, 1, 0].map((index) =>
    processes[index]!.complete(callbackOf(pending), pending, { subject: 'alice' }),
  )
  await clock.advance(3000)
  release()
  const results = await settled(clock, Promise.all(all))
  expect(state.exchanges).toBe(1)
  expect(results.filter(({ repeated }) => !repeated)).toHaveLength(1)
  expect(new Set(results.map(({ status }) => status.id)).size).toBe(1)
  for (const { session, identity } of results)
    expect([await session.accessToken(), identity?.sub]).toEqual(['at', '42'])
})

test('when the first callback of a login failed, the others reject with already_used, with the failure as the cause', async () => {
  const { process, callbackOf, state, clock } = world()
  const [here, there] = [process(), process()]
  state.status = 400
  state.answer = { error: 'invalid_grant' }
  state.idToken = false
  const pending = await here.connect('acme', 'alice')
  const complete = (grants: typeof here) => grants.complete(callbackOf(pending), pending, { subject: 'alice' })
  const results = await settled(clock, Promise.allSettled([complete(here), complete(here), complete(there)]))
  expect(results.map((each) => (each as PromiseRejectedResult).reason as object)).toMatchObject([
    { code: 'token_request_error' },
    { code: 'already_used', cause: { code: 'token_request_error' } },
    { code: 'already_used' },
  ])
  await expect(complete(here)).rejects.toMatchObject({ code: 'already_used' })
  expect(state.exchanges).toBe(1)
})

test('a repeated callback finds the current grant, and none that was disconnected or replaced', async () => {
  const { process, callbackOf, clock, state } = world()
  const [grants, other] = [process(), process()]
  const pending = await grants.connect('acme', 'alice')
  const complete = (each: typeof grants) => each.complete(callbackOf(pending), pending, { subject: 'alice' })
  const { status } = await complete(grants)
  expect((await complete(other)).status.id).toBe(status.id)
  await grants.disconnect('acme', 'alice')
  for (const each of [grants, other])
    await expect(settled(clock, complete(each))).rejects.toMatchObject({ code: 'already_used' })
  expect(await grants.status('acme', 'alice')).toBeUndefined()
  const next = await grants.connect('acme', 'alice')
  await grants.complete(callbackOf(next), next, { subject: 'alice' })
  await expect(settled(clock, complete(other))).rejects.toMatchObject({ code: 'already_used' })
  expect(state.exchanges).toBe(2)
})

test('a callback that cannot be trusted is refused, also when its login is finished', async () => {
  const { process, callbackOf } = world()
  const grants = process()
  const pending = await grants.connect('acme', 'alice')
  await grants.complete(callbackOf(pending), pending, { subject: 'alice' })
  await expect(grants.complete('/callback?code=c&state=x', pending, { subject: 'alice' })).rejects.toMatchObject({
    code: 'state_mismatch',
  })
})

/** A store whose operations of some kinds fail or hang while the test asks for it. */
function outage() {
  const state = { down: new Set<Operation>(), way: 'fails' as 'fails' | 'hangs' | 'answer lost' }
  const around = async (operation: Operation, real: () => Promise<unknown>): Promise<unknown> => {
    if (!state.down.has(operation)) return real()
    if (state.way === 'hangs') return new Promise(() => undefined)
    if (state.way === 'answer lost') await real()
    throw new Error('connection lost')
  }
  return { state, around }
}

test.each(['fails', 'answer lost', 'hangs'] as const)(
  'the store %s before the code is sent: it waits, and the code is not spent',
  async (way) => {
    const { state: store, around } = outage()
    const { process, callbackOf, state, clock } = world({ around })
    const grants = process()
    const pending = await grants.connect('acme', 'alice')
    const complete = () => grants.complete(callbackOf(pending), pending, { subject: 'alice' })
    store.way = way
    store.down.add('once')
    const first = settled(clock, complete(), 100).catch((error: unknown) => error)
    expect(await first).toBeInstanceOf(StoreError)
    expect(state.exchanges).toBe(0)
    const second = complete()
    second.catch(() => undefined)
    await clock.advance(2000)
    store.down.clear()
    // A question that hangs is not given up sooner for it.
    const done = await settled(clock, second, 1000).catch(() => settled(clock, complete(), 1000))
    expect(done.repeated).toBe(false)
    expect(state.exchanges).toBe(1)
  },
)

test.each(['fails', 'answer lost', 'hangs'] as const)(
  'the store %s once the code is spent: the login is not lost',
  async (way) => {
    const { state: store, around } = outage()
    const { process, callbackOf, state, clock } = world({ around })
    const grants = process()
    const connected: object[] = []
    grants.on('connected', (event) => void connected.push(event))
    const pending = await grants.connect('acme', 'alice')
    const complete = () => grants.complete(callbackOf(pending), pending, { subject: 'alice' })
    store.way = way
    for (const operation of ['read', 'put'] as const) store.down.add(operation)
    const began = clock.now()
    const error = await settled(clock, complete(), 100).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(StoreError)
    expect((error as StoreError).retryable).toBe(true)
    expect(clock.now() - began).toBeLessThanOrEqual(11_000)
    // While it is saved in the background, a reload waits for it.
    const reload = complete()
    reload.catch(() => undefined)
    await clock.advance(3000)
    store.down.clear()
    const done = await settled(clock, reload).catch(() =>
      settled(clock, complete()).catch(() => settled(clock, complete())),
    )
    expect(await done.session.accessToken()).toBe('at')
    expect([state.exchanges, state.revoked]).toEqual([1, []])
    expect(connected).toHaveLength(1)
    expect((await complete()).repeated).toBe(true)
  },
)

test('a login survives a store outage of two seconds, and is saved also when the caller did not wait', async () => {
  const { state: store, around } = outage()
  const { process, callbackOf, clock } = world({ around })
  const grants = process()
  const logIn = async (subject: string, downMs: number) => {
    const pending = await grants.connect('acme', subject)
    store.down.add('put')
    const completing = grants.complete(callbackOf(pending), pending, { subject })
    completing.catch(() => undefined)
    await clock.advance(downMs)
    store.down.clear()
    return settled(clock, completing)
  }
  expect((await logIn('alice', 2000)).repeated).toBe(false)
  await expect(logIn('bob', 30_000)).rejects.toBeInstanceOf(StoreError)
  await clock.advance(2000)
  expect((await grants.status('acme', 'bob'))?.state).toBe('active')
})

test('after a minute without the store, the same call saves the login; when the login has expired, its token is revoked', async () => {
  const { state: store, around } = outage()
  const { process, callbackOf, state, clock } = world({ around })
  const grants = process()
  store.down.add('put')
  const begin = async (subject: string) => {
    const pending = await grants.connect('acme', subject)
    const complete = () => grants.complete(callbackOf(pending), pending, { subject })
    await expect(settled(clock, complete())).rejects.toBeInstanceOf(StoreError)
    return complete
  }
  const alice = await begin('alice')
  await clock.advance(3 * MINUTE)
  store.down.clear()
  await clock.advance(MINUTE)
  expect(await grants.status('acme', 'alice')).toBeUndefined()
  expect((await settled(clock, alice())).repeated).toBe(false)
  store.down.add('put')
  state.answer = { ...state.answer, refresh_token: 'rt-bob' }
  await begin('bob')
  await clock.advance(16 * MINUTE)
  expect(state.revoked).toEqual(['rt-bob'])
  expect(state.exchanges).toBe(2)
})

test.each(['grant', 'person'] as const)(
  'close() waits for a login that is being saved, then gives it up: what a revocation ends is the %s',
  async (ends) => {
    const { state: store, around } = outage()
    const { process, callbackOf, state, clock } = world({ around, provider: { revocation: { ends } } })
    const grants = process()
    store.down.add('put')
    const pending = await grants.connect('acme', 'alice')
    await expect(settled(clock, grants.complete(callbackOf(pending), pending, { subject: 'alice' }))).rejects.toThrow()
    const began = clock.now()
    await settled(clock, grants.close(), 1000)
    expect(clock.now() - began).toBeLessThan(MINUTE + 5000)
    expect(state.revoked).toEqual(ends === 'person' ? [] : ['rt'])
  },
)

test('a login without a refresh token is reported once, and the later error says how to fix it', async () => {
  const { process, callbackOf, state, clock, warnings } = world()
  const grants = process()
  const { refresh_token: _, ...without } = state.answer
  state.answer = without
  const pending = await grants.connect('acme', 'alice')
  const complete = () => grants.complete(callbackOf(pending), pending, { subject: 'alice' })
  const { renewable, session } = await complete()
  expect((await complete()).renewable).toBe(renewable)
  expect(renewable).toBe(false)
  expect(warnings.filter((text) => text.includes('no refresh token'))).toHaveLength(1)
  await clock.advance(3_600_000)
  await expect(settled(clock, session.token())).rejects.toThrow(/offline_access/)
  state.answer = { ...without, expires_in: undefined }
  const endless = await grants.connect('acme', 'bob')
  await grants.complete(callbackOf(endless), endless, { subject: 'bob' })
  expect(warnings.filter((text) => text.includes('no refresh token'))).toHaveLength(1)
})

test('a login as another person of the provider than before is reported', async () => {
  const { process, callbackOf, state } = world()
  const grants = process()
  const logIn = async (sub: string) => {
    state.claims = { sub }
    const pending = await grants.connect('acme', 'alice')
    return (await grants.complete(callbackOf(pending), pending, { subject: 'alice' })).identityChanged
  }
  expect([await logIn('1'), await logIn('1'), await logIn('2'), await logIn('2')]).toEqual([false, false, true, false])
})

test.each([
  [{}, /subject/],
  [{ subject: 7 }, /subject/],
  [{ subject: 'a', account: 7 }, /account/],
])('complete(…, %j) is refused', async (options, message) => {
  const { process, callbackOf, state } = world()
  const grants = process()
  const pending = await grants.connect('acme', 'a')
  const wrong = options as unknown as { subject: string }
  await expect(grants.complete(callbackOf(pending), pending, wrong)).rejects.toThrow(message)
  const { id: _, ...incomplete } = pending
  await expect(
    grants.complete(callbackOf(pending), incomplete as PendingLogin, { subject: 'a' }),
  ).rejects.toBeInstanceOf(ConfigError)
  expect(state.exchanges).toBe(0)
})

test('keys may be a function, which is called at the first use and refused then when it returns none', async () => {
  const { client, clock, callbackOf } = world()
  let asked = 0
  const specification: { text?: string } = {}
  const volatile = memoryStore({ clock })
  const store: GrantStore = Object.assign(Object.create(volatile) as GrantStore, { volatile: false })
  for (const name of ['read', 'put', 'once', 'list', 'page', 'reseal', 'close'] as const)
    Object.assign(store, { [name]: (volatile[name] as (...args: unknown[]) => unknown).bind(volatile) })
  Object.assign(store, { documents: volatile.documents })
  const keys = () => {
    asked += 1
    return keyRing(specification.text)
  }
  const grants = new Grants({ clients: { acme: client }, store, clock, keys })
  const pending = await grants.connect('acme', 'alice')
  expect(asked).toBe(0)
  await expect(grants.save('acme', 'bob', { access_token: 'a', refresh_token: 'r' })).rejects.toThrow(/key ring/)
  specification.text = `a:${generateKey()}`
  await grants.complete(callbackOf(pending), pending, { subject: 'alice' })
  const before = asked
  await grants.documents.put('d', 'v', { version: 0 })
  expect(await grants.reseal()).toEqual({ resealed: 0 })
  expect(asked).toBe(before)
  const { record } = await volatile.read({ client: 'acme', subject: 'alice', account: '' })
  expect(record?.sealed).toMatch(/^ey/)
  const none = new Grants({ clients: { acme: client }, store, clock, keys: () => undefined as never })
  await expect(none.save('acme', 'bob', { access_token: 'a', refresh_token: 'r' })).rejects.toThrow(/`keys`/)
})

test('an installation that the provider begins is completed only where its data allows it', async () => {
  const allowed = world({ provider: { unsolicited: true }, client: { scope: 'read' } })
  allowed.state.idToken = false
  const grants = allowed.process()
  const callback = '/callback?code=c&installation_id=7'
  const done = await grants.complete(callback, undefined, { client: 'acme', subject: 'alice', unsolicited: true })
  expect(done).toMatchObject({
    key: { client: 'acme', subject: 'alice', account: '' },
    repeated: false,
    renewable: true,
  })
  expect(await done.session.accessToken()).toBe('at')
  const byIdentity = await grants.complete(callback, undefined, { client: 'acme', subject: bySub, unsolicited: true })
  expect(byIdentity.key.subject).toBe('user:42')
  const forbidden = world().process()
  await expect(
    forbidden.complete(callback, undefined, { client: 'acme', subject: 'alice', unsolicited: true }),
  ).rejects.toBeInstanceOf(ConfigError)
  await expect(
    grants.complete(callback, undefined as unknown as PendingLogin, { subject: 'alice' }),
  ).rejects.toBeInstanceOf(ConfigError)
})

test('errors of a login and of a refresh name the client as the application does', async () => {
  const { client, clock, callbackOf, state, store } = world()
  const grants = new Grants({ clients: { calendar: client }, store, clock })
  const pending = await grants.connect('calendar', 'alice')
  const declined = `/callback?error=access_denied&state=${encodeURIComponent(pending.state)}`
  await expect(grants.complete(declined, pending, { subject: 'alice' })).rejects.toThrow(/'calendar'/)
  await grants.complete(callbackOf(pending), pending, { subject: 'alice' })
  await clock.advance(3_600_000)
  state.status = 400
  state.answer = { error: 'invalid_scope' }
  state.idToken = false
  await expect(settled(clock, grants.session('calendar', 'alice').token())).rejects.toThrow(/'calendar'/)
})

test('a key ring may be made of a function', async () => {
  let asked = 0
  const text = `a:${generateKey()}`
  const ring = keyRing(() => {
    asked += 1
    return text
  })
  expect(asked).toBe(0)
  const sealed = await ring.seal('secret', 'context')
  expect([await ring.open(sealed, 'context'), ring.currentKeyId, ring.keyIdOf(sealed), asked]).toEqual([
    'secret',
    'a',
    'a',
    1,
  ])
  expect(await keyRing(text).open(await (await ring.prepare('c'))('s'), 'c')).toBe('s')
  await expect(keyRing(() => undefined).seal('s', 'c')).rejects.toThrow(/environment variable/)
})

test.each([
  ['the subject', { subject: bySub }],
  ['the account', { subject: 'alice', account: ({ sub }: Identity) => sub }],
  ['the subject, asked of the user info endpoint', { subject: bySub }],
])('another process returns the same result where the identity determines %s', async (name, options) => {
  const { clock, process, callbackOf, state } = world()
  const asks = name.includes('user info')
  if (asks) state.idToken = false
  const [one, other] = [process(), process()]
  const pending = await one.connect('acme', undefined, asks ? { scope: 'read' } : {})
  const both = [one, other].map((grants) => grants.complete(callbackOf(pending), pending, options))
  const answers = await settled(clock, Promise.all(both))
  expect(answers.map(({ repeated }) => repeated)).toEqual(expect.arrayContaining([false, true]))
  expect(answers[0]?.key).toEqual(answers[1]?.key)
  const late = await process().complete(callbackOf(pending), pending, options)
  expect([late.repeated, late.key, state.exchanges]).toEqual([true, answers[0]?.key, 1])
})

test('a login that was given up and revoked is not stored when its subject function returns late', async () => {
  const { clock, process, callbackOf, state } = world()
  const grants = process()
  const pending = await grants.connect('acme')
  let answer: (subject: string) => void = () => undefined
  const subject = () => new Promise<string>((resolve) => (answer = resolve))
  const late = grants.complete(callbackOf(pending), pending, { subject })
  const rejected = expect(late).rejects.toMatchObject({ code: 'expired_login' })
  await clock.advance(16 * MINUTE)
  expect(state.revoked).toEqual(['rt'])
  answer('alice')
  await rejected
  expect(await grants.status('acme', 'alice')).toBeUndefined()
})

test('a subject function that hangs keeps no further call of its login waiting forever', async () => {
  const { clock, process, callbackOf, state } = world()
  const grants = process()
  const pending = await grants.connect('acme')
  const callback = callbackOf(pending)
  const complete = (subject: (identity: Identity) => Promise<string> | string) =>
    grants.complete(callback, pending, { subject })
  complete(() => new Promise(() => undefined)).catch(() => undefined)
  await clock.advance(100)
  const began = clock.now()
  await expect(settled(clock, complete(bySub))).rejects.toMatchObject({ code: 'provider_unavailable', retryable: true })
  expect(clock.now() - began).toBeLessThan(31_000)
  expect(state.exchanges).toBe(1)
})

test('a login whose save was never confirmed, and that another one has replaced since, is no success', async () => {
  const late: { replace?: () => Promise<unknown> } = {}
  const { process, callbackOf, memory, clock } = world({
    around: async (operation, real) => {
      const answer = await real()
      if (operation !== 'put' || late.replace === undefined) return answer
      const { replace } = late
      delete late.replace
      await replace()
      throw new StoreError('the response was lost')
    },
  })
  const grants = process()
  const pending = await grants.connect('acme', 'alice')
  late.replace = () => process({ store: memory }).save('acme', 'alice', { access_token: 'newer', refresh_token: 'rt2' })
  await expect(
    settled(clock, grants.complete(callbackOf(pending), pending, { subject: 'alice' })),
  ).rejects.toMatchObject({ code: 'already_used' })
  expect(await grants.session('acme', 'alice').accessToken()).toBe('newer')
})
