import { expect, test, vi } from 'vitest'
import { coreOf } from '../../src/client/oauth2-client.ts'
import { AuthorizationError, CallbackError, ConfigError } from '../../src/model/errors.ts'
import { beginLogin, issuer, makeClient, metadata, NOW, rejection, scripted } from './setup.ts'

const granted = { body: { access_token: 'new-access-token', token_type: 'Bearer', expires_in: 3600 } }

/** Runs a login with a changed callback. Returns the error, and checks that nothing was sent. */
async function refusal(
  spoil: (state: string) => string | URL | URLSearchParams | Request,
  { client: options = {}, server = metadata }: { client?: object; server?: object } = {},
): Promise<Error & Record<string, unknown>> {
  const { fetch, requests } = scripted(granted)
  const client = makeClient(fetch, options, { server: server as typeof metadata })
  const pending = await client.authorizationRequest()
  const error = await rejection(client.exchangeCode(spoil(pending.state), pending))
  expect(requests).toEqual([])
  return error
}

const forms: Record<string, (query: string) => string | URL | URLSearchParams | Request> = {
  'a relative URL': (query) => `/callback?${query}`,
  'an absolute URL': (query) => `https://app.example/callback?${query}`,
  'a URL as a proxy shows it': (query) => `http://10.0.0.7:8080/inner/path?${query}`,
  'a URL object': (query) => new URL(`https://app.example/callback?${query}`),
  'its parameters': (query) => new URLSearchParams(query),
  'a GET request': (query) => new Request(`https://app.example/callback?${query}`),
  'a form POST': (query) =>
    new Request('https://app.example/callback', {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
      body: query,
    }),
}
test.each(Object.entries(forms))('a good callback may be %s', async (_, form) => {
  const { fetch, last } = scripted(granted)
  const client = makeClient(fetch)
  const pending = await client.authorizationRequest()
  const query = `code=a%2Bb&state=${pending.state}&session_state=x&session_state=y&scope=read&foo=`
  const token = await client.exchangeCode(form(query), JSON.parse(JSON.stringify(pending)))
  expect(token.accessToken).toBe('new-access-token')
  expect(last().body.get('code')).toBe('a+b')
})

test('a good callback is exchanged with the redirect URI byte for byte, the verifier and the client’s authentication', async () => {
  const { fetch, last } = scripted(granted)
  const redirectUri = 'https://app.example/Call%20Back/?x=1&y=%7E'
  const client = makeClient(fetch, { redirectUri })
  const { pending, callback } = await beginLogin(client)
  await client.exchangeCode(callback, pending)
  expect(last()).toMatchObject({ method: 'POST', url: 'https://as.example/token' })
  expect(Object.fromEntries(last().body)).toEqual({
    grant_type: 'authorization_code',
    code: 'the-code',
    redirect_uri: redirectUri,
    code_verifier: pending.codeVerifier,
  })
  expect(last().headers.get('authorization')).toBe(`Basic ${btoa('web:client-secret-value')}`)
  expect(last().headers.get('content-type')).toMatch(/^application\/x-www-form-urlencoded/)
  expect(last().headers.get('accept')).toBe('application/json')
  expect(last().init.redirect).toBe('manual')
})

test('a good callback sends the provider’s own token parameters along', async () => {
  const { fetch, last } = scripted(granted)
  const client = makeClient(fetch, {}, { tokenParams: { type: 'web_server' }, pkce: false })
  const { pending, callback } = await beginLogin(client)
  await client.exchangeCode(callback, pending)
  expect(last().body.get('type')).toBe('web_server')
  expect(last().body.has('code_verifier')).toBe(false)
})

test.each([
  ['another', (state: string) => `?code=c&state=${state}x`],
  ['of the same length', (state: string) => `?code=c&state=${'x'.repeat(state.length)}`],
  ['empty', () => '?code=c&state='],
  ['missing', () => '?code=c'],
  ['in the fragment only', (state: string) => `/callback#code=c&state=${state}`],
  ['in another parameter set', () => new URLSearchParams('code=c')],
])('a callback with a state that is %s is refused', async (_, spoil) => {
  const error = await refusal(spoil)
  expect(error).toBeInstanceOf(CallbackError)
  expect(error.code).toBe('state_mismatch')
})

