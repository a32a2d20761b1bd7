import { expect, test } from 'vitest'
import { OAuth2Session } from '../../src/session.ts'
import { sqliteStore } from '../../src/stores/sqlite/index.ts'
import {
  browser,
  grantsOf,
  HOUR,
  logIn,
  POLICY,
  recordingFetch,
  STORE_KINDS,
  until,
  world,
  type World,
} from './setup.ts'

const offline = { params: { access_type: 'offline' } }

/** Connects alice's account, from the first click to the stored grant. */
async function connect({ grants }: Pick<World, 'grants'>, options: Parameters<typeof logIn>[1] = {}) {
  const pending = await grants.connect('acme', 'alice', offline)
  const { session } = await grants.complete(await logIn(pending.url, options), pending, { subject: 'alice' })
  return session
}

const subOf = async (response: Response) => ((await response.json()) as { sub?: unknown }).sub

for (const store of STORE_KINDS) {
  test(`a grant works from its login to its end (${store})`, async () => {
    const wire = recordingFetch()
    const made = await world({ store, client: { fetch: wire.fetch } })
    const { provider, grants, client, clock } = made

    const pending = await grants.connect('acme', 'alice', { ...offline, returnTo: '/menu?tab=2' })
    expect(JSON.parse(JSON.stringify(pending))).toEqual(pending)
    const callback = await logIn(pending.url)
    const { session, returnTo } = await grants.complete(callback, JSON.parse(JSON.stringify(pending)), {
      subject: 'alice',
    })
    expect(returnTo).toBe('/menu?tab=2')
    expect(await grants.status('acme', 'alice')).toMatchObject({
      state: 'active',
      renewable: true,
      scope: ['openid', 'email', 'profile'],
    })

    const first = await session.accessToken()
    expect(await subOf(await session.fetch(provider.metadata.userinfo_endpoint))).toBe('alice')
    expect(provider.stats().tokenRequests).toMatchObject({ total: 1, authorization_code: 1 })

    clock.travel(HOUR)
    expect(await subOf(await session.fetch(provider.metadata.userinfo_endpoint))).toBe('alice')
    const second = await session.accessToken()
    expect(second).not.toBe(first)
    expect(provider.stats().tokenRequests).toMatchObject({ total: 2, refresh_token: 1 })

    const third = (await session.refresh()).accessToken
    expect(third).not.toBe(second)
    expect(await session.accessToken()).toBe(third)

    expect(await client.introspect(third)).toMatchObject({ active: true, sub: 'alice', client_id: provider.clientId })
    expect(await client.introspect('never issued')).toEqual({ active: false })
    expect(await client.userInfo(await session.token())).toMatchObject({ sub: 'alice', email: 'alice@example.com' })

    const live = wire.requests.findLast(({ answer }) => answer['refresh_token'] !== undefined)!.answer
    await session.disconnect()
    expect(await grants.status('acme', 'alice')).toBeUndefined()
    await expect(session.token()).rejects.toMatchObject({ code: 'grant_not_found' })
    await until(() => provider.stats().revokeRequests === 1, 'the grant was revoked at the provider')
    await until(async () => !(await client.introspect(third)).active, 'the access token had ended')
    await expect(
      client.refresh({
        accessToken: third,
        refreshToken: String(live['refresh_token']),
        tokenType: 'bearer',
        receivedAt: 0,
      }),
    ).rejects.toMatchObject({ code: 'token_request_error', error: 'invalid_grant' })
    expect(grants.told.map(({ name }) => name)).toEqual(['connected', 'refreshed', 'refreshed', 'disconnected'])
    expect(provider.stats()).toMatchObject({ reuseDetections: 0, revocations: 0 })

    // Connected again, it is another grant.
    expect(await subOf(await (await connect(made)).fetch(provider.metadata.userinfo_endpoint))).toBe('alice')
  })

  test(`a second login that brings no refresh token keeps the stored one, also after rotations (${store})`, async () => {
    const made = await world({ store })
    const { provider, grants, clock } = made
    const sameBrowser = browser()
    const session = await connect(made, { browser: sameBrowser })
    clock.travel(HOUR)
    await session.token()
    const before = await made.record()

    await connect(made, { browser: sameBrowser })
    const after = await made.record()
    expect(after).toMatchObject({ renewable: true, state: 'active' })
    expect(after.id).not.toBe(before.id)
    for (let expiry = 0; expiry < 2; expiry += 1) {
      clock.travel(HOUR)
      expect(await subOf(await session.fetch(provider.metadata.userinfo_endpoint))).toBe('alice')
    }
    expect(provider.stats()).toMatchObject({
      tokenRequests: { authorization_code: 2, refresh_token: 3 },
      redemptions: 3,
      reuseDetections: 0,
    })
    expect(new Set(grants.told.map(({ name }) => name))).toEqual(new Set(['connected', 'refreshed']))
  })

  test(`a login during a refresh keeps the refresh token that the refresh brought (${store})`, async () => {
    const made = await world({ store })
    const { provider, clock } = made
    const sameBrowser = browser()
    const session = await connect(made, { browser: sameBrowser })
    clock.travel(HOUR)
    const order = provider.fault({ kind: 'hang', ms: 150, process: 'first' })
    const refreshing = session.token().catch(() => undefined)
    await until(() => order.served === 1, 'the refresh was out')
    await connect(made, { browser: sameBrowser })
    await refreshing
    clock.travel(HOUR)
    expect(await subOf(await session.fetch(provider.metadata.userinfo_endpoint))).toBe('alice')
    expect(provider.stats()).toMatchObject({ redemptions: 2, reuseDetections: 0, revocations: 0 })
  })
}

