import { expect, test } from 'vitest'
import type { DevelopmentProvider, Fault, FaultKind, PlainFaultKind } from '../src/index.ts'
import { claimsOf, post, provide, refresh, request, userInfo, type Answer } from './setup.ts'

/** What must hold after a fault met one refresh of a rotating provider. */
interface Expectation {
  readonly fault: Fault | PlainFaultKind
  /** Whether the provider replaced the refresh token. */
  readonly rotated: boolean
  readonly check: (answer: Answer | Error, provider: DevelopmentProvider) => void
}

function whole(answer: Answer | Error): Answer {
  if (answer instanceof Error) throw answer
  return answer
}

const refused = (status: number, text?: string) => (answer: Answer | Error) => {
  expect(whole(answer).status).toBe(status)
  if (text !== undefined) expect(whole(answer).text).toContain(text)
}

const lost = (answer: Answer | Error) => {
  expect(answer).toBeInstanceOf(TypeError)
}

const answered =
  (look: (json: Record<string, unknown>, headers: Headers) => void) =>
  (answer: Answer | Error): void => {
    const { status, json, headers } = whole(answer)
    expect(status).toBe(200)
    expect(json['access_token']).toBeTypeOf('string')
    look(json, headers)
  }

const idTokenWith = (look: (idToken: string, provider: DevelopmentProvider) => void) => {
  return (answer: Answer | Error, provider: DevelopmentProvider): void =>
    answered((json) => look(String(json['id_token']), provider))(answer)
}

