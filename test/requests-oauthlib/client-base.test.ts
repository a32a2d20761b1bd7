import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import {
  ConfigError,
  fetchWith,
  importToken,
  InsecureTransportError,
  OAuth2Client,
  ReauthorizationRequiredError,
  staticSource,
  TokenResponseError,
  type ServerMetadata,
} from '../../src/index.ts'
import { entries, HOUR, rejection, stage, wayNames, ways } from './setup.ts'

const server: ServerMetadata = {
  issuer: 'https://provider.example',
  authorization_endpoint: 'https://provider.example/authorize',
  token_endpoint: 'https://provider.example/token',
  revocation_endpoint: 'https://provider.example/revoke',
}

/** A client whose server has one endpoint without TLS; nothing can be sent with it. */
const insecureClient = (endpoint: keyof ServerMetadata & string) =>
  new OAuth2Client({
    provider: { name: 'insecure', server: { ...server, [endpoint]: 'http://provider.example/plain' } },
    clientId: 'client-id',
    redirectUri: 'https://app.example/callback',
    fetch: () => Promise.reject(new Error('something was sent')),
  })

test.each(wayNames)('a bearer token is known by its type in any case, at %s', async (way) => {
  const on = stage()
  on.scripted.script({ body: { access_token: 'the-token', token_type: 'bEAreR' } })
  expect((await ways[way]!(on)).tokenType).toBe('bearer')
})

test.each(wayNames.flatMap((way) => ['invalid', 'mac', 'DPoP'].map((type) => [way, type] as const)))(
  'a bearer token is not assumed: at %s, type “%s” is refused by name',
  async (way, type) => {
    const on = stage()
    on.scripted.script({ body: { access_token: 'the-token', token_type: type } })
    const error = await rejection(ways[way]!(on))
    expect(error).toBeInstanceOf(TokenResponseError)
    expect(error).toMatchObject({ problem: 'token_type' })
    expect(error.message).toContain(`'${type}'`)
  },
)

test('a bearer token goes over TLS only', async () => {
  const { scripted, session } = stage({ client: { resourceOrigins: ['http://api.example', 'https://api.example'] } })
  const error = await rejection(session().fetch('http://api.example/resource'))
  expect(error).toBeInstanceOf(InsecureTransportError)
  expect(scripted.requests).toEqual([])
  const bound = fetchWith(staticSource('the-token'), { fetch: () => Promise.reject(new Error('something was sent')) })
  await expect(bound('http://api.example/resource')).rejects.toBeInstanceOf(InsecureTransportError)
})

test('a bearer token that has expired is not sent', async () => {
  const { clock, scripted, session } = stage()
  const held = session({ expires_at: clock.now() / 1000 - 1, refresh_token: undefined })
  await expect(held.fetch(scripted.resource)).rejects.toBeInstanceOf(ReauthorizationRequiredError)
  expect(scripted.requests).toEqual([])
})

test('a bearer token stands in the header once, and nowhere else', async () => {
  const { scripted, session } = stage()
  const held = session()
  const body = new URLSearchParams({ user: 'me' })
  await held.fetch(`${scripted.resource}?a=b`, { method: 'POST', body, headers: { accept: 'text/html' } })
  const [request] = scripted.requests
  expect(request!.url).toBe(`${scripted.resource}?a=b`)
  expect(entries(request!.params)).toEqual({ user: 'me' })
  expect(request!.headers.get('authorization')).toBe(`Bearer ${held.issued.access_token}`)
  expect(request!.headers.get('accept')).toBe('text/html')
})

const revoked = async (revoke: (client: OAuth2Client) => Promise<void>) => {
  const { client, scripted } = stage()
  await revoke(client)
  expect(scripted.requests).toHaveLength(1)
  const [request] = scripted.requests
  expect(request).toMatchObject({ method: 'POST', url: 'https://provider.example/revoke' })
  expect(request!.headers.get('content-type')).toMatch(/^application\/x-www-form-urlencoded/)
  return entries(request!.params)
}

test('a revocation request names the token and its kind', async () => {
  expect(await revoked((client) => client.revoke('the-token', 'access_token'))).toEqual({
    token: 'the-token',
    token_type_hint: 'access_token',
  })
  expect(await revoked((client) => client.revoke('the-token', 'refresh_token'))).toEqual({
    token: 'the-token',
    token_type_hint: 'refresh_token',
  })
})

