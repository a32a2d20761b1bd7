import { describe, expect, test } from 'vitest'

import { OAuth2Client } from '../../src/client/oauth2-client.ts'
import { ConfigError } from '../../src/model/errors.ts'
import { importToken } from '../../src/model/import-token.ts'
import { fakeClock, type ScriptedProvider, scriptedProvider } from '../../src/testing/index.ts'

const TOKEN = 'https://provider.example/token'

function post(scripted: ScriptedProvider, params: Record<string, string>, init: RequestInit = {}): Promise<Response> {
  return scripted.fetch(TOKEN, { method: 'POST', body: new URLSearchParams(params), ...init })
}

async function redeem(scripted: ScriptedProvider, token: string | undefined): Promise<Record<string, string>> {
  const response = await post(scripted, { grant_type: 'refresh_token', refresh_token: token ?? '' })
  return (await response.json()) as Record<string, string>
}

async function status(scripted: ScriptedProvider, accessToken: string | undefined): Promise<number> {
  return (await scripted.fetch(scripted.resource, { headers: { authorization: `Bearer ${accessToken}` } })).status
}

describe('an OAuth2Client with the scripted provider', () => {
  const scripted = scriptedProvider()
  const client = new OAuth2Client({
    provider: scripted.provider,
    clientId: 'id',
    clientSecret: 'secret',
    redirectUri: 'https://app.example/callback?kept=1',
    scope: ['a', 'b'],
    fetch: scripted.fetch,
  })

  test('logs in, refreshes, introspects, asks for the user and revokes', async () => {
    const pending = await client.authorizationRequest()
    const callback = scripted.login(pending.url)
    expect(callback).toContain('kept=1')
    const first = await client.exchangeCode(callback, pending)
    expect(first).toMatchObject({ scope: ['a', 'b'], tokenType: 'bearer' })
    await expect(client.exchangeCode(callback, pending)).rejects.toThrow('invalid_grant')
    const second = await client.refresh(first)
    expect(second.refreshToken).not.toBe(first.refreshToken)
    expect(await client.userInfo(second)).toEqual({ sub: 'scripted user' })
    expect(await client.introspect(second)).toEqual({ active: true, scope: 'a b' })
    expect(await status(scripted, second.accessToken)).toBe(200)
    await client.revoke(second)
    expect(await client.introspect(second)).toEqual({ active: false })
    expect(await status(scripted, second.accessToken)).toBe(401)
    expect(scripted.stats).toEqual({ redemptions: 1, reuses: 0 })
  })

  test('gets a token for itself, which cannot be refreshed', async () => {
    const token = await client.clientCredentials()
    expect(token.refreshToken).toBe(undefined)
    expect(await status(scripted, token.accessToken)).toBe(200)
  })

  test('is rejected without its code verifier, redirect URI or code', async () => {
    for (const change of [{ codeVerifier: 'x'.repeat(43) }, { redirectUri: 'https://app.example/other' }]) {
      const pending = await client.authorizationRequest()
      await expect(client.exchangeCode(scripted.login(pending.url), { ...pending, ...change })).rejects.toThrow(
        'invalid_grant',
      )
    }
    expect(await (await post(scripted, { grant_type: 'authorization_code' })).json()).toEqual({
      error: 'invalid_grant',
    })
  })

  test('discovers its metadata too', async () => {
    const discovering = new OAuth2Client({
      provider: { name: 'by issuer', server: 'https://provider.example' },
      clientId: 'id',
      fetch: scripted.fetch,
    })
    expect((await discovering.refresh(importToken(scripted.issue()))).accessToken).toContain('scripted-access')
  })
})

describe('reuse of a refresh token', () => {
  test('ends the grant', async () => {
    const scripted = scriptedProvider()
    const first = scripted.issue()
    const second = await redeem(scripted, first.refresh_token)
    expect(await redeem(scripted, first.refresh_token)).toEqual({ error: 'invalid_grant' })
    expect(await redeem(scripted, second['refresh_token'])).toEqual({ error: 'invalid_grant' })
    expect(await status(scripted, second['access_token'])).toBe(401)
    expect(scripted.stats).toEqual({ redemptions: 1, reuses: 1 })
  })

  test('is only rejected', async () => {
    const scripted = scriptedProvider({ reuse: 'refuse' })
    const first = scripted.issue()
    const second = await redeem(scripted, first.refresh_token)
    expect(await redeem(scripted, first.refresh_token)).toEqual({ error: 'invalid_grant' })
    expect(await redeem(scripted, second['refresh_token'])).toHaveProperty('access_token')
  })

  test('returns the same successor during the grace period', async () => {
    const clock = fakeClock()
    const scripted = scriptedProvider({ clock, reuse: { graceMs: 1_000 } })
    expect(scripted.provider.refresh).toEqual({ rotates: true, reuseGraceMs: 1_000, reuseGraceUntil: 'time' })
    const first = scripted.issue()
    const second = await redeem(scripted, first.refresh_token)
    await clock.advance(999)
    expect((await redeem(scripted, first.refresh_token))['refresh_token']).toBe(second['refresh_token'])
    await clock.advance(1)
    expect(await redeem(scripted, first.refresh_token)).toEqual({ error: 'invalid_grant' })
  })

  test('is normal for a provider without rotation', async () => {
    const scripted = scriptedProvider({ rotates: false })
    const { refresh_token: token } = scripted.issue()
    expect((await redeem(scripted, token))['refresh_token']).toBe(token)
    expect((await redeem(scripted, token))['refresh_token']).toBe(token)
    expect(scripted.stats).toEqual({ redemptions: 2, reuses: 0 })
  })
})

