import { expect, onTestFinished, test, vi } from 'vitest'
import { coreOf, type OAuth2Client, type OAuth2ClientOptions } from '../../src/client/oauth2-client.ts'
import { TOKEN_ORIGIN } from '../../src/client/token-origin.ts'
import type { Provider } from '../../src/model/provider.ts'
import type { Token } from '../../src/model/token.ts'
import {
  beginLogin,
  issuer,
  json,
  makeClient,
  makeIdToken,
  makeOldToken,
  metadata,
  NOW,
  rejection,
  scripted,
  type Recorded,
} from './setup.ts'

const seconds = NOW / 1000

/** A provider whose next responses have an ID token of these claims, with the sent `nonce` unless they have another. */
function stage(
  provider: Partial<Provider> = {},
  options: Partial<OAuth2ClientOptions> = {},
): {
  client: OAuth2Client
  requests: Recorded[]
  logIn: (
    claims: Record<string, unknown>,
    more?: { header?: object; answer?: object; query?: string },
  ) => Promise<Token>
  refresh: (token: Token, claims: Record<string, unknown>, answer?: object) => Promise<Token>
} {
  let idToken: string | undefined
  let more: object = {}
  const { fetch, requests } = scripted(() =>
    json({ access_token: 'new-access-token', token_type: 'Bearer', refresh_token: 'r', id_token: idToken, ...more }),
  )
  const client = makeClient(fetch, { scope: 'openid', ...options }, provider)
  return {
    client,
    requests,
    logIn: async (claims, { header = {}, answer = {}, query = '' } = {}) => {
      const { pending, callback } = await beginLogin(client)
      idToken = makeIdToken({ nonce: pending.nonce, ...claims }, { ...header })
      more = answer
      return client.exchangeCode(callback + query, pending)
    },
    refresh: async (token, claims, answer = {}) => {
      idToken = makeIdToken(claims)
      more = answer
      return client.refresh(token)
    },
  }
}

test('nonce: false sends no nonce, and takes ID tokens without it', async () => {
  const { client, logIn } = stage({ nonce: false })
  const pending = await client.authorizationRequest()
  expect(pending).not.toHaveProperty('nonce')
  expect(new URL(pending.url).searchParams.has('nonce')).toBe(false)
  expect(await logIn({})).toHaveProperty('idToken')
})

test('nonce: false still wants an ID token, and a good one', async () => {
  const { logIn } = stage({ nonce: false })
  await expect(logIn({}, { answer: { id_token: undefined } })).rejects.toMatchObject({ problem: 'invalid' })
  await expect(logIn({ aud: 'other' })).rejects.toMatchObject({ problem: 'invalid' })
  await expect(logIn({ iss: 'https://other.example' })).rejects.toMatchObject({ problem: 'invalid' })
})

test('idTokenAlgs override the metadata and its default', async () => {
  const listed = { ...metadata, id_token_signing_alg_values_supported: ['RS256'] }
  for (const server of [metadata, listed]) {
    await expect(stage({ server }).logIn({}, { header: { alg: 'HS256' } })).rejects.toThrow(/alg/)
    const { logIn, refresh } = stage({ server, idTokenAlgs: ['HS256', 'ES256'] })
    for (const alg of ['HS256', 'ES256']) expect(await logIn({}, { header: { alg } })).toHaveProperty('idToken')
    await expect(logIn({}, { header: { alg: 'RS256' } })).rejects.toThrow(/alg/)
    const old = makeOldToken()
    expect(await refresh(old, {})).not.toHaveProperty('idToken')
  }
})

test.each(['Some_RuName-Somebod-xy', 'postmessage', 'urn:ietf:wg:oauth:2.0:oob', 'https://app.example/#x'])(
  'opaqueRedirectUri takes %s as it is, at the authorization and the token endpoint',
  async (redirectUri) => {
    const { client, logIn, requests } = stage({ opaqueRedirectUri: true }, { redirectUri })
    const { url } = await client.authorizationRequest()
    expect(new URL(url).searchParams.get('redirect_uri')).toBe(redirectUri)
    await logIn({})
    expect(requests.at(-1)?.body.get('redirect_uri')).toBe(redirectUri)
    await expect(client.authorizationRequest({ redirectUri: 'another' })).resolves.toMatchObject({
      redirectUri: 'another',
    })
  },
)

test('a redirect URI with an opaque scheme needs opaqueRedirectUri, and an empty one is refused', async () => {
  expect(() => stage({}, { redirectUri: 'postmessage' })).toThrow(/redirectUri/)
  expect(() => stage({ opaqueRedirectUri: true }, { redirectUri: '' })).toThrow(/redirectUri/)
})

const server = { ...metadata, issuer: `${issuer}/{tenantid}/v2.0` }
const of = (tid: string): { iss: string; tid: string } => ({ iss: `${issuer}/${tid}/v2.0`, tid })

