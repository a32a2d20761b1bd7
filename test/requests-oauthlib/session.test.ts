import { expect, test } from 'vitest'
import {
  CallbackError,
  ConfigError,
  GrantNotFoundError,
  Grants,
  OAuth2Session,
  ReauthorizationRequiredError,
  TokenRequestError,
  type ClientAuth,
  type Token,
} from '../../src/index.ts'
import { basic, entries, HOUR, rejection, stage, ways, type StageOptions } from './setup.ts'

/** Spent when it is loaded: the form in which the original's own cases spoil a token. */
const SPENT = { expires_in: '-1' }

test.each([
  ['a web application', {}],
  ['a public client', { clientSecret: undefined }],
])('a request to a protected resource of %s carries the access token', async (_whose, client) => {
  const { scripted, session } = stage({ client })
  const web = session()
  const response = await web.fetch(scripted.resource)
  expect(response.status).toBe(200)
  expect(scripted.requests).toHaveLength(1)
  expect(scripted.requests[0]!.headers.get('authorization')).toBe(`Bearer ${web.issued.access_token}`)
})

test('a request to a protected resource of a service carries the access token that the service obtains', async () => {
  const { scripted, client } = stage()
  const service = new OAuth2Session(client, { obtain: (each) => each.clientCredentials() })
  expect((await service.fetch(scripted.resource)).status).toBe(200)
  expect(scripted.requests.map(({ endpoint }) => endpoint)).toEqual(['token', 'resource'])
  expect(scripted.requests[1]!.headers.get('authorization')).toBe(`Bearer ${await service.accessToken()}`)
})

test('an expired token without a refresh token is not sent: the user has to log in again', async () => {
  const { scripted, session } = stage()
  const held = session({ expires_at: 1, refresh_token: undefined })
  const error = await rejection(held.fetch(scripted.resource))
  expect(error).toBeInstanceOf(ReauthorizationRequiredError)
  expect(error).toMatchObject({ reason: 'no_refresh_token' })
  expect(scripted.requests).toEqual([])
})

test('an expired token is refreshed first, and the request then goes out with the new token', async () => {
  const { scripted, session } = stage({ client: { clientSecret: undefined } })
  const held = session(SPENT)
  expect((await held.fetch(scripted.resource)).status).toBe(200)
  const [refresh, resource] = scripted.requests
  expect(refresh!.headers.has('authorization')).toBe(false)
  expect(entries(refresh!.params)).toEqual({
    grant_type: 'refresh_token',
    refresh_token: held.issued.refresh_token,
    client_id: 'client-id',
  })
  expect(resource!.headers.get('authorization')).toBe(`Bearer ${await held.accessToken()}`)
  expect(await held.accessToken()).not.toBe(held.issued.access_token)
})

test('an expired token is refreshed and handed to the token updater before the request goes out', async () => {
  const order: string[] = []
  const kept: Token[] = []
  const { clock, scripted, session } = stage()
  const held = session(SPENT, {
    onToken: async (token) => {
      await Promise.resolve()
      order.push(`kept, ${scripted.requests.length} request so far`)
      kept.push(token)
    },
  })
  expect((await held.fetch(scripted.resource)).status).toBe(200)
  expect(order).toEqual(['kept, 1 request so far'])
  const [, resource] = scripted.requests
  expect(kept).toHaveLength(1)
  expect(kept[0]).toMatchObject({ tokenType: 'bearer', expiresAt: clock.now() + HOUR, scope: ['read'] })
  expect(kept[0]!.refreshToken).not.toBe(held.issued.refresh_token)
  expect(resource!.headers.get('authorization')).toBe(`Bearer ${kept[0]!.accessToken}`)
})

test('an expired token is refreshed with the client’s id and secret in a Basic header', async () => {
  const { scripted, session } = stage()
  await session(SPENT).fetch(scripted.resource)
  const [refresh] = scripted.tokenRequests
  expect(refresh!.headers.get('authorization')).toBe(basic('client-id', 'client-secret'))
  expect(refresh!.params.has('client_id')).toBe(false)
  expect(refresh!.params.has('client_secret')).toBe(false)
})