test.each([undefined, '', 5])(
  'state that the pending login lost (%s) is no reason to skip the comparison',
  async (state) => {
    const { fetch, requests } = scripted(granted)
    const client = makeClient(fetch)
    const { pending } = await beginLogin(client)
    const spoiled = { ...pending, state: state as string }
    for (const callback of ['?code=c', '?code=c&state=', `?code=c&state=${pending.state}`]) {
      expect(await rejection(client.exchangeCode(callback, spoiled))).toMatchObject({ code: 'state_mismatch' })
    }
    expect(requests).toEqual([])
  },
)

test('the state of a callback is compared before anything else is believed: an error callback of a stranger stays a mismatch', async () => {
  expect(await refusal(() => '?error=access_denied&state=other')).toMatchObject({ code: 'state_mismatch' })
})

test.each(['state', 'code', 'iss', 'error', 'error_description'])(
  'a callback with the parameter %s twice is refused',
  async (name) => {
    const error = await refusal((state) => `?code=c&state=${state}&iss=${issuer}&${name}=1&${name}=2`)
    expect(error).toMatchObject({ name: 'CallbackError', code: 'duplicate_parameter' })
  },
)

test.each(['?state=', '?code=&state='])('a callback without a code (%s…) is refused', async (start) => {
  expect(await refusal((state) => `${start}${state}`)).toMatchObject({ code: 'missing_code' })
})

test('a callback with an access token in place of the code is refused', async () => {
  expect(await refusal((state) => `?state=${state}&access_token=stolen#access_token=stolen`)).toMatchObject({
    code: 'missing_code',
  })
})

