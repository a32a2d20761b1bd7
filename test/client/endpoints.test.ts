import { describe, expect, test } from 'vitest'
import { coreOf } from '../../src/client/oauth2-client.ts'
import { ConfigError, ProviderUnavailableError, TokenRequestError, TokenResponseError } from '../../src/model/errors.ts'
import { accessTokenOf } from '../../src/model/token.ts'
import { json, makeClient, makeIdToken, makeOldToken, metadata, NOW, rejection, scripted } from './setup.ts'

const { revocation_endpoint: _r, introspection_endpoint: _i, userinfo_endpoint: _u, ...bare } = metadata

describe('revoke (RFC 7009)', () => {
  test('ends the grant: of a token it sends the refresh token, with its hint', async () => {
    const { fetch, last } = scripted({})
    const client = makeClient(fetch)
    await client.revoke(makeOldToken())
    expect(last()).toMatchObject({ method: 'POST', url: metadata.revocation_endpoint })
    expect(Object.fromEntries(last().body)).toEqual({ token: 'old-refresh-token', token_type_hint: 'refresh_token' })
    await client.revoke(makeOldToken({ refreshToken: undefined }))
    expect(Object.fromEntries(last().body)).toEqual({ token: 'old-access-token', token_type_hint: 'access_token' })
    await client.revoke(makeOldToken(), 'access_token')
    expect(last().body.get('token')).toBe('old-access-token')
    await client.revoke('any-token')
    expect(Object.fromEntries(last().body)).toEqual({ token: 'any-token' })
    await client.revoke('any-token', 'access_token')
    expect(last().body.get('token_type_hint')).toBe('access_token')
  })

  test.each([200, 202, 204])('takes %i for success, whatever the body says', async (status) => {
    const answer = new Response(status === 204 ? null : '<html>', { status })
    await expect(makeClient(scripted(answer).fetch).revoke('unknown-token')).resolves.toBeUndefined()
  })

  test('takes a token that is invalid already for revoked', async () => {
    const { fetch } = scripted({
      status: 400,
      body: { error: 'invalid_token', error_description: 'Token expired or revoked' },
    })
    await expect(makeClient(fetch).revoke('gone-token')).resolves.toBeUndefined()
  })

  test('must be repeated after a 503, because the token is still valid', async () => {
    const { fetch } = scripted({ status: 503, headers: { 'retry-after': '30' } })
    const error = await rejection(makeClient(fetch).revoke('token'))
    expect(error).toBeInstanceOf(ProviderUnavailableError)
    expect(error).toMatchObject({ status: 503, retryAfterMs: 30_000 })
  })

  test('reports what the server refuses', async () => {
    const { fetch, requests } = scripted({ status: 400, body: { error: 'unsupported_token_type' } })
    expect(await rejection(makeClient(fetch).revoke('token'))).toMatchObject({
      name: 'TokenRequestError',
      error: 'unsupported_token_type',
      retryable: false,
    })
    expect(requests).toHaveLength(1)
    expect(
      await rejection(makeClient(scripted({ status: 403, body: '<html>' }).fetch).revoke('token')),
    ).not.toHaveProperty('error')
  })

  test('rejects if the server has no revocation endpoint, and the core returns false', async () => {
    const { fetch, requests } = scripted({})
    const client = makeClient(fetch, {}, { server: bare })
    await expect(client.revoke(makeOldToken())).rejects.toThrow(ConfigError)
    await expect(client.revoke(makeOldToken())).rejects.toThrow(/no revocation_endpoint/)
    expect(await coreOf(client).revoke(makeOldToken())).toBe(false)
    expect(requests).toEqual([])
    expect(await coreOf(makeClient(fetch)).revoke(makeOldToken())).toBe(true)
  })

  test('refuses what is no token', async () => {
    const client = makeClient(scripted({}).fetch)
    await expect(client.revoke('')).rejects.toThrow(ConfigError)
    await expect(client.revoke(makeOldToken({ refreshToken: undefined }), 'refresh_token')).rejects.toThrow(
      /no refresh token/,
    )
    await expect(client.revoke(makeOldToken(), 'id_token' as never)).rejects.toThrow(/hint/)
  })

  test('ends with the reason of the caller’s signal', async () => {
    const signal = AbortSignal.abort(new Error('enough'))
    await expect(coreOf(makeClient(scripted({}).fetch)).revoke(makeOldToken(), { signal })).rejects.toThrow('enough')
  })
})