test('an expired token in the store doesn’t stand in the way of a new login', async () => {
  const { clock, scripted, client } = stage()
  const grants = new Grants({ clients: { acme: client }, clock })
  await grants.save('acme', 'ann', { access_token: 'long gone', refresh_token: 'long gone too', ...SPENT })
  const pending = await grants.connect('acme', 'ann')
  const { session } = await grants.complete(scripted.login(pending.url), pending, { subject: 'ann' })
  expect((await session.fetch(scripted.resource)).status).toBe(200)
  expect(scripted.tokenRequests.map(({ params }) => params.get('grant_type'))).toEqual(['authorization_code'])
  await grants.close()
})

test('the authorization URL of a web application has state, client id and response type, in addition to the endpoint’s own query', async () => {
  const { scripted } = stage()
  const server = {
    ...(scripted.provider.server as object),
    token_endpoint: 'https://provider.example/token',
    authorization_endpoint: 'https://provider.example/authorize?tenant=a%20b',
  }
  const { client } = stage({ provider: { server } })
  const pending = await client.authorizationRequest()
  const url = new URL(pending.url)
  expect(url.origin + url.pathname).toBe('https://provider.example/authorize')
  expect(entries(url.searchParams)).toMatchObject({
    tenant: 'a b',
    response_type: 'code',
    client_id: 'client-id',
    state: pending.state,
  })
  expect(pending.state).toMatch(/^[\w-]{22,}$/)
})

test('the authorization URL has a code challenge of method S256', async () => {
  const { searchParams } = new URL((await stage().client.authorizationRequest()).url)
  expect(searchParams.get('code_challenge')).toMatch(/^[\w-]{43}$/)
  expect(searchParams.get('code_challenge_method')).toBe('S256')
})

test('a login ends in the token that the provider issued', async () => {
  const on = stage()
  on.scripted.script({
    body: {
      access_token: 'asdfoiw37850234lkjsdfsdf',
      token_type: 'Bearer',
      refresh_token: 'sldvafkjw34509s8dfsdf',
      expires_in: 3600,
    },
  })
  expect({ ...(await ways['a code exchange']!(on)) }).toEqual({
    accessToken: 'asdfoiw37850234lkjsdfsdf',
    tokenType: 'bearer',
    refreshToken: 'sldvafkjw34509s8dfsdf',
    receivedAt: on.clock.now(),
    expiresAt: on.clock.now() + HOUR,
  })
})

test('a login that the token endpoint refuses is an error with the provider’s code', async () => {
  const on = stage()
  on.scripted.script({ status: 400, body: { error: 'invalid_request' } })
  const error = await rejection(ways['a code exchange']!(on))
  expect(error).toBeInstanceOf(TokenRequestError)
  expect(error).toMatchObject({ status: 400, error: 'invalid_request' })
})

test('a login whose callback has no state is refused, and nothing is sent', async () => {
  const { scripted, client } = stage()
  const pending = await client.authorizationRequest()
  const error = await rejection(client.exchangeCode('https://app.example/callback?code=abc', pending))
  expect(error).toBeInstanceOf(CallbackError)
  expect(error).toMatchObject({ code: 'state_mismatch' })
  expect(scripted.requests).toEqual([])
})

test('a login with PKCE ends well in another process, where only what was kept of it is there', async () => {
  const on = stage()
  const pending = await on.client.authorizationRequest()
  const callback = on.scripted.login(pending.url)
  const other = stage({ client: { fetch: on.scripted.fetch } })
  const token = await other.client.exchangeCode(callback, JSON.parse(JSON.stringify(pending)) as typeof pending)
  expect(token.accessToken).toMatch(/^scripted-access/)
  expect(on.scripted.tokenRequests[0]!.params.get('code_verifier')).toBe(pending.codeVerifier)
})

