import { afterEach, expect, test, vi } from 'vitest'
import { post, provide, refresh, userInfo } from './setup.ts'

afterEach(() => {
  vi.useRealTimers()
})

/** Lets the provider's clock jump; sockets and timers stay real. */
function passMs(ms: number): void {
  const now = Date.now()
  vi.useFakeTimers({ toFake: ['Date'] })
  vi.setSystemTime(now + ms)
}

test('each refresh replaces the refresh token', async () => {
  const provider = await provide({ rotate: true })
  const [grant] = await provider.mint()
  let token: unknown = grant!.refresh_token
  for (let time = 0; time < 3; time += 1) {
    const { json } = await refresh(provider, token)
    expect(json['refresh_token']).toBeTypeOf('string')
    expect(json['refresh_token']).not.toBe(token)
    token = json['refresh_token']
  }
  expect(provider.stats()).toMatchObject({ redemptions: 3, reuseDetections: 0, revocations: 0 })
})

test('a refresh token that is used a second time ends the whole grant', async () => {
  const provider = await provide({ rotate: true })
  const [grant, other] = await provider.mint({ count: 2 })
  const { json: newest } = await refresh(provider, grant!.refresh_token)
  const again = await refresh(provider, grant!.refresh_token)
  expect([again.status, again.json['error']]).toEqual([400, 'invalid_grant'])
  expect((await refresh(provider, newest['refresh_token'])).json['error']).toBe('invalid_grant')
  expect((await userInfo(provider, newest['access_token'])).status).toBe(401)
  expect((await refresh(provider, other!.refresh_token)).status).toBe(200)
  expect(provider.stats()).toMatchObject({
    tokenRequests: { total: 4, refresh_token: 4 },
    redemptions: 2,
    reuseDetections: 1,
    revocations: 1,
  })
})

test('of many refreshes at once one succeeds, and the grant has ended', async () => {
  const provider = await provide({ rotate: true })
  const [grant] = await provider.mint()
  const answers = await Promise.all(Array.from({ length: 50 }, () => refresh(provider, grant!.refresh_token)))
  const winners = answers.filter(({ status }) => status === 200)
  expect(winners).toHaveLength(1)
  expect((await refresh(provider, winners[0]!.json['refresh_token'])).json['error']).toBe('invalid_grant')
  expect(provider.stats()).toMatchObject({ redemptions: 1, reuseDetections: 1, revocations: 1 })
})

test('within the grace period the old token brings further tokens, after it the grant ends', async () => {
  const provider = await provide({ rotate: true, reuse: 30_000 })
  const [grant] = await provider.mint()
  const first = await refresh(provider, grant!.refresh_token)
  const sibling = await refresh(provider, grant!.refresh_token)
  expect([first.status, sibling.status]).toEqual([200, 200])
  expect(sibling.json['refresh_token']).not.toBe(first.json['refresh_token'])

  passMs(29_000)
  expect((await refresh(provider, grant!.refresh_token)).status).toBe(200)
  expect((await refresh(provider, first.json['refresh_token'])).status).toBe(200)
  expect(provider.stats()).toMatchObject({ redemptions: 4, reuseDetections: 0, revocations: 0 })

  passMs(2000)
  expect((await refresh(provider, grant!.refresh_token)).json['error']).toBe('invalid_grant')
  expect((await refresh(provider, sibling.json['refresh_token'])).json['error']).toBe('invalid_grant')
  expect(provider.stats()).toMatchObject({ redemptions: 4, reuseDetections: 1, revocations: 1 })
})

test('a provider that only refuses reuse keeps the grant', async () => {
  const provider = await provide({ rotate: true, reuse: 'refuse' })
  const [grant] = await provider.mint()
  const { json } = await refresh(provider, grant!.refresh_token)
  expect((await refresh(provider, grant!.refresh_token)).json['error']).toBe('invalid_grant')
  expect((await refresh(provider, json['refresh_token'])).status).toBe(200)
  await post(provider, provider.metadata.introspection_endpoint, { token: grant!.refresh_token })
  expect(provider.stats()).toMatchObject({ redemptions: 2, reuseDetections: 1, revocations: 0 })
})

test('access tokens and refresh tokens expire when they say', async () => {
  const provider = await provide({ accessTokenLifetimeMs: 1500, refreshTokenLifetimeMs: 10_000 })
  const [grant] = await provider.mint()
  expect(grant!.expires_in).toBe(2)
  expect((await userInfo(provider, grant!.access_token)).status).toBe(200)
  passMs(2000)
  const refused = await userInfo(provider, grant!.access_token)
  expect(refused.status).toBe(401)
  expect(refused.headers.get('www-authenticate')).toContain('error="invalid_token"')
  expect((await refresh(provider, grant!.refresh_token)).json['expires_in']).toBe(2)
  provider.setAccessTokenLifetime(300_000)
  expect((await refresh(provider, grant!.refresh_token)).json['expires_in']).toBe(300)
  passMs(11_000)
  expect((await refresh(provider, grant!.refresh_token)).json['error']).toBe('invalid_grant')
})

test('counts are kept for each client and can be reset', async () => {
  const provider = await provide({
    rotate: true,
    clients: [{ clientId: 'second', clientSecret: 'secret-2', redirectUris: ['http://localhost:3000/callback'] }],
  })
  const [grant] = await provider.mint()
  const [theirs] = await provider.mint({ clientId: 'second' })
  await refresh(provider, grant!.refresh_token)
  const fields = { grant_type: 'refresh_token', refresh_token: theirs!.refresh_token }
  for (let time = 0; time < 2; time += 1) {
    await post(provider, provider.metadata.token_endpoint, {
      ...fields,
      client_id: 'second',
      client_secret: 'secret-2',
    })
  }
  expect(provider.stats(provider.clientId)).toMatchObject({ redemptions: 1, reuseDetections: 0 })
  expect(provider.stats('second')).toMatchObject({ redemptions: 1, reuseDetections: 1, revocations: 1 })
  expect(provider.stats()).toMatchObject({ tokenRequests: { total: 3 }, redemptions: 2, reuseDetections: 1 })
  provider.resetStats()
  expect(provider.stats()).toMatchObject({ tokenRequests: { total: 0 }, redemptions: 0 })
})