test('a login of another user of the provider takes nothing from the stored grant', async () => {
  const made = await world()
  const { provider, grants, clock } = made
  const bobs = browser()
  // Bob has consented before, so this login returns no refresh token.
  await grants.connect('acme', 'bob', offline).then(({ url }) => logIn(url, { browser: bobs, user: 'bob' }))
  await connect(made)
  const session = await connect(made, { browser: bobs, user: 'bob' })
  expect(await subOf(await session.fetch(provider.metadata.userinfo_endpoint))).toBe('bob')
  expect(await made.record()).toMatchObject({ renewable: false })
  clock.travel(HOUR)
  await expect(session.token()).rejects.toMatchObject({ reason: 'no_refresh_token' })
})

test('a callback that comes twice at once is completed once, with one code request', async () => {
  const made = await world({ store: 'SQLite' })
  const { provider, grants, client, clock } = made
  const other = grantsOf(client, { store: sqliteStore(made.file!, { clock }), keys: made.keys!, clock })
  const pending = await grants.connect('acme', 'alice', offline)
  const callback = await logIn(pending.url)
  const results = await Promise.all(
    [grants, other, grants, other].map((each) => each.complete(callback, pending, { subject: 'alice' })),
  )
  expect(results.filter(({ repeated }) => !repeated)).toHaveLength(1)
  expect(new Set(results.map(({ status }) => status.id)).size).toBe(1)
  expect((await grants.complete(callback, pending, { subject: 'alice' })).repeated).toBe(true)
  expect(provider.stats().tokenRequests.total).toBe(1)
  clock.travel(HOUR)
  expect(await subOf(await other.session('acme', 'alice').fetch(provider.metadata.userinfo_endpoint))).toBe('alice')
  await other.close()
})

test('another user’s pending login is refused, and stays usable for that user', async () => {
  const { provider, grants } = await world()
  const pending = await grants.connect('acme', 'alice', offline)
  const callback = await logIn(pending.url)
  await expect(grants.complete(callback, pending, { subject: 'mallory' })).rejects.toMatchObject({
    code: 'wrong_subject',
  })
  expect(await grants.status('acme', 'mallory')).toBeUndefined()
  expect(provider.stats().tokenRequests.total).toBe(0)
  await grants.complete(callback, pending, { subject: 'alice' })
})

test('a callback of another login, with another issuer, or without a code is refused before anything is sent', async () => {
  const { provider, grants } = await world()
  const [pending, others] = [
    await grants.connect('acme', 'alice', offline),
    await grants.connect('acme', 'eve', offline),
  ]
  const callback = new URL(await logIn(pending.url))
  const spoilt = (change: (params: URLSearchParams) => void) => {
    const url = new URL(callback)
    change(url.searchParams)
    return grants.complete(url, pending, { subject: 'alice' })
  }
  const code = (expected: string) => ({ code: expected, retryable: false })
  await expect(grants.complete(callback, others, { subject: 'eve' })).rejects.toMatchObject(code('state_mismatch'))
  await expect(spoilt((params) => params.set('state', ''))).rejects.toMatchObject(code('state_mismatch'))
  await expect(spoilt((params) => params.delete('state'))).rejects.toMatchObject(code('state_mismatch'))
  await expect(spoilt((params) => params.set('iss', 'https://evil.example'))).rejects.toMatchObject(
    code('issuer_mismatch'),
  )
  await expect(spoilt((params) => params.delete('code'))).rejects.toMatchObject(code('missing_code'))
  await expect(spoilt((params) => params.append('code', 'x'))).rejects.toMatchObject(code('duplicate_parameter'))
  expect(provider.stats().tokenRequests.total).toBe(0)
  await grants.complete(callback, pending, { subject: 'alice' })
})

