import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import type { DevelopmentProvider } from '../../provider/src/index.ts'
import type { ClientAuth } from '../../src/client/client-auth.ts'
import { OAuth2Client } from '../../src/client/oauth2-client.ts'
import { Grants } from '../../src/grants.ts'
import { OAuth2Session } from '../../src/session.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { sqliteStore } from '../../src/stores/sqlite/index.ts'
import {
  browser,
  CALLBACK,
  clientOf,
  grantsOf,
  HOUR,
  logIn,
  POLICY,
  provide,
  recordingFetch,
  serve,
  STORE_KINDS,
  until,
  world,
  type World,
} from './support.ts'

const offline = { params: { access_type: 'offline' } }

/** Connects alice's account, from the first click to the stored grant. */
async function connect({ grants }: Pick<World, 'grants'>, options: Parameters<typeof logIn>[1] = {}) {
  const pending = await grants.connect('acme', 'alice', offline)
  const { session } = await grants.complete(await logIn(pending.url, options), pending, { subject: 'alice' })
  return session
}

const subOf = async (response: Response) => ((await response.json()) as { sub?: unknown }).sub

for (const store of STORE_KINDS) {
  test(`the life of a grant, from the log-in to its end (${store})`, async () => {
    const wire = recordingFetch()
    const made = await world({ store, client: { fetch: wire.fetch } })
    const { provider, grants, client, clock } = made

    const pending = await grants.connect('acme', 'alice', { ...offline, returnTo: '/menu?tab=2' })
    expect(JSON.parse(JSON.stringify(pending))).toEqual(pending)
    const callback = await logIn(pending.url)
    const { session, returnTo } = await grants.complete(callback, JSON.parse(JSON.stringify(pending)), {
      subject: 'alice',
    })
    expect(returnTo).toBe('/menu?tab=2')
    expect(await grants.status('acme', 'alice')).toMatchObject({
      state: 'active',
      renewable: true,
      scope: ['openid', 'email', 'profile'],
    })

    const first = await session.accessToken()
    expect(await subOf(await session.fetch(provider.metadata.userinfo_endpoint))).toBe('alice')
    expect(provider.stats().tokenRequests).toMatchObject({ total: 1, authorization_code: 1 })

    clock.travel(HOUR)
    expect(await subOf(await session.fetch(provider.metadata.userinfo_endpoint))).toBe('alice')
    const second = await session.accessToken()
    expect(second).not.toBe(first)
    expect(provider.stats().tokenRequests).toMatchObject({ total: 2, refresh_token: 1 })

    const third = (await session.refresh()).accessToken
    expect(third).not.toBe(second)
    expect(await session.accessToken()).toBe(third)

    expect(await client.introspect(third)).toMatchObject({ active: true, sub: 'alice', client_id: provider.clientId })
    expect(await client.introspect('never issued')).toEqual({ active: false })
    expect(await client.userInfo(await session.token())).toMatchObject({ sub: 'alice', email: 'alice@example.com' })

    const live = wire.requests.findLast(({ answer }) => answer['refresh_token'] !== undefined)!.answer
    await session.disconnect()
    expect(await grants.status('acme', 'alice')).toBeUndefined()
    await expect(session.token()).rejects.toMatchObject({ code: 'grant_not_found' })
    await until(() => provider.stats().revokeRequests === 1, 'the grant was revoked at the provider')
    await until(async () => !(await client.introspect(third)).active, 'the access token had ended')
    await expect(
      client.refresh({
        accessToken: third,
        refreshToken: String(live['refresh_token']),
        tokenType: 'bearer',
        receivedAt: 0,
      }),
    ).rejects.toMatchObject({ code: 'token_request_error', error: 'invalid_grant' })
    expect(grants.told.map(({ name }) => name)).toEqual(['refreshed', 'refreshed', 'disconnected'])
    expect(provider.stats()).toMatchObject({ reuseDetections: 0, revocations: 0 })

    // Connected again, it is another grant.
    expect(await subOf(await (await connect(made)).fetch(provider.metadata.userinfo_endpoint))).toBe('alice')
  })

  test(`a second log-in that brings no refresh token keeps the stored one, as it is after rotations (${store})`, async () => {
    const made = await world({ store })
    const { provider, grants, clock } = made
    const sameBrowser = browser()
    const session = await connect(made, { browser: sameBrowser })
    clock.travel(HOUR)
    await session.token()
    const before = await made.record()

    await connect(made, { browser: sameBrowser })
    const after = await made.record()
    expect(after).toMatchObject({ renewable: true, state: 'active' })
    expect(after.id).not.toBe(before.id)
    for (let expiry = 0; expiry < 2; expiry += 1) {
      clock.travel(HOUR)
      expect(await subOf(await session.fetch(provider.metadata.userinfo_endpoint))).toBe('alice')
    }
    expect(provider.stats()).toMatchObject({
      tokenRequests: { authorization_code: 2, refresh_token: 3 },
      redemptions: 3,
      reuseDetections: 0,
    })
    expect(grants.told.every(({ name }) => name === 'refreshed')).toBe(true)
  })

  test(`a log-in during a refresh keeps the refresh token that the refresh brought (${store})`, async () => {
    const made = await world({ store })
    const { provider, clock } = made
    const sameBrowser = browser()
    const session = await connect(made, { browser: sameBrowser })
    clock.travel(HOUR)
    const order = provider.fault({ kind: 'hang', ms: 150, process: 'first' })
    const refreshing = session.token().catch(() => undefined)
    await until(() => order.served === 1, 'the refresh was out')
    await connect(made, { browser: sameBrowser })
    await refreshing
    clock.travel(HOUR)
    expect(await subOf(await session.fetch(provider.metadata.userinfo_endpoint))).toBe('alice')
    expect(provider.stats()).toMatchObject({ redemptions: 2, reuseDetections: 0, revocations: 0 })
  })
}

