import { expect, test } from 'vitest'
import type { DevelopmentProvider, TokenAnswer } from '../../provider/src/index.ts'
import { OAuth2Session } from '../../src/session.ts'
import { sqliteStore } from '../../src/stores/sqlite/index.ts'
import { clientOf, grantsOf, HOUR, POLICY, provide, serve, STORE_KINDS, world, type World } from './setup.ts'
import { travellingClock } from './travelling-clock.ts'

const CALLERS = 1000

const times = <T>(count: number, work: (index: number) => Promise<T>): Promise<T>[] =>
  Array.from({ length: count }, (_, index) => work(index))

/** A grant of alice's, whose access token the provider accepts for an hour. */
async function connected({ provider, grants }: Pick<World, 'provider' | 'grants'>): Promise<TokenAnswer> {
  const [grant] = await provider.mint({ user: 'alice' })
  await grants.save('acme', 'alice', grant!)
  return grant!
}

async function userOf({ metadata }: DevelopmentProvider, accessToken: string): Promise<unknown> {
  const response = await fetch(metadata.userinfo_endpoint, { headers: { authorization: `Bearer ${accessToken}` } })
  return ((await response.json()) as { sub?: unknown }).sub
}

/** An API that refuses some access tokens, and counts. */
async function api(refuses: (accessToken: string) => boolean) {
  const counts = { served: 0, refused: 0 }
  const url = await serve((request, response) => {
    const refused = refuses((request.headers.authorization ?? '').replace(/^Bearer /, ''))
    counts[refused ? 'refused' : 'served'] += 1
    response.writeHead(refused ? 401 : 200, refused ? { 'www-authenticate': 'Bearer error="invalid_token"' } : {})
    response.end()
  })
  return { url, counts }
}

test('naive code loses its grant at this provider: fifty refreshes at once are a reuse', async () => {
  const provider = await provide({ rotate: true })
  const client = clientOf(provider)
  const [grant] = await provider.mint()
  let token = {
    accessToken: grant!.access_token,
    refreshToken: grant!.refresh_token,
    tokenType: 'bearer',
    receivedAt: Date.now(),
    expiresAt: Date.now(),
  }
  // What usual code does: if (expired) token = await refresh(token)
  const results = await Promise.allSettled(
    times(50, async () => {
      if (token.expiresAt <= Date.now()) token = (await client.refresh(token)) as typeof token
      return token.accessToken
    }),
  )
  expect(results.filter(({ status }) => status === 'rejected').length).toBeGreaterThan(0)
  expect(provider.stats().tokenRequests.refresh_token).toBe(50)
  expect(provider.stats().reuseDetections).toBeGreaterThan(0)
  expect(provider.stats().revocations).toBeGreaterThan(0)
  // Even the newest token has ended.
  await expect(client.refresh(token)).rejects.toMatchObject({ code: 'token_request_error', error: 'invalid_grant' })
})

for (const store of STORE_KINDS) {
  test(`a thousand callers of an expired token cause one token request and no failure at each expiry (${store})`, async () => {
    const made = await world({ store })
    const { provider, grants, clock } = made
    const grant = await connected(made)
    const session = grants.session('acme', 'alice')
    const seen = new Set([grant.access_token])
    for (let expiry = 1; expiry <= 5; expiry += 1) {
      clock.travel(HOUR)
      const tokens = await Promise.all(times(CALLERS, () => session.accessToken()))
      expect(new Set(tokens).size).toBe(1)
      seen.add(tokens[0]!)
      expect(seen.size).toBe(expiry + 1)
      expect(provider.stats()).toMatchObject({
        tokenRequests: { total: expiry, refresh_token: expiry },
        redemptions: expiry,
        reuseDetections: 0,
        revocations: 0,
      })
    }
    expect(await userOf(provider, await session.accessToken())).toBe('alice')
    expect(grants.told.map(({ name }) => name)).toEqual(Array.from({ length: 5 }, () => 'refreshed'))
  })

  test(`a thousand sessions of one grant cause one token request (${store})`, async () => {
    const made = await world({ store })
    await connected(made)
    made.clock.travel(HOUR)
    const tokens = await Promise.all(times(CALLERS, async () => made.grants.session('acme', 'alice').accessToken()))
    expect(new Set(tokens).size).toBe(1)
    expect(made.provider.stats()).toMatchObject({ tokenRequests: { total: 1 }, redemptions: 1, reuseDetections: 0 })
  })

  test(`a thousand grants at once cause one token request each (${store})`, async () => {
    const { provider, grants, clock } = await world({ store })
    const minted = await provider.mint({ count: CALLERS / 5 })
    await Promise.all(minted.map((grant, index) => grants.save('acme', `user ${index}`, grant)))
    clock.travel(HOUR)
    const tokens = await Promise.all(
      times(CALLERS, (index) => grants.session('acme', `user ${index % minted.length}`).accessToken()),
    )
    expect(new Set(tokens).size).toBe(minted.length)
    expect(provider.stats()).toMatchObject({
      redemptions: minted.length,
      reuseDetections: 0,
      tokenRequests: { total: minted.length },
    })
  })

  test(`a thousand callers whose token an API rejects with 401 cause one token request and no failure (${store})`, async () => {
    const made = await world({ store })
    const { provider, grants, clock } = made
    // The provider itself refuses it: it doesn't know this access token, though nothing says that it has expired.
    const [grant] = await provider.mint({ user: 'alice', accessTokenExpired: true })
    await grants.save('acme', 'alice', { ...grant!, expires_in: HOUR / 1000 })
    const session = grants.session('acme', 'alice')
    clock.travel(HOUR / 2)
    const responses = await Promise.all(times(CALLERS, () => session.fetch(provider.metadata.userinfo_endpoint)))
    expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([200]))
    for (const response of responses) await response.body?.cancel()
    expect(provider.stats()).toMatchObject({
      tokenRequests: { total: 1, refresh_token: 1 },
      redemptions: 1,
      reuseDetections: 0,
      userInfoRequests: 2 * CALLERS,
    })
    expect(grants.told).toMatchObject([{ name: 'refreshed', event: { cause: 'rejected' } }])
  })
}