test('a pending login is refused after fifteen minutes', async () => {
  const { provider, grants, clock } = await world()
  const pending = await grants.connect('acme', 'alice', offline)
  const callback = await logIn(pending.url)
  clock.travel(15 * 60_000 + 1000)
  await expect(grants.complete(callback, pending, { subject: 'alice' })).rejects.toMatchObject({
    code: 'expired_login',
  })
  expect(provider.stats().tokenRequests.total).toBe(0)
})

test('a user who declines is reported as such, and an earlier grant is not changed', async () => {
  const made = await world()
  const { grants, provider, clock } = made
  const session = await connect(made)
  const before = await made.record()
  const pending = await grants.connect('acme', 'alice', { params: { access_type: 'offline', prompt: 'consent' } })
  const callback = await logIn(pending.url, { decision: 'deny' })
  await expect(grants.complete(callback, pending, { subject: 'alice' })).rejects.toMatchObject({
    name: 'AuthorizationError',
    code: 'authorization_error',
    error: 'access_denied',
    retryable: false,
  })
  expect(await made.record()).toEqual(before)
  clock.travel(HOUR)
  expect(await subOf(await session.fetch(provider.metadata.userinfo_endpoint))).toBe('alice')
})

test('a grant that the user revoked at the provider ends after one refresh, until the next login', async () => {
  const made = await world()
  const { provider, clock, grants, client } = made
  const session = await connect(made)
  await client.revoke((await session.token()).accessToken, 'access_token')
  clock.travel(HOUR / 2)
  const calls = Array.from({ length: 20 }, () => session.fetch(provider.metadata.userinfo_endpoint))
  for (const result of await Promise.allSettled(calls)) {
    expect(result).toMatchObject({
      status: 'rejected',
      reason: { code: 'reauthorization_required', reason: 'revoked' },
    })
  }
  expect(provider.stats().tokenRequests.refresh_token).toBe(1)
  expect(grants.told.map(({ name }) => name)).toEqual(['connected', 'reauthorization_required'])
  expect(await subOf(await (await connect(made)).fetch(provider.metadata.userinfo_endpoint))).toBe('alice')
  clock.travel(HOUR)
  expect(await subOf(await session.fetch(provider.metadata.userinfo_endpoint))).toBe('alice')
})

test('complete() takes a relative URL, parameters, a request or a form post', async () => {
  const made = await world()
  const forms: readonly ((callback: string) => string | URL | URLSearchParams | Request)[] = [
    (callback) => new URL(callback).pathname + new URL(callback).search,
    (callback) => new URL(callback).searchParams,
    (callback) => new Request(callback.replace('http://localhost:3000', 'https://public.example/app')),
    (callback) => new Request('http://10.0.0.1/internal', { method: 'POST', body: new URL(callback).searchParams }),
  ]
  for (const form of forms) {
    const pending = await made.grants.connect('acme', 'alice', offline)
    const { session } = await made.grants.complete(form(await logIn(pending.url)), pending, { subject: 'alice' })
    expect(await subOf(await session.fetch(made.provider.metadata.userinfo_endpoint))).toBe('alice')
  }
})

test('a session without a store has refresh, status, events and disconnect like one of Grants', async () => {
  const made = await world()
  const { provider, clock } = made
  const [grant] = await provider.mint()
  const saved: unknown[] = []
  const session = new OAuth2Session(made.client, {
    token: grant!,
    onToken: (token) => void saved.push(token),
    policy: POLICY,
  })
  const events: string[] = []
  session.on('refreshed', ({ cause }) => void events.push(cause))
  session.on('disconnected', () => void events.push('disconnected'))
  expect(await session.accessToken()).toBe(grant!.access_token)
  clock.travel(HOUR)
  await Promise.all(Array.from({ length: 100 }, () => session.fetch(provider.metadata.userinfo_endpoint)))
  await session.refresh()
  expect(await session.status()).toMatchObject({ state: 'active', renewable: true })
  expect(saved).toHaveLength(2)
  await session.disconnect()
  await until(() => provider.stats().revokeRequests === 1, 'the grant was revoked')
  expect(events).toEqual(['spent', 'manual', 'disconnected'])
  // What was handed to onToken last is what the provider ended.
  await expect(made.client.refresh(saved[1] as never)).rejects.toMatchObject({ error: 'invalid_grant' })
  expect(provider.stats()).toMatchObject({ redemptions: 2, reuseDetections: 0 })
  await session.close()
})