test('a log-in of another user of the provider gets nothing of the stored grant', async () => {
  const made = await world()
  const { provider, grants, clock } = made
  const bobs = browser()
  // Bob has consented before: this time his log-in brings no refresh token.
  await grants.connect('acme', 'bob', offline).then(({ url }) => logIn(url, { browser: bobs, user: 'bob' }))
  await connect(made)
  const session = await connect(made, { browser: bobs, user: 'bob' })
  expect(await subOf(await session.fetch(provider.metadata.userinfo_endpoint))).toBe('bob')
  expect(await made.record()).toMatchObject({ renewable: false })
  clock.travel(HOUR)
  await expect(session.token()).rejects.toMatchObject({ reason: 'no_refresh_token' })
})

test('a callback that comes twice at once is completed once, with one code request', async () => {
  const made = await world({ store: 'SQLite' })
  const { provider, grants, client, clock } = made
  const other = grantsOf(client, { store: sqliteStore(made.file!, { clock }), keys: made.keys!, clock })
  const pending = await grants.connect('acme', 'alice', offline)
  const callback = await logIn(pending.url)
  const results = await Promise.allSettled(
    [grants, other, grants, other].map((each) => each.complete(callback, pending, { subject: 'alice' })),
  )
  expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  for (const result of results) {
    if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'already_used', retryable: false })
  }
  await expect(grants.complete(callback, pending, { subject: 'alice' })).rejects.toMatchObject({ code: 'already_used' })
  expect(provider.stats().tokenRequests.total).toBe(1)
  clock.travel(HOUR)
  expect(await subOf(await other.session('acme', 'alice').fetch(provider.metadata.userinfo_endpoint))).toBe('alice')
  await other.close()
})

