import { createHash } from 'node:crypto'
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { ConfigError } from '../../src/model/errors.ts'
import { makeClient, metadata, NOW, scripted } from './setup.ts'

const client = makeClient(scripted().fetch)
const paramsOf = (url: string): Record<string, string> => Object.fromEntries(new URL(url).searchParams)

describe('authorizationRequest', () => {
  test('sends the user to the authorization endpoint with everything that RFC 6749 section 4.1.1 and PKCE want', async () => {
    const pending = await client.authorizationRequest({ scope: 'read write' })
    expect(pending.url.startsWith('https://as.example/authorize?')).toBe(true)
    expect(paramsOf(pending.url)).toEqual({
      response_type: 'code',
      client_id: 'web',
      redirect_uri: 'https://app.example/callback',
      scope: 'read write',
      state: pending.state,
      code_challenge: createHash('sha256').update(pending.codeVerifier!).digest('base64url'),
      code_challenge_method: 'S256',
    })
    expect(pending).toMatchObject({
      redirectUri: 'https://app.example/callback',
      issuer: 'https://as.example',
      tokenEndpoint: 'https://as.example/token',
      clientId: 'web',
      createdAt: NOW,
    })
    expect(pending).not.toHaveProperty('nonce')
    expect(JSON.parse(JSON.stringify(pending))).toEqual(pending)
  })

  test('returns a plain object for any web session, with everything that the exchange compares', async () => {
    const pending = await client.authorizationRequest({ scope: 'openid email', params: { max_age: '60' } })
    expect(Object.getPrototypeOf(pending)).toBe(Object.prototype)
    expect(Object.getOwnPropertySymbols(pending)).toEqual([])
    expect(structuredClone(pending)).toEqual(pending)
    expect(JSON.parse(JSON.stringify(pending))).toEqual(pending)
    expect(pending).toMatchObject({ scope: ['openid', 'email'], maxAge: 60 })
    expect(Object.isFrozen(pending) && Object.isFrozen(pending.scope)).toBe(true)
    // What inspect shows of it is all of it.
    for (const value of Object.values(pending))
      expect(inspect(pending)).toContain(Array.isArray(value) ? value[0] : value)
  })

  test.each(['soon', '-1', '1.5', '12345678901'])(
    'refuses max_age=%s, which no ID token could be compared with',
    async (max_age) => {
      await expect(client.authorizationRequest({ params: { max_age } })).rejects.toThrow(/max_age/)
    },
  )

  test('creates a new id, state, verifier and nonce each time, too long to guess', async () => {
    const all = await Promise.all(Array.from({ length: 1000 }, () => client.authorizationRequest({ scope: 'openid' })))
    for (const name of ['id', 'state', 'codeVerifier', 'nonce'] as const) {
      const values = all.map((pending) => pending[name]!)
      expect(new Set(values).size).toBe(1000)
      // 22 characters of base64url are 128 bits.
      expect(Math.min(...values.map((value) => value.length))).toBeGreaterThanOrEqual(22)
      expect(values.every((value) => /^[\w-]+$/.test(value))).toBe(true)
    }
    expect(all.every(({ codeVerifier }) => codeVerifier!.length >= 43 && codeVerifier!.length <= 128)).toBe(true)
  })

  test('sends a nonce with scope openid, the same that it keeps', async () => {
    const pending = await client.authorizationRequest({ scope: ['openid', 'email'] })
    expect(paramsOf(pending.url)['nonce']).toBe(pending.nonce)
  })

  test('refuses scope openid for a server without issuer, because its ID tokens could not be checked', async () => {
    const { issuer: _, ...server } = metadata
    const anonymous = makeClient(scripted().fetch, {}, { server })
    await expect(anonymous.authorizationRequest({ scope: 'openid' })).rejects.toThrow(ConfigError)
    expect(() => makeClient(scripted().fetch, { scope: 'openid' }, { server })).toThrow(ConfigError)
    await expect(anonymous.authorizationRequest({ scope: 'read' })).resolves.not.toHaveProperty('issuer')
  })

  test('sends no PKCE to a provider that can’t take it', async () => {
    const pending = await makeClient(scripted().fetch, {}, { pkce: false }).authorizationRequest()
    expect(pending).not.toHaveProperty('codeVerifier')
    expect(paramsOf(pending.url)).not.toHaveProperty('code_challenge')
    expect(paramsOf(pending.url)).not.toHaveProperty('code_challenge_method')
  })

  test('sends S256 also to a server that lists only plain', async () => {
    const server = { ...metadata, code_challenge_methods_supported: ['plain'] }
    const pending = await makeClient(scripted().fetch, {}, { server }).authorizationRequest()
    expect(paramsOf(pending.url)['code_challenge_method']).toBe('S256')
  })

  test('keeps the endpoint’s own query and sends no parameter twice', async () => {
    const server = { ...metadata, authorization_endpoint: 'https://as.example/authorize?tenant=a%20b&prompt=none' }
    const pending = await makeClient(scripted().fetch, {}, { server }).authorizationRequest({
      params: { prompt: 'login' },
    })
    const { searchParams } = new URL(pending.url)
    expect(searchParams.getAll('tenant')).toEqual(['a b'])
    expect(searchParams.getAll('prompt')).toEqual(['login'])
    for (const name of searchParams.keys()) expect(searchParams.getAll(name)).toHaveLength(1)
  })

  test('lets the call’s parameters win over the provider’s, and an empty one take the provider’s away', async () => {
    const offline = makeClient(
      scripted().fetch,
      {},
      { authorizationParams: { access_type: 'offline', prompt: 'consent' } },
    )
    expect(paramsOf((await offline.authorizationRequest()).url)).toMatchObject({
      access_type: 'offline',
      prompt: 'consent',
    })
    const url = (await offline.authorizationRequest({ params: { prompt: 'select_account', access_type: '' } })).url
    expect(paramsOf(url)).toMatchObject({ prompt: 'select_account' })
    expect(paramsOf(url)).not.toHaveProperty('access_type')
  })

  test.each([
    'client_id',
    'redirect_uri',
    'response_type',
    'state',
    'scope',
    'nonce',
    'code_challenge',
    'code_challenge_method',
  ])('refuses %s among the parameters', async (name) => {
    await expect(client.authorizationRequest({ params: { [name]: 'x' } })).rejects.toThrow(ConfigError)
  })

  test('refuses a parameter that is not a string', async () => {
    await expect(client.authorizationRequest({ params: { max_age: 5 as never } })).rejects.toThrow(
      /max_age of .* to be a string/,
    )
  })

  test('separates the scope as the provider wants it, each value once', async () => {
    const comma = makeClient(scripted().fetch, { scope: ['a', 'b', 'a'] }, { scopeSeparator: ',' })
    expect(paramsOf((await comma.authorizationRequest()).url)['scope']).toBe('a,b')
  })

  test('leaves the scope out rather than sending an empty one', async () => {
    expect(paramsOf((await client.authorizationRequest({ scope: ' ' })).url)).not.toHaveProperty('scope')
    expect(paramsOf((await client.authorizationRequest({ scope: [] })).url)).not.toHaveProperty('scope')
  })

  test('refuses a scope that is neither string nor list', async () => {
    await expect(client.authorizationRequest({ scope: 5 as never })).rejects.toThrow(ConfigError)
    await expect(client.authorizationRequest({ scope: [5] as never })).rejects.toThrow(ConfigError)
  })

  test('needs a redirect URI, absolute and without fragment, from the client or the call', async () => {
    const without = makeClient(scripted().fetch, { redirectUri: undefined })
    await expect(without.authorizationRequest()).rejects.toThrow(/redirectUri/)
    await expect(client.authorizationRequest({ redirectUri: '/callback' })).rejects.toThrow(ConfigError)
    await expect(client.authorizationRequest({ redirectUri: 'https://app.example/#x' })).rejects.toThrow(ConfigError)
    const pending = await without.authorizationRequest({ redirectUri: 'https://app.example/Other/?x=1' })
    expect(pending.redirectUri).toBe('https://app.example/Other/?x=1')
    expect(paramsOf(pending.url)['redirect_uri']).toBe('https://app.example/Other/?x=1')
  })

  test('says what to do about a server without authorization endpoint', async () => {
    const server = {
      issuer: 'https://as.example',
      token_endpoint: 'https://as.example/token',
      authorization_endpoint: '',
    }
    await expect(makeClient(scripted().fetch, {}, { server }).authorizationRequest()).rejects.toThrow(
      /no authorization_endpoint.*provider\.server/,
    )
  })

  test('sends nothing itself', async () => {
    const { fetch, requests } = scripted()
    await makeClient(fetch).authorizationRequest()
    expect(requests).toEqual([])
  })
})