describe('introspect (RFC 7662)', () => {
  test('sends the access token, and returns the server’s response', async () => {
    const { fetch, last } = scripted({ body: { active: true, scope: 'read', exp: 5, custom: { a: 1 } } })
    const answer = await makeClient(fetch).introspect(makeOldToken())
    expect(answer).toEqual({ active: true, scope: 'read', exp: 5, custom: { a: 1 } })
    expect(last()).toMatchObject({ method: 'POST', url: metadata.introspection_endpoint })
    expect(Object.fromEntries(last().body)).toEqual({ token: 'old-access-token', token_type_hint: 'access_token' })
    expect(last().headers.get('authorization')).toMatch(/^Basic /)
    await makeClient(fetch).introspect(makeOldToken(), 'refresh_token')
    expect(last().body.get('token')).toBe('old-refresh-token')
    await makeClient(fetch).introspect('any-token')
    expect(Object.fromEntries(last().body)).toEqual({ token: 'any-token' })
  })

  test('believes nothing else about an inactive token', async () => {
    const { fetch } = scripted({ body: { active: false, sub: 'user-1' } })
    expect(await makeClient(fetch).introspect('token')).toEqual({ active: false })
  })

  test.each(['{}', '[]', '{"active":"true"}', 'true', ''])('refuses %j', async (text) => {
    const error = await rejection(makeClient(scripted(new Response(text)).fetch).introspect('token'))
    expect(error).toBeInstanceOf(TokenResponseError)
    expect(error.message).toContain('introspection endpoint')
  })

  test('rejects a response of more than 1 MiB', async () => {
    const { fetch } = scripted({ body: { active: true, padding: 'x'.repeat(1_100_000) } })
    await expect(makeClient(fetch).introspect('token')).rejects.toThrow(TokenResponseError)
  })

  test('reports refusals, and that there is no endpoint', async () => {
    const { fetch } = scripted({ status: 401, body: { error: 'invalid_client' } })
    await expect(makeClient(fetch).introspect('token')).rejects.toThrow(TokenRequestError)
    await expect(makeClient(fetch, {}, { server: bare }).introspect('token')).rejects.toThrow(
      /no introspection_endpoint/,
    )
  })
})

describe('userInfo (OpenID Connect Core section 5.3)', () => {
  test('sends the access token in the header only', async () => {
    const { fetch, last } = scripted({ body: { sub: 'user-1', email: 'a@example' } })
    expect(await makeClient(fetch).userInfo(makeOldToken())).toEqual({ sub: 'user-1', email: 'a@example' })
    expect(last()).toMatchObject({ method: 'GET', url: metadata.userinfo_endpoint })
    expect(last().headers.get('authorization')).toBe('Bearer old-access-token')
    expect(String(last().body)).toBe('')
  })

  test('rejects a response about another user than the ID token’s', async () => {
    const client = makeClient(scripted({ body: { sub: 'user-2', email: 'a@example' } }).fetch)
    const token = makeOldToken({ idToken: makeIdToken({ sub: 'user-1' }) })
    const error = await rejection(client.userInfo(token))
    expect(error).toMatchObject({ name: 'TokenResponseError', problem: 'identity_changed' })
    expect(error.message).toContain('user info endpoint')
    await expect(client.userInfo(accessTokenOf(token))).resolves.toMatchObject({ sub: 'user-2' })
    await expect(client.userInfo(makeOldToken({ idToken: 'unreadable' }))).resolves.toMatchObject({ sub: 'user-2' })
  })

  test('reads a plain OAuth 2 server’s id as sub', async () => {
    expect(
      await makeClient(scripted({ body: { id: 583231, login: 'octocat' } }).fetch).userInfo(makeOldToken()),
    ).toEqual({
      id: 583231,
      login: 'octocat',
      sub: '583231',
    })
    expect(await makeClient(scripted({ body: { id: 'x' } }).fetch).userInfo(makeOldToken())).toMatchObject({ sub: 'x' })
  })

  test('reads a signed response and checks its user', async () => {
    const jwt = (claims: object): Response =>
      new Response(makeIdToken(claims as Record<string, unknown>), {
        headers: { 'content-type': 'application/jwt; charset=utf-8' },
      })
    const server = { ...metadata, userinfo_signing_alg_values_supported: ['RS256'] }
    await expect(makeClient(scripted(jwt({})).fetch, {}, { server }).userInfo(makeOldToken())).resolves.toMatchObject({
      sub: 'user-1',
    })
    await expect(
      makeClient(scripted(jwt({ aud: 'other' })).fetch, {}, { server }).userInfo(makeOldToken()),
    ).rejects.toThrow(TokenResponseError)
  })

  test('says what to do about 401 and 403', async () => {
    const challenge = 'Basic realm="x", bearer Error="invalid_token", error_description="The token \\"expired\\""'
    const { fetch } = scripted({ status: 401, headers: { 'www-authenticate': challenge } })
    const error = await rejection(makeClient(fetch).userInfo(makeOldToken()))
    expect(error).toBeInstanceOf(TokenRequestError)
    expect(error).toMatchObject({ status: 401, error: 'invalid_token' })
    expect(error.message).toContain('Refresh it and ask again')
    const forbidden = scripted({ status: 403, headers: { 'www-authenticate': 'Bearer error=insufficient_scope' } })
    const denied = await rejection(makeClient(forbidden.fetch).userInfo(makeOldToken()))
    expect(denied).toMatchObject({ status: 403, error: 'insufficient_scope' })
    expect(denied.message).toContain('scope')
    const other = await rejection(makeClient(scripted({ status: 404 }).fetch).userInfo(makeOldToken()))
    expect(other).not.toHaveProperty('error')
    expect(other.message).toContain('documentation')
  })

  test.each(['{}', '[]', '<html>', '{"sub":5}', '{"id":null}', '{"id":""}'])('refuses %j', async (text) => {
    await expect(makeClient(scripted(new Response(text)).fetch).userInfo(makeOldToken())).rejects.toThrow(
      TokenResponseError,
    )
  })

  test('rejects a response of more than 1 MiB', async () => {
    const answers = [
      json({ sub: 'x', padding: 'x'.repeat(1_100_000) }),
      new Response('x'.repeat(1_100_000), { headers: { 'content-type': 'application/jwt' } }),
    ]
    for (const answer of answers) {
      await expect(makeClient(scripted(answer).fetch).userInfo(makeOldToken())).rejects.toThrow(TokenResponseError)
    }
  })

  test('needs an access token, and an endpoint', async () => {
    const { fetch, requests } = scripted({})
    await expect(makeClient(fetch).userInfo({} as never)).rejects.toThrow(ConfigError)
    await expect(makeClient(fetch, {}, { server: bare }).userInfo(makeOldToken())).rejects.toThrow(
      /no userinfo_endpoint/,
    )
    expect(requests).toEqual([])
  })
})