test('another user’s pending log-in is refused, and still the other user’s own', async () => {
  const { provider, grants } = await world()
  const pending = await grants.connect('acme', 'alice', offline)
  const callback = await logIn(pending.url)
  await expect(grants.complete(callback, pending, { subject: 'mallory' })).rejects.toMatchObject({
    code: 'wrong_subject',
  })
  expect(await grants.status('acme', 'mallory')).toBeUndefined()
  expect(provider.stats().tokenRequests.total).toBe(0)
  await grants.complete(callback, pending, { subject: 'alice' })
})

test('a callback of another log-in, with another issuer, or without a code is refused before anything is sent', async () => {
  const { provider, grants } = await world()
  const [pending, others] = [
    await grants.connect('acme', 'alice', offline),
    await grants.connect('acme', 'eve', offline),
  ]
  const callback = new URL(await logIn(pending.url))
  const spoilt = (change: (params: URLSearchParams) => void) => {
    const url = new URL(callback)
    change(url.searchParams)
    return grants.complete(url, pending, { subject: 'alice' })
  }
  const code = (expected: string) => ({ code: expected, retryable: false })
  await expect(grants.complete(callback, others, { subject: 'eve' })).rejects.toMatchObject(code('state_mismatch'))
  await expect(spoilt((params) => params.set('state', ''))).rejects.toMatchObject(code('state_mismatch'))
  await expect(spoilt((params) => params.delete('state'))).rejects.toMatchObject(code('state_mismatch'))
  await expect(spoilt((params) => params.set('iss', 'https://evil.example'))).rejects.toMatchObject(
    code('issuer_mismatch'),
  )
  await expect(spoilt((params) => params.delete('code'))).rejects.toMatchObject(code('missing_code'))
  await expect(spoilt((params) => params.append('code', 'x'))).rejects.toMatchObject(code('duplicate_parameter'))
  expect(provider.stats().tokenRequests.total).toBe(0)
  await grants.complete(callback, pending, { subject: 'alice' })
})

test('a pending log-in is refused after fifteen minutes', async () => {
  const { provider, grants, clock } = await world()
  const pending = await grants.connect('acme', 'alice', offline)
  const callback = await logIn(pending.url)
  clock.travel(15 * 60_000 + 1000)
  await expect(grants.complete(callback, pending, { subject: 'alice' })).rejects.toMatchObject({
    code: 'expired_login',
  })
  expect(provider.stats().tokenRequests.total).toBe(0)
})

test('a user who declines is told as that, and an earlier grant is not touched', async () => {
  const made = await world()
  const { grants, provider, clock } = made
  const session = await connect(made)
  const before = await made.record()
  const pending = await grants.connect('acme', 'alice', { params: { access_type: 'offline', prompt: 'consent' } })
  const callback = await logIn(pending.url, { decision: 'deny' })
  await expect(grants.complete(callback, pending, { subject: 'alice' })).rejects.toMatchObject({
    name: 'AuthorizationError',
    code: 'authorization_error',
    error: 'access_denied',
    retryable: false,
  })
  expect(await made.record()).toEqual(before)
  clock.travel(HOUR)
  expect(await subOf(await session.fetch(provider.metadata.userinfo_endpoint))).toBe('alice')
})

test('a grant that the user ended at the provider is dead after one question, until the next log-in', async () => {
  const made = await world()
  const { provider, clock, grants, client } = made
  const session = await connect(made)
  await client.revoke((await session.token()).accessToken, 'access_token')
  clock.travel(HOUR / 2)
  const calls = Array.from({ length: 20 }, () => session.fetch(provider.metadata.userinfo_endpoint))
  for (const result of await Promise.allSettled(calls)) {
    expect(result).toMatchObject({
      status: 'rejected',
      reason: { code: 'reauthorization_required', reason: 'revoked' },
    })
  }
  expect(provider.stats().tokenRequests.refresh_token).toBe(1)
  expect(grants.told.map(({ name }) => name)).toEqual(['reauthorization_required'])
  expect(await subOf(await (await connect(made)).fetch(provider.metadata.userinfo_endpoint))).toBe('alice')
  clock.travel(HOUR)
  expect(await subOf(await session.fetch(provider.metadata.userinfo_endpoint))).toBe('alice')
})

