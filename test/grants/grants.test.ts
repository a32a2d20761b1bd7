import { expect, test } from 'vitest'
import { OAuth2Client, type PendingLogin } from '../../src/client/oauth2-client.ts'
import { CallbackError, ConfigError, GrantNotFoundError } from '../../src/model/errors.ts'
import { Grants } from '../../src/grants.ts'
import type { GrantStatus } from '../../src/refresh/status.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { fakeClock } from '../../src/testing/fake-clock.ts'
import { FakeServer, json } from '../refresh/fake-server.ts'
import { connected, HOUR, key, settled, world, wrapStore } from '../refresh/setup.ts'

const issuedAt = fakeClock().now() / 1000
const idToken = (sub: string) => {
  const claims = { iss: 'https://as.example', sub, aud: 'client-id', iat: issuedAt, exp: issuedAt + 3600 }
  return ['{"alg":"RS256"}', JSON.stringify(claims), 's'].map((part) => btoa(part).replaceAll('=', '')).join('.')
}

/** A world whose token endpoint responds to code exchanges as the test says. */
function logins() {
  const clock = fakeClock()
  const server = new FakeServer()
  let answer: Record<string, unknown> = {
    access_token: 'at-login',
    token_type: 'Bearer',
    expires_in: 3600,
    refresh_token: 'rt-login',
  }
  let exchanges = 0
  const client = new OAuth2Client({
    provider: server.provider,
    clientId: 'client-id',
    clientSecret: 'client-secret',
    redirectUri: 'https://app.example/callback',
    scope: 'read',
    clock,
    fetch: (input, init) => {
      if (new URLSearchParams(init?.body as URLSearchParams).get('grant_type') !== 'authorization_code')
        return server.fetch(input, init)
      exchanges += 1
      return Promise.resolve(json(answer))
    },
  })
  const store = memoryStore({ clock })
  const grants = new Grants({ clients: { acme: client }, store, clock })
  return {
    clock,
    server,
    store,
    grants,
    client,
    exchanges: () => exchanges,
    answerWith: (next: Record<string, unknown>) => {
      answer = next
    },
  }
}

const callbackOf = (pending: PendingLogin) => `/callback?code=the-code&state=${encodeURIComponent(pending.state)}`

test('a user logs in, and the session gets the grant’s token', async () => {
  const { grants } = logins()
  const pending = await grants.connect('acme', 'alice', { returnTo: '/settings?tab=1' })
  expect(JSON.parse(JSON.stringify(pending))).toEqual(pending)
  expect(pending).toMatchObject({ client: 'acme', subject: 'alice', account: '', returnTo: '/settings?tab=1' })
  const { session, returnTo } = await grants.complete(callbackOf(pending), pending, { subject: 'alice' })
  expect(returnTo).toBe('/settings?tab=1')
  expect(await session.accessToken()).toBe('at-login')
  expect((await grants.session('acme', 'alice').token()).accessToken).toBe('at-login')
})

test('a way back that was changed in the web session leads to no other site', async () => {
  const { grants } = logins()
  const pending = { ...(await grants.connect('acme', 'alice', { returnTo: '/settings' })), returnTo: '//evil.example' }
  await expect(grants.complete(callbackOf(pending), pending, { subject: 'alice' })).rejects.toThrow(
    'Expected returnTo to be a path of this site',
  )
})

test('a pending login is accepted once, when its callback comes twice at the same time and once more later', async () => {
  const { grants, exchanges } = logins()
  const pending = await grants.connect('acme', 'alice')
  const complete = () => grants.complete(callbackOf(pending), pending, { subject: 'alice' })
  const results = [...(await Promise.all([complete(), complete()])), await complete()]
  expect(results.filter(({ repeated }) => repeated)).toHaveLength(2)
  for (const { session } of results) expect(await session.accessToken()).toBe('at-login')
  expect(exchanges()).toBe(1)
})

