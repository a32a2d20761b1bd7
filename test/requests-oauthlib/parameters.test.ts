import { describe, expect, test } from 'vitest'
import {
  AuthorizationError,
  CallbackError,
  ConfigError,
  TokenRequestError,
  TokenResponseError,
  type TokenTypeHint,
} from '../../src/index.ts'
import { entries, rejection, stage, wayNames, ways } from './setup.ts'

const now = 1_000_000

test('an authorization request has its scope from a list as from a string', async () => {
  const { client } = stage()
  for (const scope of ['list of scopes', ['list', 'of', 'scopes']] as const) {
    const { searchParams } = new URL((await client.authorizationRequest({ scope })).url)
    expect(searchParams.get('scope')).toBe('list of scopes')
  }
})

test('an authorization request has each of its parameters once', async () => {
  const { client } = stage({ provider: { authorizationParams: { prompt: 'consent' } } })
  const { searchParams } = new URL((await client.authorizationRequest({ params: { prompt: 'login' } })).url)
  expect(entries(searchParams)).toMatchObject({ prompt: 'login' })
})

test('a revocation takes no callback for a script (JSONP): a hint that isn’t one is refused', async () => {
  const { client, scripted } = stage()
  const token = await ways['a refresh']!(stage())
  await expect(client.revoke(token, 'callback' as TokenTypeHint)).rejects.toBeInstanceOf(ConfigError)
  expect(scripted.requests).toEqual([])
})

/** The result of a callback with these parameters, in which `state` is the login's own. */
const outcome = async (query: string) => {
  const { client, scripted } = stage({ now })
  const pending = await client.authorizationRequest()
  const parameters = new URLSearchParams(query)
  if (parameters.get('state') === 'own') parameters.set('state', pending.state)
  parameters.set('iss', 'https://provider.example')
  scripted.script({ body: { access_token: 'the-token' } })
  const result = await client
    .exchangeCode(`/callback?${parameters.toString()}`, pending)
    .catch((error: unknown) => error)
  if (result instanceof Error) expect(scripted.requests).toEqual([])
  return result
}

test('a callback with code and state is a token', async () => {
  expect(await outcome('code=SplxlOBeZQQYbYS6WxSbIA&state=own')).toMatchObject({ accessToken: 'the-token' })
})

test('a callback without code is refused as that', async () => {
  const error = await outcome('state=own')
  expect(error).toBeInstanceOf(CallbackError)
  expect(error).toMatchObject({ code: 'missing_code' })
})

test.each(['access_denied', 'invalid_request', 'temporarily_unavailable'])(
  'a callback with the provider’s error %s says that error, with its description',
  async (code) => {
    const error = await outcome(`error=${code}&error_description=what+happened&state=own`)
    expect(error).toBeInstanceOf(AuthorizationError)
    expect(error).toMatchObject({ error: code, errorDescription: 'what happened' })
  },
)

test.each([
  ['without state', 'code=SplxlOBeZQQYbYS6WxSbIA'],
  ['with another state', 'code=SplxlOBeZQQYbYS6WxSbIA&state=xyz'],
  ['with an error but without state', 'error=access_denied'],
])('a callback %s is refused as a mismatch', async (_how, query) => {
  const error = await outcome(query)
  expect(error).toBeInstanceOf(CallbackError)
  expect(error).toMatchObject({ code: 'state_mismatch' })
})

describe.each(wayNames)('at %s', (way) => {
  describe.each([
    ['JSON', 'application/json', (members: Record<string, string>) => JSON.stringify(members)],
    [
      'a form',
      'application/x-www-form-urlencoded',
      (members: Record<string, string>) => new URLSearchParams(members).toString(),
    ],
  ])('a response as %s', (_form, type, write) => {
    const answered = (members: Record<string, string>, status = 200) => {
      const on = stage({ now })
      on.scripted.script({ status, headers: { 'content-type': type }, body: write(members) })
      return ways[way]!(on)
    }
    const whole = {
      access_token: '2YotnFZFEjr1zCsicMWpAA',
      token_type: 'Bearer',
      expires_in: '3600',
      refresh_token: 'tGzv3JOkF0XG5Qx2TlKWIA',
      example_parameter: 'example_value',
      scope: 'abc def',
    }
    const without = (...names: readonly string[]) =>
      Object.fromEntries(Object.entries(whole).filter(([name]) => !names.includes(name)))

    test('is a token', async () => {
      expect(await answered(whole)).toMatchObject({
        accessToken: '2YotnFZFEjr1zCsicMWpAA',
        tokenType: 'bearer',
        refreshToken: 'tGzv3JOkF0XG5Qx2TlKWIA',
        receivedAt: now,
        expiresAt: 4_600_000,
        scope: ['abc', 'def'],
        extra: { example_parameter: 'example_value' },
      })
    })

    test.each([400, 200])('with an error, under status %i, is that error', async (status) => {
      const error = await rejection(answered({ error: 'access_denied' }, status))
      expect(error).toBeInstanceOf(TokenRequestError)
      expect(error).toMatchObject({ status: 400, error: 'access_denied' })
    })

    test('with an error that only this provider has is that error, in its own words', async () => {
      const error = await rejection(answered({ error: 'moon_phase', error_description: 'Not today' }, 400))
      expect(error).toMatchObject({ error: 'moon_phase', errorDescription: 'Not today' })
    })

    test('with GitHub’s incorrect_client_credentials is invalid_client, and names what the provider said', async () => {
      const error = await rejection(answered({ error: 'incorrect_client_credentials', error_description: 'Not so' }))
      expect(error).toMatchObject({
        error: 'invalid_client',
        errorDescription: 'incorrect_client_credentials: Not so',
      })
    })

    test('without access token can’t be used, and says so', async () => {
      const error = await rejection(answered({ access_token: '', ...without('access_token') }))
      expect(error).toBeInstanceOf(TokenResponseError)
      expect(error).toMatchObject({ problem: 'no_access_token' })
    })

    test('without scope is no error: the scope is the one that was there', async () => {
      const { scope } = await answered(without('scope'))
      expect(scope).toEqual(way === 'a refresh' ? ['read'] : undefined)
    })

    test('without expires_in has no expiry', async () => {
      const token = await answered(without('expires_in'))
      expect(Object.keys(token)).not.toContain('expiresAt')
      expect(token.extra).toEqual({ example_parameter: 'example_value' })
    })

    test('without token type is a bearer token', async () => {
      expect((await answered(without('token_type'))).tokenType).toBe('bearer')
    })

    test('with another scope is taken, with that scope', async () => {
      expect((await answered({ ...whole, scope: 'aaa' })).scope).toEqual(['aaa'])
    })
  })

  test('expires_in: null is an unknown lifetime, not a member', async () => {
    const on = stage({ now })
    on.scripted.script({ body: { access_token: 'the-token', token_type: 'Bearer', expires_in: null } })
    const token = await ways[way]!(on)
    expect(Object.keys(token)).not.toContain('expiresAt')
    expect(token.extra).toBeUndefined()
  })
})