test('the callback may be relative, its parameters, a request, or a form post', async () => {
  const made = await world()
  const forms: readonly ((callback: string) => string | URL | URLSearchParams | Request)[] = [
    (callback) => new URL(callback).pathname + new URL(callback).search,
    (callback) => new URL(callback).searchParams,
    (callback) => new Request(callback.replace('http://localhost:3000', 'https://public.example/app')),
    (callback) => new Request('http://10.0.0.1/internal', { method: 'POST', body: new URL(callback).searchParams }),
  ]
  for (const form of forms) {
    const pending = await made.grants.connect('acme', 'alice', offline)
    const { session } = await made.grants.complete(form(await logIn(pending.url)), pending, { subject: 'alice' })
    expect(await subOf(await session.fetch(made.provider.metadata.userinfo_endpoint))).toBe('alice')
  }
})

/** A secret with everything that goes wrong in a header or a form; RFC 6749 appendix A.2 allows no more than visible ASCII. */
const AWKWARD = 'a b%:+~&=/"'

/** Every kind of request in which a client authenticates. */
async function usesEverything(provider: DevelopmentProvider, client: OAuth2Client): Promise<void> {
  const pending = await client.authorizationRequest({ params: { access_type: 'offline' } })
  const token = await client.exchangeCode(await logIn(pending.url), pending)
  expect(token).toMatchObject({ tokenType: 'bearer', refreshToken: expect.any(String), idToken: expect.any(String) })
  const refreshed = await client.refresh(token)
  expect(refreshed.accessToken).not.toBe(token.accessToken)
  expect(await client.introspect(refreshed)).toMatchObject({ active: true })
  expect(await client.userInfo(refreshed)).toMatchObject({ sub: 'alice' })
  await client.revoke(refreshed)
  expect(await client.introspect(refreshed)).toEqual({ active: false })
  expect(provider.stats().revokeRequests).toBe(1)
}

test.for<[ClientAuth, string]>([
  ['client_secret_basic', AWKWARD],
  ['client_secret_post', AWKWARD],
  ['client_secret_basic_raw', 'plain-secret_1'],
])(
  '%s authenticates code, refresh, introspection, revocation and client credentials alike',
  async ([clientAuth, secret]) => {
    const provider = await provide({ rotate: true, clientSecret: secret })
    const wire = recordingFetch()
    const client = clientOf(provider, { clientAuth, fetch: wire.fetch })
    await usesEverything(provider, client)
    await client.clientCredentials({ scope: [] })
    const authenticated = wire.requests.filter(({ url }) => url !== provider.metadata.userinfo_endpoint)
    expect(authenticated).toHaveLength(6)
    for (const { headers, form } of authenticated) {
      expect(headers.has('authorization')).toBe(clientAuth !== 'client_secret_post')
      expect(form.get('client_secret')).toBe(clientAuth === 'client_secret_post' ? secret : null)
    }
  },
)

test.for<[ClientAuth, (request: { authorization: string; form: URLSearchParams }) => unknown]>([
  ['client_secret_basic', ({ authorization }) => decodeURIComponent(passwordOf(authorization))],
  ['client_secret_basic_raw', ({ authorization }) => passwordOf(authorization)],
  ['client_secret_post', ({ form }) => form.get('client_secret')],
])('%s carries a secret beyond ASCII as it is', async ([clientAuth, secretOf]) => {
  const secret = 'a b%:+~é'
  let received: unknown
  const url = await serve((request, response) => {
    void text(request).then((body) => {
      received = secretOf({ authorization: request.headers.authorization ?? '', form: new URLSearchParams(body) })
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ access_token: 'at', token_type: 'Bearer' }))
    })
  })
  const client = new OAuth2Client({
    provider: { name: 'acme', server: { token_endpoint: `${url}/token` } },
    clientId: 'id',
    clientSecret: secret,
    clientAuth,
  })
  await client.clientCredentials()
  expect(received).toBe(secret)
})