describe('clientCredentials (RFC 6749 section 4.4)', () => {
  const answer = {
    body: {
      access_token: 'service-token',
      token_type: 'Bearer',
      expires_in: 60,
      refresh_token: 'useless',
      id_token: 'x',
    },
  }

  test('asks for a token of the client’s own, which has no refresh token', async () => {
    const { fetch, last } = scripted(answer)
    const token = await makeClient(fetch).clientCredentials({ scope: 'jobs', params: { audience: 'api' } })
    expect(Object.fromEntries(last().body)).toEqual({
      grant_type: 'client_credentials',
      scope: 'jobs',
      audience: 'api',
    })
    expect(last().headers.get('authorization')).toMatch(/^Basic /)
    expect(JSON.parse(JSON.stringify(token))).toEqual({
      accessToken: 'service-token',
      tokenType: 'bearer',
      receivedAt: NOW,
      expiresAt: NOW + 60_000,
      scope: ['jobs'],
    })
  })

  test('asks for the client’s scope by default, or for none', async () => {
    const { fetch, last } = scripted(answer)
    await makeClient(fetch, { scope: ['a', 'b'] }).clientCredentials()
    expect(last().body.get('scope')).toBe('a b')
    expect(await makeClient(fetch).clientCredentials()).not.toHaveProperty('scope')
    expect(last().body.has('scope')).toBe(false)
  })

  test('needs credentials', async () => {
    const { fetch, requests } = scripted(answer)
    await expect(makeClient(fetch, { clientSecret: undefined }).clientCredentials()).rejects.toThrow(ConfigError)
    await expect(makeClient(fetch).clientCredentials({ params: { grant_type: 'x' } })).rejects.toThrow(ConfigError)
    expect(requests).toEqual([])
  })

  test('may be asked again after an unusable response', async () => {
    expect(await rejection(makeClient(scripted(new Response('?')).fetch).clientCredentials())).toMatchObject({
      retryable: true,
    })
  })

  test('ends at the caller’s abort with the signal’s reason', async () => {
    const signal = AbortSignal.abort(new Error('enough'))
    await expect(makeClient(scripted(answer).fetch).clientCredentials({ signal })).rejects.toThrow('enough')
  })
})