test('a callback that cannot be trusted does not use up the pending login', async () => {
  const { grants, exchanges } = logins()
  const pending = await grants.connect('acme', 'alice')
  await expect(grants.complete('/callback?code=c&state=wrong', pending, { subject: 'alice' })).rejects.toMatchObject({
    code: 'state_mismatch',
  })
  await expect(grants.complete(callbackOf(pending), pending, { subject: 'mallory' })).rejects.toMatchObject({
    code: 'wrong_subject',
  })
  await expect(
    grants.complete(callbackOf(pending), { ...pending, clientId: 'other' }, { subject: 'alice' }),
  ).rejects.toMatchObject({ code: 'wrong_client' })
  expect(exchanges()).toBe(0)
  await grants.complete(callbackOf(pending), pending, { subject: 'alice' })
  expect(exchanges()).toBe(1)
})

test('a pending login of more than fifteen minutes ago is refused', async () => {
  const { grants, clock } = logins()
  const pending = await grants.connect('acme', 'alice')
  clock.set(clock.now() + 15 * 60_000 + 1)
  await expect(grants.complete(callbackOf(pending), pending, { subject: 'alice' })).rejects.toMatchObject({
    code: 'expired_login',
  })
})

test.each([
  '//evil.example',
  'https:evil.example',
  'https://evil.example',
  '\\\\evil.example',
  '/\\evil.example',
  '/\t/evil.example',
  'settings',
  '',
])('returnTo %j leaves the site and is refused', async (returnTo) => {
  const { grants } = logins()
  await expect(grants.connect('acme', 'alice', { returnTo })).rejects.toBeInstanceOf(ConfigError)
})

test('a pending login that Grants did not create is refused', async () => {
  const { grants, client } = logins()
  const pending = await client.authorizationRequest()
  await expect(grants.complete(callbackOf(pending), pending, { subject: 'alice' })).rejects.toBeInstanceOf(ConfigError)
  await expect(
    grants.complete(callbackOf(pending), { ...pending, client: 'unknown', subject: 'alice' }, { subject: 'alice' }),
  ).rejects.toThrow(/Unknown client 'unknown'/)
})

test('a second login without a new refresh token keeps the stored one of the same user, and only of the same user', async () => {
  const { grants, answerWith, server, clock } = logins()
  server.issue('login')
  const logIn = async (answer: Record<string, unknown>, account = '') => {
    answerWith({ token_type: 'Bearer', expires_in: 3600, ...answer })
    const pending = await grants.connect('acme', 'alice', { account })
    await settled(clock, grants.complete(callbackOf(pending), pending, { subject: 'alice' }))
    return (await grants.status('acme', 'alice', { account }))!.renewable
  }
  expect(await logIn({ access_token: 'a1', refresh_token: 'rt-login-0', id_token: idToken('42') })).toBe(true)
  expect(await logIn({ access_token: 'a2', id_token: idToken('42') })).toBe(true)
  expect((await settled(clock, grants.session('acme', 'alice').refresh())).accessToken).toBe('at-login-1')
  expect(server.requests.at(-1)!.get('refresh_token')).toBe('rt-login-0')
  expect(await logIn({ access_token: 'a3', id_token: idToken('someone else') })).toBe(false)
  expect((await grants.session('acme', 'alice').token()).accessToken).toBe('a3')
  // Without ID tokens, only an account that the caller names says who it is.
  expect(await logIn({ access_token: 'b1', refresh_token: 'r' }, 'work')).toBe(true)
  expect(await logIn({ access_token: 'b2' }, 'work')).toBe(true)
  expect(await logIn({ access_token: 'c1', refresh_token: 'r' })).toBe(true)
  expect(await logIn({ access_token: 'c2' })).toBe(false)
})