/** The password of an Authorization header, after the first colon. */
function passwordOf(authorization: string): string {
  const pair = Buffer.from(authorization.replace('Basic ', ''), 'base64').toString()
  return pair.slice(pair.indexOf(':') + 1)
}

test('a wrong secret is the registration’s fault: no grant is touched', async () => {
  const made = await world()
  const { provider, grants, clock } = made
  const [grant] = await provider.mint()
  await grants.save('acme', 'alice', { ...grant!, expires_in: 0 })
  const before = await made.record()
  const wrong = grantsOf(clientOf(provider, { clock, clientSecret: `${AWKWARD} wrong` }), { store: made.store, clock })
  await expect(wrong.session('acme', 'alice').token()).rejects.toMatchObject({ error: 'invalid_client' })
  expect({ ...(await made.record()), intent: undefined }).toEqual({ ...before, intent: undefined })
  expect(await grants.session('acme', 'alice').accessToken()).not.toBe(grant!.access_token)
})

test('of several secrets the one that the provider takes is found, for code, refresh and revocation', async () => {
  const provider = await provide({ rotate: true, clientSecret: AWKWARD })
  const client = clientOf(provider, { clientSecret: ['the next one', AWKWARD] })
  await usesEverything(provider, client)
})

test('a public client without a secret uses PKCE for the whole life of a grant', async () => {
  const redirectUri = 'http://127.0.0.1:4567/callback'
  const provider = await provide({
    rotate: true,
    clients: [{ clientId: 'cli', public: true, native: true, redirectUris: ['http://127.0.0.1/callback'] }],
  })
  const wire = recordingFetch()
  const client = new OAuth2Client({
    provider: { name: 'acme', server: { ...provider.metadata } },
    clientId: 'cli',
    redirectUri,
    scope: 'openid',
    fetch: wire.fetch,
  })
  const grants = new Grants({ clients: { acme: client } })
  const pending = await grants.connect('acme', 'alice', offline)
  expect(new URL(pending.url).searchParams.get('code_challenge_method')).toBe('S256')
  const callback = await logIn(pending.url, { browser: browser(redirectUri) })
  // Without the verifier the code is worth nothing.
  const { codeVerifier, ...without } = pending
  expect(codeVerifier).toBeTypeOf('string')
  await expect(client.exchangeCode(callback, without)).rejects.toMatchObject({ error: 'invalid_grant' })

  const next = await grants.connect('acme', 'alice', { params: { access_type: 'offline', prompt: 'consent' } })
  const { session } = await grants.complete(await logIn(next.url, { browser: browser(redirectUri) }), next, {
    subject: 'alice',
  })
  const token = await session.accessToken()
  expect(await subOf(await session.fetch(provider.metadata.userinfo_endpoint))).toBe('alice')
  expect((await session.refresh()).accessToken).not.toBe(token)
  await session.disconnect()
  await until(() => provider.stats().revokeRequests === 1, 'the grant was revoked')
  for (const { headers, form, url } of wire.requests) {
    if (url === provider.metadata.userinfo_endpoint) continue
    expect([headers.get('authorization'), form.get('client_id'), form.get('client_secret')]).toEqual([
      null,
      'cli',
      null,
    ])
  }
  await grants.close()
})

