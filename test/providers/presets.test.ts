import { describe, expect, test } from 'vitest'
import { coreOf, OAuth2Client } from '../../src/client/oauth2-client.ts'
import * as providers from '../../src/providers/index.ts'
import { json, makeOldToken, NOW, rejection, scripted, type Answer } from '../client/setup.ts'

const presets = Object.entries(providers)

const clientOf = (provider: providers.Provider, ...answers: Answer[]) => {
  const script = scripted(...answers)
  const client = new OAuth2Client({
    provider,
    clientId: 'web',
    clientSecret: 'client-secret-value',
    redirectUri: 'https://app.example/callback',
    fetch: script.fetch,
    clock: { now: () => NOW },
  })
  return { client, ...script }
}

describe.each(presets)('the preset %s', (name, provider) => {
  test('is plain data under its own name, with the provider’s own page', () => {
    expect(provider.name).toBe(name)
    expect(new URL(provider.documentation!).protocol).toBe('https:')
    expect(JSON.parse(JSON.stringify(provider))).toEqual(provider)
  })

  test('makes a client that begins a login without asking anybody', async () => {
    const { client, requests } = clientOf(provider)
    const pending = await client.authorizationRequest({ scope: 'a b' })
    expect(new URL(pending.url).searchParams.get('code_challenge_method')).toBe('S256')
    expect(requests).toEqual([])
  })

  test('can be spread and pointed elsewhere', async () => {
    const server = {
      token_endpoint: 'https://as.example/token',
      authorization_endpoint: 'https://as.example/authorize',
    }
    const pending = await clientOf({ ...provider, server }).client.authorizationRequest()
    expect(pending.url).toMatch(/^https:\/\/as\.example\/authorize\?/)
  })
})

describe('google', () => {
  test('asks for offline access and consent automatically, and lets the call override that', async () => {
    const { client } = clientOf(providers.google)
    const paramsOf = async (params?: Record<string, string>): Promise<URLSearchParams> =>
      new URL((await client.authorizationRequest({ scope: 'openid email', ...(params && { params }) })).url)
        .searchParams
    const usual = await paramsOf()
    expect(usual.get('access_type')).toBe('offline')
    expect(usual.get('prompt')).toBe('consent')
    expect((await paramsOf({ prompt: 'select_account' })).get('prompt')).toBe('select_account')
    const online = new URL((await client.authorizationRequest({ offline: false })).url).searchParams
    expect([online.get('access_type'), online.get('prompt')]).toEqual([null, null])
    const quiet = new URL((await client.authorizationRequest({ consent: 'if_needed' })).url).searchParams
    expect([quiet.get('access_type'), quiet.get('prompt')]).toEqual(['offline', null])
  })

  test('sends the token to Google’s APIs only', () => {
    const core = coreOf(clientOf(providers.google).client)
    for (const host of [
      'www.googleapis.com',
      'gmail.googleapis.com',
      'openidconnect.googleapis.com',
      'accounts.google.com',
    ]) {
      expect(core.assertResource(new URL(`https://${host}/x`))).toBeUndefined()
    }
    for (const host of ['googleapis.com.evil.example', 'evilgoogleapis.com', 'www.google.com']) {
      expect(() => core.assertResource(new URL(`https://${host}/x`))).toThrow(/not sent to/)
    }
  })

  test('keeps the one refresh token that it ever gave', async () => {
    const { client } = clientOf(
      providers.google,
      json({ access_token: 'ya29.x', expires_in: 3599, token_type: 'Bearer' }),
    )
    expect(await client.refresh(makeOldToken())).toMatchObject({
      refreshToken: 'old-refresh-token',
      expiresAt: NOW + 3_599_000,
    })
  })

  test('takes a revoked token for revoked', async () => {
    const { client } = clientOf(providers.google, json({ error: 'invalid_token' }, { status: 400 }))
    await expect(client.revoke(makeOldToken())).resolves.toBeUndefined()
  })
})

describe('github', () => {
  const form = (body: string): Response =>
    new Response(body, { headers: { 'content-type': 'application/x-www-form-urlencoded' } })

  test('sends id and secret in the body, and scopes with commas', async () => {
    const { client, last } = clientOf(
      providers.github,
      json({ access_token: 'ghu_x', token_type: 'bearer', scope: 'repo,gist' }),
    )
    const pending = await client.authorizationRequest({ scope: ['repo', 'gist'] })
    expect(new URL(pending.url).searchParams.get('scope')).toBe('repo,gist')
    const token = await client.exchangeCode(`?code=c&state=${pending.state}&iss=https%3A%2F%2Fgithub.example`, pending)
    expect(token.scope).toEqual(['repo', 'gist'])
    expect(last().body.get('client_secret')).toBe('client-secret-value')
    expect(last().headers.has('authorization')).toBe(false)
  })

  test('rotates, with the ends of both tokens', async () => {
    const { client } = clientOf(
      providers.github,
      form(
        'access_token=ghu_2&expires_in=28800&refresh_token=ghr_2&refresh_token_expires_in=15897600&scope=&token_type=bearer',
      ),
    )
    expect(await client.refresh(makeOldToken())).toMatchObject({
      accessToken: 'ghu_2',
      expiresAt: NOW + 28_800_000,
      refreshToken: 'ghr_2',
      refreshTokenExpiresAt: NOW + 15_897_600_000,
    })
  })

  test.each([
    ['bad_refresh_token', 'invalid_grant'],
    ['bad_verification_code', 'invalid_grant'],
    ['incorrect_client_credentials', 'invalid_client'],
  ])('sends errors with status 200: %s is %s', async (error, meaning) => {
    for (const answer of [json({ error, error_description: 'why' }), form(`error=${error}&error_description=why`)]) {
      const { client } = clientOf(providers.github, answer)
      expect(await rejection(client.refresh(makeOldToken()))).toMatchObject({
        error: meaning,
        errorDescription: `${error}: why`,
        retryable: false,
      })
    }
  })

  test('names the user by its own id', async () => {
    const { client, last } = clientOf(providers.github, json({ id: 1, login: 'octocat' }))
    expect(await client.userInfo(makeOldToken())).toMatchObject({ sub: '1', login: 'octocat' })
    expect(last().headers.get('user-agent')).toBe('evergrant')
  })

  test('ends the old access token with a refresh, so that nothing is refreshed early', () => {
    expect(providers.github.refresh).toMatchObject({ rotates: true, endsAccessToken: true })
  })
})