test('callers that learn of the rejection late do not refresh again', async () => {
  const made = await world()
  const { provider, clock, grants } = made
  const grant = await connected(made)
  const { url, counts } = await api((token) => token === grant.access_token)
  const client = clientOf(provider, { clock, resourceOrigins: [url] })
  const there = grantsOf(client, { store: made.store, clock, policy: POLICY })
  const session = there.session('acme', 'alice')
  await session.token()
  clock.travel(HOUR / 2)
  for (let wave = 0; wave < 5; wave += 1) {
    const rejected = times(200, () => session.token({ rejected: grant.access_token }))
    const fetched = times(20, () => session.fetch(url))
    expect(new Set((await Promise.all(rejected)).map(({ accessToken }) => accessToken)).size).toBe(1)
    expect((await Promise.all(fetched)).map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200))
  }
  expect(counts).toEqual({ served: 100, refused: 20 })
  expect(provider.stats()).toMatchObject({ redemptions: 1, tokenRequests: { total: 1 } })
  await grants.close()
})

test('a fresh token is the same resolved promise for every call, without any request', async () => {
  for (const store of STORE_KINDS) {
    const made = await world({ store })
    await connected(made)
    const session = made.grants.session('acme', 'alice')
    const first = session.token()
    await first
    const promises = Array.from({ length: CALLERS }, () => session.token())
    expect(new Set(promises).size).toBe(1)
    expect(made.grants.session('acme', 'alice').token()).toBe(session.token())
    expect(Object.isFrozen(await session.token())).toBe(true)
    expect(made.provider.stats().tokenRequests.total).toBe(0)
  }
})

test('an API that always responds 401 causes at most one refresh a minute', async () => {
  const made = await world()
  const { provider, clock } = made
  const { url, counts } = await api(() => true)
  const grant = await connected(made)
  const client = clientOf(provider, { clock, resourceOrigins: [url] })
  const session = new OAuth2Session(client, { token: grant, policy: POLICY })
  const MINUTES = 10
  for (let second = 0; second < MINUTES * 60; second += 4) {
    const responses = await Promise.all(times(4, () => session.fetch(url)))
    expect(responses.map(({ status }) => status)).toEqual([401, 401, 401, 401])
    clock.travel(4000)
  }
  const { tokenRequests, redemptions, reuseDetections } = provider.stats()
  expect(tokenRequests.total).toBeLessThanOrEqual(MINUTES)
  // It is not given up either: another token might do.
  expect(tokenRequests.total).toBeGreaterThanOrEqual(MINUTES - 2)
  expect([redemptions, reuseDetections]).toEqual([tokenRequests.total, 0])
  expect(counts.refused).toBeGreaterThanOrEqual(MINUTES * 60)
  await session.close()
})

test('a thousand callers of an API that always responds 401 get their 401, for one refresh', async () => {
  const made = await world()
  const { provider, clock } = made
  const { url } = await api(() => true)
  const client = clientOf(provider, { clock, resourceOrigins: [url] })
  const session = new OAuth2Session(client, { token: await connected(made), policy: POLICY })
  await session.token()
  clock.travel(HOUR / 2)
  const responses = await Promise.all(times(CALLERS, () => session.fetch(url)))
  expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([401]))
  expect(provider.stats()).toMatchObject({ tokenRequests: { total: 1 }, redemptions: 1, reuseDetections: 0 })
  await session.close()
})

test('the callers of two Grants over one SQLite file cause one refresh for each expiry and no reuse', async () => {
  const made = await world({ store: 'SQLite' })
  const { provider, clock, grants: first, client } = made
  await connected(made)
  const ownClock = travellingClock()
  const second = grantsOf(client, {
    store: sqliteStore(made.file!, { clock: ownClock }),
    keys: made.keys!,
    clock: ownClock,
    policy: POLICY,
  })
  for (let expiry = 1; expiry <= 5; expiry += 1) {
    clock.travel(HOUR)
    ownClock.travel(HOUR)
    const tokens = await Promise.all(
      [first, second].flatMap((grants) => times(250, () => grants.session('acme', 'alice').accessToken())),
    )
    expect(new Set(tokens).size).toBe(1)
    expect(provider.stats()).toMatchObject({
      tokenRequests: { total: expiry },
      redemptions: expiry,
      reuseDetections: 0,
      revocations: 0,
    })
  }
  expect([...first.told, ...second.told].map(({ name }) => name)).toEqual(Array.from({ length: 5 }, () => 'refreshed'))
  await second.close()
})