const expectations: { readonly [name: string]: Expectation } = {
  server_error: { fault: 'server_error', rotated: false, check: refused(503, '<h1>') },
  'server_error with a status and Retry-After': {
    fault: { kind: 'server_error', status: 500, retryAfter: 7 },
    rotated: false,
    check: (answer) => {
      expect([whole(answer).status, whole(answer).headers.get('retry-after')]).toEqual([500, '7'])
    },
  },
  rate_limited: {
    fault: 'rate_limited',
    rotated: false,
    check: (answer) => {
      expect([whole(answer).status, whole(answer).headers.get('retry-after')]).toEqual([429, '1'])
    },
  },
  'rate_limited with a date': {
    fault: { kind: 'rate_limited', retryAfter: 'Wed, 21 Oct 2026 07:28:00 GMT' },
    rotated: false,
    check: (answer) => {
      expect(whole(answer).headers.get('retry-after')).toBe('Wed, 21 Oct 2026 07:28:00 GMT')
    },
  },
  drop_before: { fault: 'drop_before', rotated: false, check: lost },
  error_200: {
    fault: 'error_200',
    rotated: false,
    check: (answer) => {
      expect([whole(answer).status, whole(answer).json]).toEqual([200, { error: 'invalid_grant' }])
    },
  },
  empty_400: {
    fault: 'empty_400',
    rotated: false,
    check: (answer) => {
      expect([whole(answer).status, whole(answer).text]).toEqual([400, ''])
    },
  },
  invalid_grant: { fault: 'invalid_grant', rotated: false, check: refused(400, 'invalid_grant') },
  invalid_client: {
    fault: 'invalid_client',
    rotated: false,
    check: (answer) => {
      expect([whole(answer).status, whole(answer).json['error']]).toEqual([401, 'invalid_client'])
      expect(whole(answer).headers.get('www-authenticate')).toContain('Basic')
    },
  },
  oauth_error: {
    fault: { kind: 'oauth_error', error: 'temporarily_unavailable', description: 'later', status: 418 },
    rotated: false,
    check: (answer) => {
      expect(whole(answer).status).toBe(418)
      expect(whole(answer).json).toEqual({ error: 'temporarily_unavailable', error_description: 'later' })
    },
  },
  unauthorized: {
    fault: 'unauthorized',
    rotated: false,
    check: (answer) => {
      expect(whole(answer).headers.get('www-authenticate')).toContain('error="invalid_token"')
    },
  },
  drop_after: { fault: 'drop_after', rotated: true, check: lost },
  truncated: { fault: 'truncated', rotated: true, check: lost },
  malformed: {
    fault: 'malformed',
    rotated: true,
    check: (answer) => {
      expect([whole(answer).status, whole(answer).json]).toEqual([200, {}])
      expect(whole(answer).headers.get('content-type')).toContain('text/html')
    },
  },
  'malformed with a body': {
    fault: { kind: 'malformed', body: '{"access_token":', contentType: 'application/json' },
    rotated: true,
    check: (answer) => {
      expect([whole(answer).status, whole(answer).text]).toEqual([200, '{"access_token":'])
      expect(whole(answer).headers.get('content-type')).toContain('application/json')
    },
  },
  'hang that ends': { fault: { kind: 'hang', ms: 20 }, rotated: true, check: answered(() => {}) },
  'hang after the work that ends': {
    fault: { kind: 'hang', ms: 20, process: 'first' },
    rotated: true,
    check: answered(() => {}),
  },
  wrong_content_type: {
    fault: 'wrong_content_type',
    rotated: true,
    check: answered((_json, headers) => expect(headers.get('content-type')).toContain('text/html')),
  },
  form_encoded: {
    fault: 'form_encoded',
    rotated: true,
    check: (answer) => {
      expect(whole(answer).headers.get('content-type')).toContain('application/x-www-form-urlencoded')
      const members = Object.fromEntries(new URLSearchParams(whole(answer).text))
      expect(members).toMatchObject({ token_type: 'Bearer', expires_in: '60', refresh_token: expect.any(String) })
    },
  },
  expires_in: {
    fault: { kind: 'expires_in', value: 1e300 },
    rotated: true,
    check: answered((json) => expect(json['expires_in']).toBe(1e300)),
  },
  expires_in_string: {
    fault: 'expires_in_string',
    rotated: true,
    check: answered((json) => expect(json['expires_in']).toBe('60')),
  },
  expires_in_missing: {
    fault: 'expires_in_missing',
    rotated: true,
    check: answered((json) => expect('expires_in' in json).toBe(false)),
  },
  token_type_missing: {
    fault: 'token_type_missing',
    rotated: true,
    check: answered((json) => expect('token_type' in json).toBe(false)),
  },
  token_type_odd: {
    fault: 'token_type_odd',
    rotated: true,
    check: answered((json) => expect(json['token_type']).toBe('user')),
  },
  refresh_token_missing: {
    fault: 'refresh_token_missing',
    rotated: false,
    check: answered((json) => expect('refresh_token' in json).toBe(false)),
  },
  id_token_invalid: {
    fault: 'id_token_invalid',
    rotated: true,
    check: idTokenWith((idToken) => expect(idToken.split('.')).toHaveLength(1)),
  },
  'id_token_invalid by signature': {
    fault: { kind: 'id_token_invalid', flaw: 'signature' },
    rotated: true,
    check: idTokenWith((idToken) => expect(claimsOf(idToken)['sub']).toBe('alice')),
  },
  'id_token_invalid by issuer': {
    fault: { kind: 'id_token_invalid', flaw: 'issuer' },
    rotated: true,
    check: idTokenWith((idToken, { url }) => expect(claimsOf(idToken)['iss']).not.toBe(url)),
  },
  'id_token_invalid by audience': {
    fault: { kind: 'id_token_invalid', flaw: 'audience' },
    rotated: true,
    check: idTokenWith((idToken, { clientId }) => expect(claimsOf(idToken)['aud']).not.toBe(clientId)),
  },
  'id_token_invalid by subject': {
    fault: { kind: 'id_token_invalid', flaw: 'subject' },
    rotated: true,
    check: idTokenWith((idToken) => expect(claimsOf(idToken)['sub']).toBe('somebody-else')),
  },
  'id_token_invalid by expiry': {
    fault: { kind: 'id_token_invalid', flaw: 'expired' },
    rotated: true,
    check: idTokenWith((idToken) => expect(claimsOf(idToken)['exp']).toBeLessThan(Date.now() / 1000)),
  },
}

