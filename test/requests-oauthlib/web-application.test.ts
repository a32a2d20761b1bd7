import { expect, test } from 'vitest'
import {
  CallbackError,
  ConfigError,
  Grants,
  importToken,
  type AuthorizationOptions,
  type GrantEvents,
  type OAuth2Client,
} from '../../src/index.ts'
import { entries, HOUR, rejection, stage, ways, type StageOptions } from './setup.ts'

/** The original's cases stand still at this second. */
const now = 1_000_000

const REDIRECT_URI = 'http://my.page.com/callback'

const query = async (options: Parameters<OAuth2Client['authorizationRequest']>[0] = {}) => {
  const pending = await stage({ now }).client.authorizationRequest(options)
  const url = new URL(pending.url)
  expect(url.origin + url.pathname).toBe('https://provider.example/authorize')
  expect(url.hash).toBe('')
  const { state, code_challenge: challenge, ...others } = entries(url.searchParams)
  expect(state).toBe(pending.state)
  expect(challenge).toMatch(/^[\w-]{43}$/)
  return { others, text: url.search }
}
const plain = {
  response_type: 'code',
  client_id: 'client-id',
  redirect_uri: 'https://app.example/callback',
  code_challenge_method: 'S256',
}

test('the authorization URL has what RFC 6749 wants, and PKCE and state without asking', async () => {
  expect((await query()).others).toEqual(plain)
})

test('the authorization URL has the redirect URI, encoded', async () => {
  const { others, text } = await query({ redirectUri: REDIRECT_URI })
  expect(others).toEqual({ ...plain, redirect_uri: REDIRECT_URI })
  expect(text).toContain('redirect_uri=http%3A%2F%2Fmy.page.com%2Fcallback')
})

test('the authorization URL has the scope, encoded', async () => {
  const { others, text } = await query({ scope: '/profile' })
  expect(others).toEqual({ ...plain, scope: '/profile' })
  expect(text).toContain('scope=%2Fprofile')
})

test('the authorization URL has extra arguments, their spaces encoded', async () => {
  const { others, text } = await query({ params: { some: 'providers', require: 'extra arguments' } })
  expect(others).toEqual({ ...plain, some: 'providers', require: 'extra arguments' })
  expect(text).toContain('require=extra+arguments')
})

test('the authorization URL is all that there is to send: the login begins without a request to the provider', async () => {
  const { client, scripted } = stage({ now })
  await client.authorizationRequest()
  expect(scripted.requests).toEqual([])
})

const body = async (
  client: StageOptions['client'] = {},
  provider: StageOptions['provider'] = {},
  request: AuthorizationOptions = {},
) => {
  const on = stage({ now, client: { ...client }, provider: { ...provider } })
  const pending = await on.client.authorizationRequest(request)
  await on.client
    .exchangeCode(`/callback?code=zzzzaaaa&state=${pending.state}&iss=https://provider.example`, pending)
    .catch(() => undefined)
  const { code_verifier: verifier, ...others } = entries(on.scripted.tokenRequests[0]!.params)
  expect(verifier).toBe(pending.codeVerifier)
  return others
}
const exchanged = {
  grant_type: 'authorization_code',
  code: 'zzzzaaaa',
  redirect_uri: 'https://app.example/callback',
}

test('the body of the code exchange has code, redirect URI and verifier, and no client id where the header has it', async () => {
  expect(await body()).toEqual(exchanged)
})

test('the body of the code exchange has the redirect URI exactly as the login had it', async () => {
  expect(await body({ redirectUri: REDIRECT_URI })).toEqual({ ...exchanged, redirect_uri: REDIRECT_URI })
  expect(await body({}, {}, { redirectUri: REDIRECT_URI })).toEqual({ ...exchanged, redirect_uri: REDIRECT_URI })
})

test('the body of the code exchange has what the provider’s data adds to it', async () => {
  const tokenParams = { not: 'empty', some: 'providers', require: 'extra arguments' }
  expect(await body({}, { tokenParams })).toEqual({ ...exchanged, ...tokenParams })
})

test('the body of the code exchange has the client id where the client has no secret', async () => {
  expect(await body({ clientSecret: undefined })).toEqual({ ...exchanged, client_id: 'client-id' })
})

test('the body of the code exchange has id and secret where they are to be posted', async () => {
  expect(await body({ clientAuth: 'client_secret_post' })).toEqual({
    ...exchanged,
    client_id: 'client-id',
    client_secret: 'client-secret',
  })
})