test('access tokens expire by its clock', async () => {
  const clock = fakeClock()
  const scripted = scriptedProvider({ clock, expiresIn: 60 })
  const { access_token: token, expires_in: seconds } = scripted.issue()
  expect(seconds).toBe(60)
  await clock.advance(59_999)
  expect(await status(scripted, token)).toBe(200)
  await clock.advance(1)
  expect(await status(scripted, token)).toBe(401)
})

test('the lifetime can be left out', async () => {
  const scripted = scriptedProvider({ expiresIn: null })
  const issued = scripted.issue({ scope: 'a', renewable: false })
  expect(Object.keys(issued).sort()).toEqual(['access_token', 'scope', 'token_type'])
  expect(await status(scripted, issued.access_token)).toBe(200)
})

test('a user may end the grant at the provider', async () => {
  const scripted = scriptedProvider()
  const issued = scripted.issue()
  scripted.revoke('unknown')
  scripted.revoke(issued.refresh_token ?? '')
  expect(await redeem(scripted, issued.refresh_token)).toEqual({ error: 'invalid_grant' })
})

describe('the script', () => {
  test('responds to the next token requests, and to no others', async () => {
    const scripted = scriptedProvider()
    scripted.script(
      { status: 503, headers: { 'retry-after': '5' } },
      { body: 'access_token=a' },
      { body: { error: 'x' }, status: 400 },
    )
    const { access_token: token } = scripted.issue()
    expect(await status(scripted, token)).toBe(200)
    const first = await post(scripted, {})
    expect([first.status, first.headers.get('retry-after'), await first.text()]).toEqual([503, '5', ''])
    expect(await (await post(scripted, {})).text()).toBe('access_token=a')
    const third = await post(scripted, {})
    expect([third.status, third.headers.get('content-type'), await third.json()]).toEqual([
      400,
      'application/json',
      { error: 'x' },
    ])
    expect(await (await post(scripted, { grant_type: 'strange' })).json()).toEqual({ error: 'unsupported_grant_type' })
  })

  test('breaks connections before, during and after', async () => {
    const scripted = scriptedProvider()
    const { refresh_token: token = '' } = scripted.issue()
    const params = { grant_type: 'refresh_token', refresh_token: token }
    scripted.script('unreachable', 'request_lost', 'answer_lost')
    const codeOf = (error: Error): unknown => (error.cause as { code: string }).code
    const codes: unknown[] = []
    for (const redemptions of [0, 0, 1]) {
      codes.push(await post(scripted, params).catch(codeOf))
      expect(scripted.stats.redemptions).toBe(redemptions)
    }
    expect(codes).toEqual(['ECONNREFUSED', 'ECONNRESET', 'ECONNRESET'])
  })

  test('hangs until the caller aborts', async () => {
    const scripted = scriptedProvider()
    scripted.script('hang', 'hang')
    const controller = new AbortController()
    const request = post(scripted, {}, { signal: controller.signal })
    const late = post(scripted, {}, { signal: controller.signal })
    controller.abort(new Error('enough'))
    await expect(request).rejects.toThrow('enough')
    await expect(late).rejects.toThrow('enough')
    await expect(post(scripted, {}, { signal: controller.signal })).rejects.toThrow('enough')
  })

  test('may be a function of the request and the regular response', async () => {
    const scripted = scriptedProvider()
    const { refresh_token: token } = scripted.issue()
    scripted.script(
      () => new Response('by hand'),
      ({ params }) => ({ body: { grant_type: params.get('grant_type') } }),
      async (_request, byRules) => {
        const answer = (await (await byRules()).json()) as object
        return { body: { ...answer, expires_in: '60' } }
      },
    )
    expect(await (await post(scripted, {})).text()).toBe('by hand')
    expect(await redeem(scripted, 'x')).toEqual({ grant_type: 'refresh_token' })
    expect(await redeem(scripted, token)).toMatchObject({
      expires_in: '60',
      refresh_token: expect.stringContaining('scripted'),
    })
  })
})

test('every request is recorded', async () => {
  const scripted = scriptedProvider()
  await post(scripted, { a: '1' }, { headers: { authorization: 'Basic x' } })
  await scripted.fetch(new Request(scripted.resource))
  expect(scripted.requests.map(({ endpoint, method }) => `${method} ${endpoint}`)).toEqual([
    'POST token',
    'GET resource',
  ])
  const [request] = scripted.tokenRequests
  expect([request?.params.get('a'), request?.headers.get('authorization'), request?.url]).toEqual([
    '1',
    'Basic x',
    TOKEN,
  ])
  expect(scripted.tokenRequests).toHaveLength(1)
})

test('a response may be delayed', async () => {
  const clock = fakeClock()
  const scripted = scriptedProvider({ clock, latencyMs: 100 })
  const request = post(scripted, {})
  await clock.advance(99)
  expect(clock.pending).toBe(1)
  await clock.advance(1)
  expect((await request).status).toBe(400)
})

test('every other URL returns 404', async () => {
  expect((await scriptedProvider().fetch('https://provider.example/elsewhere')).status).toBe(404)
})

test('a login needs an authorization request', () => {
  expect(() => scriptedProvider().login('https://provider.example/authorize')).toThrow(ConfigError)
})