test('an issuer with {tenantid} is filled in by the ID token’s tid, and is the grant’s from then on', async () => {
  const { client, logIn, refresh } = stage({ server })
  const token = await logIn(of('t1'))
  expect(await coreOf(client).issuer(token)).toBe(`${issuer}/t1/v2.0`)
  expect(await coreOf(client).issuer()).toBe(server.issuer)
  expect(await coreOf(client).issuer(makeOldToken())).toBe(server.issuer)
  const idToken = makeIdToken(of('t1'))
  expect((await refresh(token, of('t1'))).idToken).toBe(idToken)
  await expect(refresh(token, of('t2'))).rejects.toMatchObject({ problem: 'identity_changed' })
})

test.each([
  ['another tenant', { iss: `${issuer}/t1/v2.0`, tid: 't2' }],
  ['no tenant', { iss: `${issuer}/t1/v2.0` }],
  ['a tenant with a slash', { iss: `${issuer}/a/b/v2.0`, tid: 'a/b' }],
  ['the form itself', { iss: server.issuer, tid: '{tenantid}' }],
  ['another server', { iss: 'https://other.example/t1/v2.0', tid: 't1' }],
  ['no issuer', { iss: undefined, tid: 't1' }],
])('an issuer with {tenantid} is not that of %s', async (_, claims) => {
  await expect(stage({ server }).logIn(claims)).rejects.toMatchObject({ problem: 'invalid' })
  // Nothing is lost by it at a refresh but the ID token.
  const old = makeOldToken({ idToken: undefined })
  expect(await stage({ server }).refresh(old, claims)).not.toHaveProperty('idToken')
})

test('an issuer with {tenantid} is known by the callback’s iss (RFC 9207)', async () => {
  const query = (tid: string): string => `&iss=${encodeURIComponent(of(tid).iss)}`
  await expect(stage({ server }).logIn(of('t1'), { query: query('t1') })).resolves.toBeDefined()
  await expect(stage({ server }).logIn(of('t1'), { query: '&iss=https://evil.example/t1/v2.0' })).rejects.toMatchObject(
    {
      code: 'issuer_mismatch',
    },
  )
})

test('an issuer with {tenantid} may be what the metadata of one name of it says', async () => {
  const { fetch } = scripted(json({ ...server, issuer: `${issuer}/{tenantid}/v2.0` }))
  await expect(makeClient(fetch, {}, { server: `${issuer}/common/v2.0` }).authorizationRequest()).resolves.toBeDefined()
  const stranger = makeClient(fetch, {}, { server: `${issuer}/common/v3.0` })
  expect(await rejection(stranger.authorizationRequest())).toMatchObject({ code: 'discovery_error' })
})

const former = ['https://old.example', 'as.example']

test('an ID token of a refresh may name a former issuer, or another spelling, with the same sub', async () => {
  for (const [before, now] of [
    ['https://old.example', issuer],
    ['https://old.example/', issuer],
    ['old.example', issuer],
    [issuer, 'https://old.example'],
    [issuer, `${issuer}/`],
    ['as.example', issuer],
    [issuer, 'as.example'],
  ] as const) {
    const { refresh } = stage({ formerIssuers: former })
    const old = makeOldToken({ idToken: makeIdToken({ iss: before }) })
    expect((await refresh(old, { iss: now })).idToken).toBe(makeIdToken({ iss: now }))
    await expect(refresh(old, { iss: now, sub: 'user-2' })).rejects.toMatchObject({ problem: 'identity_changed' })
  }
})

test('formerIssuers are not needed for another spelling alone', async () => {
  const old = makeOldToken({ idToken: makeIdToken({ iss: 'as.example' }) })
  expect(await stage().refresh(old, { iss: issuer })).toHaveProperty('idToken', makeIdToken({ iss: issuer }))
})

test('formerIssuers admit no other issuer', async () => {
  const old = makeOldToken({ idToken: makeIdToken({ iss: 'https://old.example' }) })
  const { refresh } = stage({ formerIssuers: former })
  await expect(refresh(old, { iss: 'https://stranger.example' })).rejects.toMatchObject({
    problem: 'identity_changed',
  })
  await expect(stage().refresh(old, {})).rejects.toMatchObject({ problem: 'identity_changed' })
})

test('formerIssuers are accepted in the ID token of a login, letter by letter', async () => {
  const { logIn } = stage({ formerIssuers: former })
  await expect(logIn({ iss: 'as.example' })).resolves.toHaveProperty('idToken')
  await expect(logIn({ iss: 'https://old.example/' })).rejects.toMatchObject({ problem: 'invalid' })
  await expect(logIn({ iss: 'https://as.example/' })).rejects.toMatchObject({ problem: 'invalid' })
})