test.each([
  ['JSON', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' }],
  ['nothing', { method: 'POST' }],
])('a POST callback with %s is refused for missing parameters', async (_, init) => {
  expect(await refusal((state) => new Request(`https://app.example/cb?code=c&state=${state}`, init))).toMatchObject({
    code: 'state_mismatch',
  })
})

test('a callback form longer than 1 MiB is not read', async () => {
  const body = (state: string): string => `code=c&state=${state}&pad=${'x'.repeat(1_100_000)}`
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const error = await refusal(
    (state) => new Request('https://app.example/cb', { method: 'POST', headers, body: body(state) }),
  )
  expect(error).toMatchObject({ code: 'state_mismatch' })
})

test('a callback request whose body was read before is refused, with the form to pass instead', async () => {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const request = new Request('https://app.example/cb', { method: 'POST', headers, body: 'code=c' })
  await request.text()
  expect(await refusal(() => request)).toBeInstanceOf(ConfigError)
})

test.each([undefined, null, 5, [], ['code', 'c'], new Date(), new Map([['code', 'c']]), () => '?code=c'])(
  'parameters given as %s are a ConfigError',
  async (callback) => {
    expect(await refusal(() => callback as never)).toBeInstanceOf(ConfigError)
  },
)

const advertised = { ...metadata, authorization_response_iss_parameter_supported: true }

test.each(['https://as.example/', 'https://AS.example', 'https://as.example:443', 'https://evil.example', ''])(
  'iss (RFC 9207) %s is not the issuer',
  async (iss) => {
    expect(await refusal((state) => `?code=c&state=${state}&iss=${encodeURIComponent(iss)}`)).toMatchObject({
      code: 'issuer_mismatch',
    })
  },
)

test('iss (RFC 9207) may be missing, unless the server’s metadata promises it', async () => {
  const { fetch } = scripted(granted)
  const client = makeClient(fetch)
  const { pending, callback } = await beginLogin(client)
  await expect(client.exchangeCode(callback, pending)).resolves.toBeDefined()
  expect(await refusal((state) => `?code=c&state=${state}`, { server: advertised })).toMatchObject({
    code: 'issuer_mismatch',
  })
})

test('an iss (RFC 9207) that is right is accepted', async () => {
  const { fetch } = scripted(granted)
  const client = makeClient(fetch, {}, { server: advertised })
  const { pending, callback } = await beginLogin(client)
  await expect(client.exchangeCode(`${callback}&iss=${encodeURIComponent(issuer)}`, pending)).resolves.toBeDefined()
})

test('iss (RFC 9207) is judged before an error is acted on, and the stranger’s text is not shown', async () => {
  const error = await refusal(
    (state) => `?error=access_denied&error_description=call+me&state=${state}&iss=https://evil.example`,
  )
  expect(error).toMatchObject({ code: 'issuer_mismatch' })
  expect(error.message).not.toContain('call me')
})

test('iss (RFC 9207) means nothing where the server has no issuer', async () => {
  const { issuer: _, ...server } = metadata
  const { fetch } = scripted(granted)
  const client = makeClient(fetch, {}, { server })
  const { pending, callback } = await beginLogin(client)
  await expect(client.exchangeCode(`${callback}&iss=whatever`, pending)).resolves.toBeDefined()
})

test('an error callback rejects with an AuthorizationError with the provider’s code and text as data, and no token request', async () => {
  const error = await refusal(
    (state) => `?error=access_denied&error_description=%3Cb%3Eno%3C/b%3E%0Athanks&state=${state}`,
  )
  expect(error).toBeInstanceOf(AuthorizationError)
  expect(error).toMatchObject({ error: 'access_denied', errorDescription: '<b>no</b> thanks', retryable: false })
})

test('the AuthorizationError of an error callback without description has no description', async () => {
  const error = await refusal((state) => `?error=server_error&state=${state}`)
  expect(error).toMatchObject({ error: 'server_error' })
  expect(error).not.toHaveProperty('errorDescription')
})

test('the pending login is refused after fifteen minutes, not before', async () => {
  let now = NOW
  const { fetch } = scripted(granted)
  const client = makeClient(fetch, { clock: { now: () => now } })
  const { pending, callback } = await beginLogin(client)
  now = NOW + 15 * 60_000
  await expect(client.exchangeCode(callback, pending)).resolves.toBeDefined()
  now += 1
  expect(await rejection(client.exchangeCode(callback, pending))).toMatchObject({ code: 'expired_login' })
})

test.each([undefined, 'yesterday', Number.NaN, NOW + 3_600_000])(
  'the pending login with the date %s is refused',
  async (createdAt) => {
    const client = makeClient(scripted(granted).fetch)
    const { pending, callback } = await beginLogin(client)
    const spoiled = { ...pending, createdAt: createdAt as number }
    expect(await rejection(client.exchangeCode(callback, spoiled))).toMatchObject({ code: 'expired_login' })
  },
)

test('the pending login of another registration, issuer or token endpoint is refused: a code goes only where its login went', async () => {
  const { fetch, requests } = scripted(granted)
  const client = makeClient(fetch)
  const { pending, callback } = await beginLogin(client)
  const others = [
    makeClient(fetch, { clientId: 'other' }),
    makeClient(fetch, {}, { server: { ...metadata, issuer: 'https://other.example' } }),
    makeClient(fetch, {}, { server: { ...metadata, token_endpoint: 'https://other.example/token' } }),
    makeClient(fetch, {}, { server: { token_endpoint: metadata.token_endpoint } }),
  ]
  for (const other of others) {
    expect(await rejection(other.exchangeCode(callback, pending))).toMatchObject({ code: 'wrong_client' })
  }
  expect(requests).toEqual([])
})

test('the pending login that is missing or incomplete is a ConfigError that says what it must be', async () => {
  const client = makeClient(scripted(granted).fetch)
  const { pending, callback } = await beginLogin(client)
  for (const spoiled of [
    undefined,
    null,
    'x',
    { ...pending, redirectUri: undefined },
    { ...pending, scope: 'openid' },
    { ...pending, scope: [1] },
    { ...pending, maxAge: '5' },
  ]) {
    expect(await rejection(client.exchangeCode(callback, spoiled as never))).toBeInstanceOf(ConfigError)
  }
})

test('the pending login is claimed after every check of the callback and before the code is sent', async () => {
  const { fetch, requests } = scripted(granted)
  const client = makeClient(fetch)
  const { pending, callback } = await beginLogin(client)
  const beforeSend = vi.fn(() => Promise.reject(new Error('used')))
  await expect(coreOf(client).exchangeCode('?code=c&state=x', pending, { beforeSend })).rejects.toThrow(CallbackError)
  expect(beforeSend).not.toHaveBeenCalled()
  await expect(coreOf(client).exchangeCode(callback, pending, { beforeSend })).rejects.toThrow('used')
  expect(requests).toEqual([])
})