test('a refresh token is carried over only after a refresh in progress is done', async () => {
  const { clock, server, store, process } = world()
  const grants = process()
  const issued = server.issue('f')
  await grants.save('acme', 'f', { ...issued, expires_in: 0, id_token: idToken('42') })
  let release = (): void => undefined
  server.gate = new Promise((resolve) => {
    release = resolve
  })
  const refreshing = grants.session('acme', 'f').token()
  await clock.advance(10)
  const saving = process().save('acme', 'f', {
    access_token: 'second',
    token_type: 'Bearer',
    expires_in: 3600,
    id_token: idToken('42'),
  })
  await clock.advance(500)
  release()
  await settled(clock, Promise.allSettled([refreshing, saving]))
  await settled(clock, process().session('acme', 'f').refresh())
  expect(server.requests.map((request) => request.get('refresh_token'))).toEqual(['rt-f-0', 'rt-f-1'])
  expect(server.reuses).toBe(0)
  expect((await store.read(key())).record!.state).toBe('active')
})

test('a store that outlives the process needs keys; unknown clients and keys of the wrong type are named', async () => {
  const { client, grants } = logins()
  const store = wrapStore(memoryStore())
  expect(() => new Grants({ clients: { acme: client }, store: { ...store, volatile: false } })).toThrow(
    /encryption keys/,
  )
  expect(() => new Grants({ clients: undefined as never })).toThrow(ConfigError)
  expect(() => grants.session('other' as 'acme', 'alice')).toThrow(/Unknown client 'other'.*'acme'/)
  expect(() => grants.session('toString' as 'acme', 'alice')).toThrow(/Unknown client/)
  expect(() => grants.session('acme', 7 as never)).toThrow(/subject to be a string/)
  await expect(grants.status('acme', null as never)).rejects.toThrow(/subject to be a string, got null/)
})

test('clients may come from a resolver, and an unknown one is refused', async () => {
  const { clock, server, makeClient } = world()
  const client = makeClient()
  const grants = new Grants({ clients: async (name) => (name === 'tenant-1' ? client : undefined), clock })
  const session = grants.session('tenant-1', 'f')
  await grants.save('tenant-1', 'f', { ...server.issue(), expires_in: 3600 })
  expect(await session.accessToken()).toBe('at-f-0')
  expect((await session.status()).client).toBe('tenant-1')
  await expect(grants.session('tenant-2', 'f').token()).rejects.toThrow(/Unknown client 'tenant-2'/)
  await expect(grants.session('tenant-2', 'f').fetch('https://api.example')).rejects.toThrow(/Unknown client/)
  await expect(grants.session('tenant-1', 'f').fetch('https://elsewhere.example')).rejects.toThrow(/resourceOrigins/)
})

test('a service grant is obtained on first use, by one process for all', async () => {
  const { clock, server, store, makeClient } = world()
  const processes = [1, 2, 3].map(
    () =>
      new Grants({
        clients: { acme: makeClient() },
        store,
        clock,
        obtain: { acme: (client) => client.clientCredentials() },
      }),
  )
  const tokens = await settled(
    clock,
    Promise.all(processes.map((grants) => grants.session('acme', 'service').accessToken())),
  )
  expect(new Set(tokens)).toEqual(new Set(['cc-1']))
  await clock.advance(HOUR)
  await settled(clock, Promise.all(processes.map((grants) => grants.session('acme', 'service').accessToken())))
  expect(server.requests.map((request) => request.get('grant_type'))).toEqual([
    'client_credentials',
    'client_credentials',
  ])
})