test.for(Object.entries(expectations))('%s', async ([, { fault, rotated, check }]) => {
  const provider = await provide({ rotate: true, reuse: 'refuse' })
  const [grant] = await provider.mint()
  const order = provider.fault(fault, { on: 'refresh' })
  check(await refresh(provider, grant!.refresh_token).catch((error: Error) => error), provider)
  expect([order.remaining, order.served, provider.pendingFaults()]).toEqual([0, 1, []])

  const next = await refresh(provider, grant!.refresh_token)
  expect(next.status).toBe(rotated ? 400 : 200)
  expect(provider.stats()).toMatchObject({ faults: 1, redemptions: fault === 'refresh_token_missing' ? 2 : 1 })
})

test('every kind of fault has a case here', () => {
  const kinds = new Set(
    Object.values(expectations).map(({ fault }) => (typeof fault === 'string' ? fault : fault.kind)),
  )
  const all: Record<FaultKind, true> = {
    server_error: true,
    rate_limited: true,
    drop_before: true,
    error_200: true,
    empty_400: true,
    invalid_grant: true,
    invalid_client: true,
    oauth_error: true,
    unauthorized: true,
    drop_after: true,
    truncated: true,
    malformed: true,
    hang: true,
    wrong_content_type: true,
    form_encoded: true,
    expires_in: true,
    expires_in_string: true,
    expires_in_missing: true,
    token_type_missing: true,
    token_type_odd: true,
    refresh_token_missing: true,
    id_token_invalid: true,
  }
  expect([...kinds].sort()).toEqual(Object.keys(all).sort())
})

test('a response lost after rotation ends the grant of a provider with reuse detection', async () => {
  const provider = await provide({ rotate: true })
  const [grant] = await provider.mint()
  provider.fault('drop_after')
  await expect(refresh(provider, grant!.refresh_token)).rejects.toThrow()
  expect(provider.stats()).toMatchObject({ redemptions: 1, reuseDetections: 0 })
  expect((await refresh(provider, grant!.refresh_token)).json['error']).toBe('invalid_grant')
  expect(provider.stats()).toMatchObject({ redemptions: 1, reuseDetections: 1, revocations: 1 })
})

test('a refresh that hangs forever is never processed, or processed first', async () => {
  const provider = await provide({ rotate: true, reuse: 'refuse' })
  for (const [process, status] of [
    ['last', 200],
    ['first', 400],
  ] as const) {
    const [grant] = await provider.mint()
    const order = provider.fault({ kind: 'hang', process })
    const controller = new AbortController()
    const { clientId, clientSecret, metadata } = provider
    const pending = fetch(metadata.token_endpoint, {
      method: 'POST',
      body: new URLSearchParams({
        client_id: clientId,
        client_secret: clientSecret,
        grant_type: 'refresh_token',
        refresh_token: grant!.refresh_token,
      }),
      signal: controller.signal,
    })
    await expect.poll(() => order.served).toBe(1)
    controller.abort()
    await expect(pending).rejects.toThrow('aborted')
    expect((await refresh(provider, grant!.refresh_token)).status, process).toBe(status)
  }
})

test('a late request is processed though its client has gone', async () => {
  const provider = await provide({ rotate: true })
  const [grant] = await provider.mint()
  const order = provider.fault({ kind: 'hang', ms: 50 })
  const controller = new AbortController()
  const pending = fetch(provider.metadata.token_endpoint, {
    method: 'POST',
    body: new URLSearchParams({
      client_id: provider.clientId,
      client_secret: provider.clientSecret,
      grant_type: 'refresh_token',
      refresh_token: grant!.refresh_token,
    }),
    signal: controller.signal,
  })
  await expect.poll(() => order.served).toBe(1)
  controller.abort()
  await expect(pending).rejects.toThrow('aborted')
  expect(provider.stats().redemptions).toBe(0)
  await expect.poll(() => provider.stats().redemptions).toBe(1)
})

test('faults apply to refreshes by default, in the order in which they were added', async () => {
  const provider = await provide()
  const [grant] = await provider.mint()
  provider.fault('invalid_grant')
  provider.fault({ kind: 'server_error', status: 502 }, { times: 2 })
  const { metadata } = provider
  expect((await post(provider, metadata.token_endpoint, { grant_type: 'client_credentials' })).status).toBe(200)
  expect((await userInfo(provider, grant!.access_token)).status).toBe(200)
  const statuses: number[] = []
  for (let time = 0; time < 4; time += 1) statuses.push((await refresh(provider, grant!.refresh_token)).status)
  expect(statuses).toEqual([400, 502, 502, 200])
})