test('a login is what makes a user connected, not before and not by asking', async () => {
  const { clock, scripted, client } = stage()
  const grants = new Grants({ clients: { acme: client }, clock })
  expect(await grants.status('acme', 'ann')).toBeUndefined()
  expect(await rejection(grants.session('acme', 'ann').token())).toBeInstanceOf(GrantNotFoundError)
  const pending = await grants.connect('acme', 'ann')
  expect(await grants.status('acme', 'ann')).toBeUndefined()
  await grants.complete(scripted.login(pending.url), pending, { subject: 'ann' })
  expect(await grants.status('acme', 'ann')).toMatchObject({ state: 'active', renewable: true })
  await grants.close()
})

test('what a session hands out is frozen and can’t renew: a session’s token changes by refreshing only', async () => {
  const held = stage().session()
  const access = await held.token()
  expect(Object.isFrozen(access)).toBe(true)
  expect(Object.keys(access).sort()).toEqual(['accessToken', 'expiresAt', 'scope', 'tokenType'])
  expect(await held.accessToken()).toBe(held.issued.access_token)
})

test('what a session hands out follows the refresh, in the one member and in the other', async () => {
  const held = stage().session()
  const renewed = await held.refresh()
  expect(renewed.accessToken).not.toBe(held.issued.access_token)
  expect(await held.token()).toBe(renewed)
  expect(await held.accessToken()).toBe(renewed.accessToken)
})

const exchange = async (client: StageOptions['client']) => {
  const on = stage({ client: { ...client } })
  await ways['a code exchange']!(on)
  const [request] = on.scripted.tokenRequests
  const { code: _code, code_verifier: _verifier, ...form } = entries(request!.params)
  return { authorization: request!.headers.get('authorization'), form, url: request!.url }
}
const form = { grant_type: 'authorization_code', redirect_uri: 'https://app.example/callback' }

test('the code exchange authenticates the client with a secret and no word about how: a Basic header, and neither id nor secret in the body', async () => {
  expect(await exchange({})).toMatchObject({ authorization: basic('client-id', 'client-secret'), form })
})

test('the code exchange authenticates the client in the body if that is configured, without a header', async () => {
  const { authorization, ...request } = await exchange({ clientAuth: 'client_secret_post' })
  expect(authorization).toBeNull()
  expect(request.form).toEqual({ ...form, client_id: 'client-id', client_secret: 'client-secret' })
})

test('the code exchange authenticates the client by a function of the application’s own, and then in no other way', async () => {
  const own: ClientAuth = ({ headers }) => headers.set('authorization', basic('another', 'way'))
  expect(await exchange({ clientAuth: own })).toMatchObject({ authorization: basic('another', 'way'), form })
})

test('the code exchange authenticates the client by its id alone where it has no secret', async () => {
  const { authorization, ...request } = await exchange({ clientSecret: undefined })
  expect(authorization).toBeNull()
  expect(request.form).toEqual({ ...form, client_id: 'client-id' })
})

test('the code exchange authenticates the client by its TLS certificate: the id in the body, the certificate in the fetch that it was given', async () => {
  const used: string[] = []
  const on = stage()
  const withCertificate: typeof fetch = (input, init) => {
    used.push(new Request(input).url)
    return on.scripted.fetch(input, init)
  }
  const { client } = stage({ client: { clientAuth: 'none', clientSecret: undefined, fetch: withCertificate } })
  await ways['a code exchange']!({ ...on, client })
  expect(used).toEqual(['https://provider.example/token'])
  expect(on.scripted.tokenRequests[0]!.params.get('client_id')).toBe('client-id')
  expect(on.scripted.tokenRequests[0]!.headers.has('authorization')).toBe(false)
})

test('the code exchange authenticates the client never with an empty secret: that is an environment variable that is unset', () => {
  expect(() => stage({ client: { clientSecret: '' } })).toThrow(ConfigError)
})

test('the code exchange authenticates the client and puts the code into the body, never into a URL', async () => {
  expect((await exchange({})).url).toBe('https://provider.example/token')
})