test.each<[number | undefined, number, boolean]>([
  [undefined, 60, true],
  [undefined, 61, false],
  [0, 1, false],
  [90_000, 90, true],
  [90_000, 91, false],
  [300_000, 300, true],
])('with clockToleranceMs %s a clock may be off by %i s: %s', async (clockToleranceMs, off, good) => {
  // The protocol library counts from the machine's clock, which must not tick in between.
  vi.useFakeTimers({ now: NOW, toFake: ['Date'] })
  onTestFinished(() => void vi.useRealTimers())
  const ahead = { nbf: seconds + off, iat: seconds + off }
  // Right before that time it was still valid.
  const behind = { exp: seconds - off + 1 }
  for (const claims of [ahead, behind]) {
    const { logIn, refresh } = stage({}, clockToleranceMs === undefined ? {} : { clockToleranceMs })
    const outcome = await logIn(claims).then(
      () => true,
      () => false,
    )
    expect(outcome).toBe(good)
    expect('idToken' in (await refresh(makeOldToken(), claims))).toBe(good)
  }
})

test('callbackParams are kept in the token’s extra, where refreshes leave them', async () => {
  const { logIn, refresh } = stage({ callbackParams: ['realmId', 'accounts-server', 'absent', '__proto__'] })
  const query = '&realmId=91&accounts-server=https%3A%2F%2Fa.example&other=x&__proto__=y'
  const token = await logIn({}, { query, answer: { instance_url: 'https://eu' } })
  expect({ ...token.extra }).toEqual({
    realmId: '91',
    'accounts-server': 'https://a.example',
    instance_url: 'https://eu',
  })
  expect({ ...(await refresh(token, {})).extra }).toMatchObject({ realmId: '91' })
})

test('callbackParams yield to the token response, and may not come twice', async () => {
  const { logIn } = stage({ callbackParams: ['realmId'] })
  expect((await logIn({}, { query: '&realmId=1', answer: { realmId: '2' } })).extra).toMatchObject({ realmId: '2' })
  await expect(logIn({}, { query: '&realmId=1&realmId=2' })).rejects.toMatchObject({ code: 'duplicate_parameter' })
  expect((await stage().logIn({}, { query: '&realmId=1&realmId=2' })).extra).toBeUndefined()
})

const eu = 'https://accounts.as.example.eu'
const tokenOriginFrom = { param: 'accounts-server', allowed: [issuer, `${eu}/`] }
const query = (origin: string): string => `&accounts-server=${encodeURIComponent(origin)}`

test.each([eu, `${eu}/`, `${eu}:443/some/path`])(
  'tokenOriginFrom %s is where the code is sent, and everything of the grant',
  async (named) => {
    const { client, logIn, refresh, requests } = stage({ tokenOriginFrom })
    const token = await logIn({}, { query: query(named) })
    const again = await refresh(
      JSON.parse(JSON.stringify(token)) as Token,
      {},
      { [TOKEN_ORIGIN]: 'https://evil.example' },
    )
    await refresh(again, {})
    await client.revoke(again)
    await client.introspect(again).catch(() => undefined)
    await client.userInfo(again).catch(() => undefined)
    await coreOf(client).revoke(again)
    expect(requests.map(({ url }) => url)).toEqual(
      ['token', 'token', 'token', 'revoke', 'introspect', 'userinfo', 'revoke'].map((path) => `${eu}/${path}`),
    )
  },
)

test('tokenOriginFrom moves the endpoint for refreshes too, and only if it has the token endpoint’s origin', async () => {
  const endpoints = [
    [`${new URL(metadata.token_endpoint).origin}/renew?x=1`, `${eu}/renew?x=1`],
    ['https://elsewhere.example/renew', 'https://elsewhere.example/renew'],
  ] as const
  for (const [refreshEndpoint, expected] of endpoints) {
    const { logIn, refresh, requests } = stage({ tokenOriginFrom, refreshEndpoint })
    await refresh(await logIn({}, { query: query(eu) }), {})
    expect(requests.map(({ url }) => url)).toEqual([`${eu}/token`, expected])
  }
})

test('a response without the member of tokenOriginFrom leaves the usual endpoint', async () => {
  const { logIn, refresh, requests } = stage({ tokenOriginFrom })
  const token = await logIn({}, { answer: { [TOKEN_ORIGIN]: eu } })
  expect(token.extra).toBeUndefined()
  await refresh(token, {})
  expect(new Set(requests.map(({ url }) => url))).toEqual(new Set([metadata.token_endpoint]))
})