test('faults can be aimed at any endpoint and grant type', async () => {
  const provider = await provide()
  const [grant] = await provider.mint()
  const { metadata } = provider
  const token = grant!.access_token
  const targets = {
    token: () => post(provider, metadata.token_endpoint, { grant_type: 'client_credentials' }),
    client_credentials: () => post(provider, metadata.token_endpoint, { grant_type: 'client_credentials' }),
    authorization_code: () => post(provider, metadata.token_endpoint, { grant_type: 'authorization_code' }),
    device_code: () =>
      post(provider, metadata.token_endpoint, { grant_type: 'urn:ietf:params:oauth:grant-type:device_code' }),
    refresh: () => refresh(provider, grant!.refresh_token),
    userinfo: () => userInfo(provider, token),
    tokeninfo: () => request(`${metadata.tokeninfo_endpoint}?access_token=${token}`),
    introspection: () => post(provider, metadata.introspection_endpoint, { token }),
    revocation: () => post(provider, metadata.revocation_endpoint, { token }),
    discovery: () => request(`${provider.url}/.well-known/openid-configuration`),
    jwks: () => request(metadata.jwks_uri),
  } as const
  for (const [on, send] of Object.entries(targets)) {
    provider.fault({ kind: 'server_error', status: 599 }, { on: on as keyof typeof targets })
    expect((await send()).status, on).toBe(599)
    expect((await send()).status, on).not.toBe(599)
  }
})

test('the fault unauthorized makes userinfo refuse a valid token', async () => {
  const provider = await provide()
  const [grant] = await provider.mint()
  provider.fault('unauthorized', { times: 2 })
  for (const status of [401, 401, 200]) expect((await userInfo(provider, grant!.access_token)).status).toBe(status)
})

test('a fault can be aimed at one client', async () => {
  const provider = await provide({ clients: [{ clientId: 'second', clientSecret: 's2', redirectUris: [] }] })
  const [grant] = await provider.mint()
  provider.fault('server_error', { clientId: 'second' })
  expect((await refresh(provider, grant!.refresh_token)).status).toBe(200)
  const fields = { grant_type: 'client_credentials', client_id: 'second', client_secret: 's2' }
  provider.fault('server_error', { clientId: 'second', on: 'token' })
  expect((await post(provider, provider.metadata.token_endpoint, fields)).status).toBe(503)
})

test('faults can be cancelled, one or all', async () => {
  const provider = await provide()
  const [grant] = await provider.mint()
  const endless = provider.fault('server_error', { times: Infinity })
  expect((await refresh(provider, grant!.refresh_token)).status).toBe(503)
  expect(endless).toMatchObject({ served: 1, remaining: Infinity, on: 'refresh', fault: { kind: 'server_error' } })
  endless.cancel()
  expect((await refresh(provider, grant!.refresh_token)).status).toBe(200)
  provider.fault('empty_400')
  provider.fault('drop_before')
  expect(provider.pendingFaults()).toHaveLength(2)
  provider.clearFaults()
  expect(provider.pendingFaults()).toEqual([])
  expect((await refresh(provider, grant!.refresh_token)).status).toBe(200)
  expect(() => provider.fault('empty_400', { times: 0 })).toThrow('Expected `times`')
})

test('a fault that changes responses leaves an error response alone', async () => {
  const provider = await provide()
  const order = provider.fault('expires_in_missing')
  expect((await refresh(provider, 'unknown')).json['error']).toBe('invalid_grant')
  expect(order.served).toBe(1)
})

test('the fault of an invalid ID token adds one also where none was requested', async () => {
  const provider = await provide()
  const [grant] = await provider.mint({ scope: 'email' })
  provider.fault({ kind: 'id_token_invalid', flaw: 'issuer' })
  const { json } = await refresh(provider, grant!.refresh_token)
  expect(claimsOf(json['id_token'])['iss']).toBe('https://other-issuer.example')
})
