import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { TokenRequestError, TokenResponseError } from '../../src/model/errors.ts'
import type { Token } from '../../src/model/token.ts'
import { beginLogin, makeClient, makeIdToken, metadata, NOW, rejection, scripted, json } from './setup.ts'

const seconds = NOW / 1000

/** One login with scope openid whose response contains this ID token. */
async function logIn(
  claims: Record<string, unknown> | undefined,
  {
    header = {},
    scope = 'openid',
    answer = {},
    server = metadata,
    params = {},
  }: { header?: object; scope?: string; answer?: object; server?: object; params?: Record<string, string> } = {},
): Promise<Token> {
  const sent: { nonce?: string | undefined } = {}
  const { fetch } = scripted(() =>
    json({
      access_token: 'new-access-token',
      token_type: 'Bearer',
      refresh_token: 'new-refresh-token',
      ...(claims === undefined ? {} : { id_token: makeIdToken({ nonce: sent.nonce, ...claims }, { ...header }) }),
      ...answer,
    }),
  )
  const client = makeClient(fetch, {}, { server: server as typeof metadata })
  const { pending, callback } = await beginLogin(client, { scope, params })
  sent.nonce = pending.nonce
  return client.exchangeCode(callback, pending)
}

test('the token of a code exchange holds what the response says, with lifetimes counted from the moment before the request', async () => {
  let now = NOW
  const { fetch } = scripted(() => {
    now += 2000
    return json({
      access_token: 'new-access-token',
      token_type: 'Bearer',
      expires_in: 5,
      refresh_token: 'new-refresh-token',
      refresh_token_expires_in: 100,
      scope: 'write read',
      instance_url: 'https://eu1.example',
      nested: { deep: [1] },
    })
  })
  const client = makeClient(fetch, { clock: { now: () => now } })
  const { pending, callback } = await beginLogin(client)
  const token = await client.exchangeCode(callback, pending)
  expect(JSON.parse(JSON.stringify(token))).toEqual({
    accessToken: 'new-access-token',
    tokenType: 'bearer',
    receivedAt: NOW,
    expiresAt: NOW + 5000,
    refreshToken: 'new-refresh-token',
    refreshTokenExpiresAt: NOW + 100_000,
    scope: ['write', 'read'],
    extra: { instance_url: 'https://eu1.example', nested: { deep: [1] } },
  })
  expect(Object.isFrozen(token)).toBe(true)
})

test('the token of a code exchange has the requested scope where the response has none', async () => {
  expect((await logIn({}, { scope: 'openid email' })).scope).toEqual(['openid', 'email'])
  expect((await logIn(undefined, { scope: '' })).scope).toBeUndefined()
})

test('the token of a code exchange has the granted scope where it is narrower than the requested one', async () => {
  expect((await logIn({}, { scope: 'openid email', answer: { scope: 'openid' } })).scope).toEqual(['openid'])
})

test('the token of a code exchange round-trips tokens of any length and alphabet', async () => {
  const refresh = `${'r+/=~. '.repeat(2400)}é`
  const access = 'a+/=~.'.repeat(2800)
  const token = await logIn(undefined, { scope: '', answer: { access_token: access, refresh_token: refresh } })
  expect(token).toMatchObject({ accessToken: access, refreshToken: refresh })
  const { fetch, last } = scripted({ body: { access_token: 'x', token_type: 'bearer' } })
  await makeClient(fetch).refresh(token)
  expect(last().body.get('refresh_token')).toBe(refresh)
})

test('a code exchange whose code is refused rejects with the provider’s words', async () => {
  const { fetch } = scripted({
    status: 400,
    body: { error: 'invalid_grant', error_description: 'Code was already redeemed.' },
  })
  const client = makeClient(fetch)
  const { pending, callback } = await beginLogin(client)
  const error = await rejection(client.exchangeCode(callback, pending))
  expect(error).toBeInstanceOf(TokenRequestError)
  expect(error).toMatchObject({
    status: 400,
    error: 'invalid_grant',
    errorDescription: 'Code was already redeemed.',
    retryable: false,
  })
})

test('the ID token of a code exchange is kept when it passes every check', async () => {
  const atHash = createHash('sha256').update('new-access-token').digest().subarray(0, 16).toString('base64url')
  const token = await logIn({ at_hash: atHash, azp: 'web', aud: ['web', 'api'], auth_time: seconds })
  expect(token.idToken).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/)
  expect(token.refreshToken).toBe('new-refresh-token')
})