test('an issuer’s URL is enough: everything else is discovered, once', async () => {
  const provider = await provide({ rotate: true })
  const wire = recordingFetch()
  const client = new OAuth2Client({
    provider: { name: 'acme', server: provider.url },
    clientId: provider.clientId,
    clientSecret: provider.clientSecret,
    redirectUri: CALLBACK,
    scope: 'openid email',
    fetch: wire.fetch,
  })
  await usesEverything(provider, client)
  const grants = new Grants({ clients: { acme: client } })
  const [grant] = await provider.mint()
  const session = await grants.save('acme', 'alice', { ...grant!, expires_in: 0 })
  // The session may send the token to the discovered endpoints, and nowhere else.
  expect(await subOf(await session.fetch(provider.metadata.userinfo_endpoint))).toBe('alice')
  await expect(session.fetch('http://127.0.0.1:1/')).rejects.toMatchObject({ code: 'origin_not_allowed' })
  expect(wire.requests.filter(({ url }) => url.includes('/.well-known/'))).toHaveLength(1)
  await grants.close()
})

test('client credentials are renewed by asking again: with Grants, one request for all callers', async () => {
  const provider = await provide({ accessTokenLifetimeMs: HOUR })
  const made = await world()
  const client = clientOf(provider, { clock: made.clock, scope: [] })
  const grants = grantsOf(client, {
    store: memoryStore({ clock: made.clock }),
    clock: made.clock,
    policy: POLICY,
    obtain: { acme: (acme) => acme.clientCredentials() },
  })
  const session = grants.session('acme', 'service')
  const seen = new Set<string>()
  for (let expiry = 1; expiry <= 3; expiry += 1) {
    const tokens = await Promise.all(Array.from({ length: 200 }, () => session.accessToken()))
    expect(new Set(tokens).size).toBe(1)
    seen.add(tokens[0]!)
    expect(provider.stats().tokenRequests).toMatchObject({ total: expiry, client_credentials: expiry })
    made.clock.travel(HOUR)
  }
  expect(seen.size).toBe(3)
  expect(await client.introspect([...seen].at(-1)!)).toMatchObject({ active: true, client_id: provider.clientId })
  expect(await grants.status('acme', 'service')).toMatchObject({ state: 'active', renewable: true })
  await grants.close()
})

test('client credentials are renewed by asking again: with a session of its own, each new token is handed on', async () => {
  const made = await world()
  const client = clientOf(made.provider, { clock: made.clock, scope: [] })
  const kept: string[] = []
  const session = new OAuth2Session(client, {
    obtain: (acme) => acme.clientCredentials(),
    onToken: ({ accessToken }) => void kept.push(accessToken),
    policy: POLICY,
  })
  const first = await session.accessToken()
  made.clock.travel(HOUR)
  const second = await session.accessToken()
  expect(kept).toEqual([first, second])
  expect(first).not.toBe(second)
  expect(made.provider.stats().tokenRequests).toMatchObject({ total: 2, client_credentials: 2 })
  await session.close()
})

test('a session of its own lives like one of Grants: refresh, status, events, disconnect', async () => {
  const made = await world()
  const { provider, clock } = made
  const [grant] = await provider.mint()
  const saved: unknown[] = []
  const session = new OAuth2Session(made.client, {
    token: grant!,
    onToken: (token) => void saved.push(token),
    policy: POLICY,
  })
  const events: string[] = []
  session.on('refreshed', ({ cause }) => void events.push(cause))
  session.on('disconnected', () => void events.push('disconnected'))
  expect(await session.accessToken()).toBe(grant!.access_token)
  clock.travel(HOUR)
  await Promise.all(Array.from({ length: 100 }, () => session.fetch(provider.metadata.userinfo_endpoint)))
  await session.refresh()
  expect(await session.status()).toMatchObject({ state: 'active', renewable: true })
  expect(saved).toHaveLength(2)
  await session.disconnect()
  await until(() => provider.stats().revokeRequests === 1, 'the grant was revoked')
  expect(events).toEqual(['spent', 'manual', 'disconnected'])
  // What was handed to onToken last is what the provider ended.
  await expect(made.client.refresh(saved[1] as never)).rejects.toMatchObject({ error: 'invalid_grant' })
  expect(provider.stats()).toMatchObject({ redemptions: 2, reuseDetections: 0 })
  await session.close()
})