test('a revocation request has no hint when the caller has none', async () => {
  expect(await revoked((client) => client.revoke('the-token'))).toEqual({ token: 'the-token' })
})

test('a revocation request of a whole token is about its refresh token, which ends the grant', async () => {
  const token = importToken({ access_token: 'the-token', refresh_token: 'the-refresh-token' })
  const about = (hint: 'access_token' | 'refresh_token') => ({
    token: hint === 'access_token' ? 'the-token' : 'the-refresh-token',
    token_type_hint: hint,
  })
  expect(await revoked((client) => client.revoke(token))).toEqual(about('refresh_token'))
  expect(await revoked((client) => client.revoke(token, 'access_token'))).toEqual(about('access_token'))
  const single = importToken({ access_token: 'the-token' })
  expect(await revoked((client) => client.revoke(single))).toEqual(about('access_token'))
})

test.each(['authorization_endpoint', 'token_endpoint', 'revocation_endpoint', 'userinfo_endpoint'])(
  'an endpoint without TLS (%s) is refused when the client is made, so that nothing is ever sent to it',
  (endpoint) => {
    expect(() => insecureClient(endpoint)).toThrow(InsecureTransportError)
    expect(() => insecureClient(endpoint)).toThrow(/https/)
  },
)

const refreshed = async (options: { clientScope?: string; scope?: string }) => {
  const { client, clock, scripted } = stage({
    client: { clientSecret: undefined, ...(options.clientScope !== undefined && { scope: options.clientScope }) },
  })
  const issued = scripted.issue({ scope: 'read write' })
  const token = importToken(issued, { now: clock.now() })
  await client.refresh(token, options.scope === undefined ? {} : { scope: options.scope })
  const { refresh_token: sent, ...others } = entries(scripted.tokenRequests[0]!.params)
  expect(sent).toBe(issued.refresh_token)
  return others
}
const plain = { grant_type: 'refresh_token', client_id: 'client-id' }

test('a refresh request has grant type and refresh token', async () => {
  expect(await refreshed({})).toEqual(plain)
})

test('a refresh request has a scope only when the call narrows it', async () => {
  expect(await refreshed({ scope: 'read' })).toEqual({ ...plain, scope: 'read' })
})

test('a refresh request doesn’t repeat the client’s own scope, which some providers refuse', async () => {
  expect(await refreshed({ clientScope: 'read write' })).toEqual(plain)
})

test('PKCE has a verifier of 43 characters that RFC 7636 allows, kept in the pending login', async () => {
  const { codeVerifier } = await stage().client.authorizationRequest()
  expect(codeVerifier).toMatch(/^[A-Za-z0-9._~-]{43}$/)
})

test('PKCE has the challenge that belongs to the verifier', async () => {
  const pending = await stage().client.authorizationRequest()
  const challenge = createHash('sha256').update(pending.codeVerifier!).digest('base64url')
  expect(new URL(pending.url).searchParams.get('code_challenge')).toBe(challenge)
})

test('PKCE can’t be given a challenge from outside', async () => {
  const { client } = stage()
  for (const params of [{ code_challenge: 'x' }, { code_challenge_method: 'plain' }] as Record<string, string>[]) {
    await expect(client.authorizationRequest({ params })).rejects.toBeInstanceOf(ConfigError)
  }
})

const now = Date.UTC(2022, 7, 22, 16)
const NAMED = Date.UTC(2022, 7, 22, 16, 19, 8)

test.each([
  ['a whole number of seconds', 1_661_185_148, NAMED],
  ['a number with fractions', 1_661_185_148.6437678, NAMED + 644],
  ['a date, which is a moment too', '2022-08-22T16:19:08Z', NAMED],
  ['a whole number in a string', '1661185148', NAMED],
  ['a number with fractions in a string', '1661185148.42', NAMED + 420],
])('the expiry of a token that was kept may be %s', (_form, value, expected) => {
  expect(importToken({ access_token: 'the-token', expires_at: value }, { now }).expiresAt).toBe(expected)
})

test('the expiry of a token that was kept is counted to the millisecond from the moment before the request', async () => {
  const on = stage({ now: 1_661_185_148_643 })
  on.scripted.script({ body: { access_token: 'the-token', expires_in: 3600 } })
  const token = await ways['a code exchange']!(on)
  expect(token).toMatchObject({ receivedAt: 1_661_185_148_643, expiresAt: 1_661_185_148_643 + HOUR })
})