test('the ID token of a code exchange may be without at_hash, or of an algorithm that has no known hash', async () => {
  const server = { ...metadata, id_token_signing_alg_values_supported: ['ML-DSA-44', 'Ed25519', 'ES512'] }
  await expect(logIn({ at_hash: 'x' }, { header: { alg: 'ML-DSA-44' }, server })).resolves.toHaveProperty('idToken')
  const half = (size: string): string => {
    const digest = createHash(`sha${size}`).update('new-access-token').digest()
    return digest.subarray(0, digest.length / 2).toString('base64url')
  }
  await expect(logIn({ at_hash: half('512') }, { header: { alg: 'Ed25519' }, server })).resolves.toHaveProperty(
    'idToken',
  )
  await expect(logIn({ at_hash: half('256') }, { header: { alg: 'ES512' }, server })).rejects.toThrow(/at_hash/)
})

const bad: Record<string, [claims: Record<string, unknown>, header?: Record<string, unknown>]> = {
  'of another issuer': [{ iss: 'https://evil.example' }],
  'of an issuer with a slash more': [{ iss: 'https://as.example/' }],
  'for another audience': [{ aud: 'other' }],
  'for an unknown further audience without azp': [{ aud: ['web', 'other'] }],
  'for several audiences with another azp': [{ aud: ['web', 'other'], azp: 'other' }],
  'for one audience with another azp': [{ azp: 'other' }],
  'that has expired': [{ exp: seconds - 65 }],
  'that is not valid yet': [{ nbf: seconds + 65 }],
  'issued in 1970': [{ iat: 1 }],
  'issued in the far future': [{ iat: seconds * 1000 }],
  'without subject': [{ sub: undefined }],
  'with another nonce': [{ nonce: 'other' }],
  'without nonce': [{ nonce: undefined }],
  'signed with none': [{}, { alg: 'none' }],
  'signed with a secret': [{}, { alg: 'HS256' }],
  'signed with an algorithm that the server doesn’t list': [{}, { alg: 'ES256' }],
  'with a critical extension': [{}, { crit: ['x'] }],
  'with another access token’s hash': [{ at_hash: 'AAAAAAAAAAAAAAAAAAAAAA' }],
}
test.each(Object.entries(bad))(
  'the ID token of a code exchange %s is an error that carries the captured tokens, out of sight',
  async (_, [claims, header]) => {
    const error = await rejection(logIn(claims, header === undefined ? {} : { header }))
    expect(error).toBeInstanceOf(TokenResponseError)
    expect(error).toMatchObject({ problem: 'invalid', retryable: false, status: 200 })
    expect(error.token).toMatchObject({ accessToken: 'new-access-token', refreshToken: 'new-refresh-token' })
    expect(error.token).not.toHaveProperty('idToken')
    expect(Object.keys(error)).not.toContain('token')
  },
)

test('the ID token of a code exchange that is expired by less than half a minute is taken: clocks differ', async () => {
  await expect(logIn({ exp: seconds - 25 })).resolves.toHaveProperty('idToken')
})

test('an ID token of a code exchange that is no JWT is an error', async () => {
  await expect(logIn(undefined, { answer: { id_token: 'nonsense' } })).rejects.toThrow(TokenResponseError)
  await expect(logIn(undefined, { answer: { id_token: 'a.b.c.d.e' } })).rejects.toThrow(TokenResponseError)
})

test('the ID token of a code exchange that is missing though openid was granted is an error, not where the grant leaves openid out', async () => {
  await expect(logIn(undefined)).rejects.toThrow(/no ID token/)
  await expect(logIn(undefined, { answer: { scope: 'openid email' } })).rejects.toThrow(/no ID token/)
  await expect(logIn(undefined, { scope: 'openid email', answer: { scope: 'email' } })).resolves.not.toHaveProperty(
    'idToken',
  )
})

test('the ID token of a code exchange must have an auth_time that is no older than max_age', async () => {
  const params = { max_age: '60' }
  await expect(logIn({ auth_time: seconds - 60 }, { params })).resolves.toHaveProperty('idToken')
  await expect(logIn({ auth_time: seconds - 125 }, { params })).rejects.toThrow(/authentication/)
  await expect(logIn({}, { params })).rejects.toThrow(/auth_time/)
})

test('an ID token that was not requested is kept if it is valid, and dropped otherwise', async () => {
  await expect(logIn({ nonce: undefined }, { scope: 'email' })).resolves.toHaveProperty('idToken')
  const token = await logIn({ iss: 'https://evil.example' }, { scope: 'email' })
  expect(token).not.toHaveProperty('idToken')
  expect(token.refreshToken).toBe('new-refresh-token')
})

test('the ID token of a code exchange is dropped where the server has no issuer to compare it with', async () => {
  const { issuer: _, ...server } = metadata
  await expect(logIn({}, { scope: 'email', server })).resolves.not.toHaveProperty('idToken')
  // What stands in for the issuer inside is not one.
  const posing = { iss: metadata.token_endpoint, nonce: undefined }
  await expect(logIn(posing, { scope: 'email', server })).resolves.not.toHaveProperty('idToken')
})