test.each(['client_id', 'client_secret', 'code', 'redirect_uri', 'code_verifier', 'grant_type', 'scope'])(
  'the body of the code exchange has one %s, the library’s own: extra parameters can’t name another',
  (name) => {
    expect(() => stage({ provider: { tokenParams: { [name]: 'another' } } })).toThrow(ConfigError)
    expect(() => stage({ provider: { tokenParams: { [name]: 'another' } } })).toThrow(name)
  },
)

test('the callback gives its code when its state is the login’s', async () => {
  const { client, scripted } = stage({ now })
  const pending = await client.authorizationRequest()
  const callback = `https://app.example/callback?code=zzzzaaaa&iss=https%3A%2F%2Fprovider.example&state=${pending.state}`
  scripted.script({ body: { access_token: 'the-token' } })
  expect((await client.exchangeCode(callback, pending)).accessToken).toBe('the-token')
  expect(scripted.tokenRequests[0]!.params.get('code')).toBe('zzzzaaaa')
})

test('the callback is refused when its state is another', async () => {
  const { client, scripted } = stage({ now })
  const pending = await client.authorizationRequest()
  const error = await rejection(client.exchangeCode('/callback?code=zzzzaaaa&state=invalid', pending))
  expect(error).toBeInstanceOf(CallbackError)
  expect(error).toMatchObject({ code: 'state_mismatch' })
  expect(scripted.requests).toEqual([])
})

test('the callback can’t bring tokens of its own: only the code is taken from it', async () => {
  const on = stage({ now })
  const pending = await on.client.authorizationRequest()
  const callback = new URL(on.scripted.login(pending.url))
  for (const name of ['access_token', 'refresh_token', 'id_token', 'mac_key', 'expires_in', 'scope', 'token_type']) {
    callback.searchParams.set(name, 'injected')
  }
  const token = await on.client.exchangeCode(callback, pending)
  expect(JSON.stringify(token)).not.toContain('injected')
  expect([...on.scripted.tokenRequests[0]!.params.values()]).not.toContain('injected')
  expect(token.expiresAt).toBe(now + HOUR)
})

const answer = {
  access_token: '2YotnFZFEjr1zCsicMWpAA',
  token_type: 'example',
  expires_in: 3600,
  scope: '/profile',
  refresh_token: 'tGzv3JOkF0XG5Qx2TlKWIA',
  example_parameter: 'example_value',
}

test('the response of the token endpoint is a token with expiry, scope as a list, and the unknown members', async () => {
  const on = stage({ now, provider: { tokenTypes: ['example'] } })
  on.scripted.script({ body: answer })
  const { extra, ...token } = await ways['a code exchange']!(on)
  expect(token).toEqual({
    accessToken: '2YotnFZFEjr1zCsicMWpAA',
    tokenType: 'bearer',
    refreshToken: 'tGzv3JOkF0XG5Qx2TlKWIA',
    receivedAt: now,
    expiresAt: 4_600_000,
    scope: ['/profile'],
  })
  expect({ ...extra }).toEqual({ example_parameter: 'example_value' })
})

test('a token response with another scope than the requested one is accepted, and says what was granted', async () => {
  const { client, scripted } = stage({ now })
  const pending = await client.authorizationRequest({ scope: 'invalid' })
  scripted.script({ body: { ...answer, token_type: 'Bearer' } })
  const token = await client.exchangeCode(scripted.login(pending.url), pending)
  expect(token).toMatchObject({ accessToken: answer.access_token, scope: ['/profile'] })
})

test('a token response with another scope than before is reported once, in the event of the refresh', async () => {
  const { client, clock, scripted } = stage({ now })
  const grants = new Grants({ clients: { acme: client }, clock })
  const told: GrantEvents['refreshed'][] = []
  grants.on('refreshed', (event) => void told.push(event))
  const session = await grants.save('acme', 'ann', { ...scripted.issue(), scope: 'invalid' })
  scripted.script({ body: { ...answer, token_type: 'Bearer' } }, { body: { ...answer, token_type: 'Bearer' } })
  expect((await session.refresh()).scope).toEqual(['/profile'])
  await session.refresh()
  expect(told.map(({ scopeChanged }) => scopeChanged)).toEqual([true, undefined])
  await grants.close()
})

test.each([
  ['3600', HOUR],
  [3600, HOUR],
  [3600.12, HOUR + 120],
])('a token that was kept with expires_in %j is loaded', (value, lifetime) => {
  const token = importToken({ access_token: 'the-token', token_type: 'bearer', expires_in: value }, { now })
  expect(token.expiresAt).toBe(now + lifetime)
  expect(() => stage({ now }).session({ expires_in: value })).not.toThrow()
})