test.each([
  'https://evil.example',
  'accounts.as.example.eu',
  `http://accounts.as.example.eu`,
  `${eu}.evil.example`,
  `https://evil@accounts.as.example.eu`,
  `${eu}:8443`,
  'x',
])('tokenOriginFrom %s is refused, and nothing is sent', async (named) => {
  const { logIn, requests } = stage({ tokenOriginFrom })
  await expect(logIn({}, { query: query(named) })).rejects.toMatchObject({ code: 'issuer_mismatch' })
  await expect(logIn({}, { query: query(eu) + query(eu) })).rejects.toMatchObject({ code: 'duplicate_parameter' })
  expect(requests).toEqual([])
})

test('an origin of tokenOriginFrom that is no longer allowed is an error of the configuration: the tokens go nowhere else', async () => {
  const token = await stage({ tokenOriginFrom }).logIn({}, { query: query(eu) })
  for (const provider of [{}, { tokenOriginFrom: { param: 'accounts-server', allowed: [issuer] } }]) {
    const { client, requests } = stage(provider)
    for (const use of [client.refresh(token), client.revoke(token), client.introspect(token)])
      expect(await rejection(use)).toMatchObject({ code: 'config_error' })
    expect(requests).toEqual([])
  }
})

test('tokenOriginFrom moves what stands at the token endpoint’s place alone, and may get the token', async () => {
  const server = { ...metadata, userinfo_endpoint: 'https://api.example/me' }
  const { client, logIn, requests } = stage({ tokenOriginFrom, server })
  const token = await logIn({}, { query: query(eu) })
  await client.userInfo(token).catch(() => undefined)
  expect(requests.at(-1)?.url).toBe('https://api.example/me')
  expect(coreOf(client).assertResource(new URL(`${eu}/x`))).toBeUndefined()
  expect(() => coreOf(client).assertResource(new URL('https://evil.example'))).toThrow()
})

test('tokenOriginFrom keeps the paths and queries of the endpoints, that of refreshes among them', async () => {
  const server = { ...metadata, token_endpoint: `${issuer}/token?tenant=a` }
  const { logIn, refresh, requests } = stage({
    tokenOriginFrom,
    server,
    refreshEndpoint: `${issuer}/renew?tenant=b`,
  })
  await refresh(await logIn({}, { query: query(eu) }), {})
  expect(requests.map(({ url }) => url)).toEqual([`${eu}/token?tenant=a`, `${eu}/renew?tenant=b`])
})

test('tokenOriginFrom keeps the tokens of an unusable response with their origin', async () => {
  const { logIn } = stage({ tokenOriginFrom })
  const error = await rejection(logIn({ aud: 'other' }, { query: query(eu) }))
  expect((error['token'] as Token).extra).toMatchObject({ [TOKEN_ORIGIN]: eu })
})

const callback = '/callback?code=c&shop=x'
const answer = { body: { access_token: 'new-access-token', token_type: 'bearer' } }

test('a login that the provider began is taken where the provider’s data says so, without PKCE and state', async () => {
  const { fetch, last } = scripted(answer)
  const client = makeClient(fetch, {}, { unsolicited: true, callbackParams: ['shop'] })
  const token = await coreOf(client).exchangeUnsolicited(callback)
  expect(token).toMatchObject({ accessToken: 'new-access-token', extra: { shop: 'x' } })
  expect(Object.fromEntries(last().body)).toEqual({
    grant_type: 'authorization_code',
    code: 'c',
    redirect_uri: 'https://app.example/callback',
  })
})

test('a login that the provider began is refused everywhere else, and so is a callback that has a state, an error, another issuer, no code or two', async () => {
  const { fetch, requests } = scripted(answer)
  const plain = coreOf(makeClient(fetch))
  expect(await rejection(plain.exchangeUnsolicited(callback))).toMatchObject({ code: 'config_error' })
  const core = coreOf(makeClient(fetch, {}, { unsolicited: true }))
  for (const [query, code] of [
    ['?code=c&state=s', 'state_mismatch'],
    ['?error=access_denied', 'authorization_error'],
    ['?code=c&iss=https://evil.example', 'issuer_mismatch'],
    ['?shop=x', 'missing_code'],
    ['?code=a&code=b', 'duplicate_parameter'],
  ] as const)
    expect(await rejection(core.exchangeUnsolicited(query))).toMatchObject({ code })
  expect(requests).toEqual([])
  const beforeSend = () => Promise.reject(new Error('used'))
  await expect(core.exchangeUnsolicited(callback, { beforeSend })).rejects.toThrow('used')
  expect(requests).toEqual([])
})

test('a login that the provider began may bring an ID token, without nonce', async () => {
  const { fetch } = scripted({ body: { ...answer.body, id_token: makeIdToken() } })
  const core = coreOf(makeClient(fetch, { scope: 'openid' }, { unsolicited: true }))
  expect(await core.exchangeUnsolicited('?code=c&state=')).toHaveProperty('idToken')
})
