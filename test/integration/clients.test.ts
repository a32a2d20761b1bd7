import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import type { DevelopmentProvider } from '../../provider/src/index.ts'
import type { ClientAuth } from '../../src/model/client-auth.ts'
import { OAuth2Client } from '../../src/client/oauth2-client.ts'
import { Grants } from '../../src/grants.ts'
import { OAuth2Session } from '../../src/session.ts'
import { memoryStore } from '../../src/stores/memory.ts'
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
  until,
  world,
} from './setup.ts'

const offline = { params: { access_type: 'offline' } }

const subOf = async (response: Response) => ((await response.json()) as { sub?: unknown }).sub

/** A secret with every character that fails in a header or a form. RFC 6749 appendix A.2 allows visible ASCII only. */
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

test('a wrong client secret ends no grant, and with the right one the grant is refreshed after its back-off', async () => {
  const made = await world()
  const { provider, grants, clock } = made
  const [grant] = await provider.mint()
  await grants.save('acme', 'alice', { ...grant!, expires_in: 0 })
  const before = await made.record()
  const wrong = grantsOf(clientOf(provider, { clock, clientSecret: `${AWKWARD} wrong` }), { store: made.store, clock })
  await expect(wrong.session('acme', 'alice').token()).rejects.toMatchObject({ error: 'invalid_client' })
  expect({ ...(await made.record()), intent: undefined, failures: undefined }).toEqual({ ...before, intent: undefined })
  clock.travel(1300)
  expect(await grants.session('acme', 'alice').accessToken()).not.toBe(grant!.access_token)
})

test('of several secrets the one that the provider accepts is found, for code, refresh and revocation', async () => {
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

test('client credentials are renewed by one request for all callers of Grants', async () => {
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

test('client credentials are renewed by a session without a store, which passes each new token to its updater', async () => {
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