test('status, list, disconnect and disconnectSubject concern the given grants only', async () => {
  const { clock, server, process } = world()
  const grants = process()
  for (const subject of ['a', 'b']) await connected(grants, server, clock, HOUR, subject)
  await grants.save('acme', 'a', { ...server.issue('a2'), expires_in: 60 }, { account: 'second' })
  expect(await grants.status('acme', 'nobody')).toBeUndefined()
  expect(await grants.status('acme', 'a')).toMatchObject({ state: 'active', renewable: true, scope: ['read'] })
  const all: GrantStatus[] = []
  for await (const status of grants.list()) all.push(status)
  expect(all.map(({ subject, account }) => `${subject}/${account}`).sort()).toEqual(['a/', 'a/second', 'b/'])
  expect(await grants.session(all.find(({ account }) => account === 'second')!).accessToken()).toBe('at-a2-0')
  await grants.disconnect('acme', 'b')
  expect(await grants.disconnectSubject('a')).toBe(2)
  expect(await grants.disconnectSubject('a')).toBe(0)
  await clock.advance(100)
  expect(server.revoked.sort()).toEqual(['rt-a-0', 'rt-a2-0', 'rt-b-0'])
  await expect(grants.session('acme', 'a').token()).rejects.toBeInstanceOf(GrantNotFoundError)
  await grants.disconnect('acme', 'a')
})

test('a key with separators in it is not confused with another key', async () => {
  const { clock, server, process } = world()
  const grants = process()
  await connected(grants, server, clock, HOUR, 'a","b')
  await expect(grants.session('acme', 'a').token()).rejects.toBeInstanceOf(GrantNotFoundError)
  await expect(grants.session('acme', 'a', { account: 'b' }).token()).rejects.toBeInstanceOf(GrantNotFoundError)
})

test('close() waits for work in progress, and no new work begins after it', async () => {
  const { clock, server, process } = world()
  const grants = process()
  await connected(grants, server, clock, 0)
  const refreshing = grants.session('acme', 'f').accessToken()
  await settled(clock, grants.close())
  expect(await refreshing).toBe('at-f-1')
  expect(() => grants.session('acme', 'someone')).toThrow(ConfigError)
})

test('a callback error says what happened and what to do', async () => {
  const { grants } = logins()
  const pending = await grants.connect('acme', 'alice')
  const error = await grants
    .complete(callbackOf(pending), pending, { subject: 'bob' })
    .catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(CallbackError)
  expect((error as Error).message).toMatch(/another user.*Start the login again\./)
})

test('what is not a key ring, or not an object of clients, is refused at construction', () => {
  const { client } = logins()
  for (const keys of ['k1:text', 7, {}, { seal: 'x' }])
    expect(() => new Grants({ clients: { acme: client }, keys: keys as never })).toThrow(ConfigError)
  expect(() => new Grants({ clients: { acme: client }, keys: 'k1:a-secret-key' as never })).toThrow(
    'Expected `keys` to be a key ring, got string. Pass `keyRing(…)`',
  )
  expect(() => new Grants({ clients: [client] as never })).toThrow('Expected `clients` to be an object')
})

test.each([
  [undefined, 'got undefined'],
  [null, 'got null'],
  ['{"client":"acme"}', 'got string'],
  [{}, 'got one without a client'],
])('a pending login that the web session lost (%j) is named', async (pending, message) => {
  const { grants } = logins()
  await expect(grants.complete('/callback', pending as never, { subject: 'u' })).rejects.toThrow(message)
})

test('a login may have a redirect URI of its own, which the exchange repeats', async () => {
  const { clock, server } = logins()
  const sent: URLSearchParams[] = []
  const other = new OAuth2Client({
    provider: server.provider,
    clientId: 'client-id',
    clientSecret: 'client-secret',
    redirectUri: 'https://app.example/callback',
    clock,
    fetch: async (_input, init) => {
      sent.push(new URLSearchParams(init?.body as URLSearchParams))
      return json({ access_token: 'at', token_type: 'Bearer', expires_in: 3600, refresh_token: 'rt' })
    },
  })
  const grants = new Grants({ clients: { acme: other }, clock })
  const pending = await grants.connect('acme', 'u', { redirectUri: 'https://app.example/other' })
  expect(new URL(pending.url).searchParams.get('redirect_uri')).toBe('https://app.example/other')
  await grants.complete(callbackOf(pending), pending, { subject: 'u' })
  expect(sent.map((each) => each.get('redirect_uri'))).toEqual(['https://app.example/other'])
})
