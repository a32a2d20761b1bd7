import { expect, test } from 'vitest'
import type { Fault, FaultTarget, PlainFaultKind } from '../../provider/src/index.ts'
import { OAuth2Client } from '../../src/client/oauth2-client.ts'
import { isEvergrantError } from '../../src/model/errors.ts'
import { expectations } from './fault-expectations.ts'
import { clientOf, grantsOf, HOUR, logIn, POLICY, provide, TIMEOUT_MS, until, world, type World } from './setup.ts'

/** Every fault that ends automatically, once each. */
const faults = Object.values(expectations)
  .flatMap((variants) => Object.values(variants))
  .map(({ fault }) => fault)
  .filter((fault) => typeof fault === 'string' || fault.kind !== 'hang')
const named = [...new Map(faults.map((fault) => [typeof fault === 'string' ? fault : JSON.stringify(fault), fault]))]

const offline = { params: { access_type: 'offline', prompt: 'consent' } }

async function connect({ grants }: Pick<World, 'grants'>): Promise<void> {
  const pending = await grants.connect('acme', 'alice', offline)
  await grants.complete(await logIn(pending.url), pending, { subject: 'alice' })
}

/** Faults that succeed although the response is odd. A first ID token may name any subject. */
const TOLERATED =
  /wrong_content_type|form_encoded|expires_in|token_type_missing|refresh_token_missing|"flaw":"(signature|subject)"/

test.for(named)(
  'a login whose code exchange meets %s fails cleanly or succeeds, and an earlier grant stays active',
  async ([name, fault]) => {
    const made = await world()
    const { grants, provider, clock } = made
    await connect(made)
    const before = await made.record()
    const pending = await grants.connect('acme', 'alice', offline)
    const callback = await logIn(pending.url)
    provider.fault(fault, { on: 'authorization_code' })
    const outcome = await grants.complete(callback, pending, { subject: 'alice' }).catch((error: unknown) => error)
    if (TOLERATED.test(name)) expect(outcome).not.toBeInstanceOf(Error)
    else {
      expect(isEvergrantError(outcome)).toBe(true)
      expect((outcome as { code: string }).code).toMatch(
        /^(provider_unavailable|token_request_error|token_response_error)$/,
      )
      expect(await made.record()).toEqual(before)
      // A code is used once; after a failure the user begins again.
      await expect(grants.complete(callback, pending, { subject: 'alice' })).rejects.toMatchObject({
        code: 'already_used',
      })
    }
    expect(provider.stats().tokenRequests.authorization_code).toBe(2)
    const session = grants.session('acme', 'alice')
    expect((await session.fetch(provider.metadata.userinfo_endpoint)).status).toBe(200)
    if ((await made.record()).renewable) {
      clock.travel(HOUR)
      // A user who logged in with another subject differs from the user of the next ID token.
      if (name.includes('subject'))
        await expect(session.refresh()).rejects.toMatchObject({ reason: 'identity_changed' })
      else await session.refresh()
    }
    await connect(made)
    expect((await session.fetch(provider.metadata.userinfo_endpoint)).status).toBe(200)
  },
)

test.for(named)('client credentials that meet %s are requested again, once for all callers', async ([name, fault]) => {
  const made = await world()
  const { provider, clock } = made
  const grants = grantsOf(clientOf(provider, { clock, timeoutMs: TIMEOUT_MS, scope: [] }), {
    clock,
    policy: POLICY,
    obtain: { acme: (acme) => acme.clientCredentials() },
  })
  const session = grants.session('acme', 'service')
  provider.fault(fault, { on: 'client_credentials' })
  const results = await Promise.allSettled(Array.from({ length: 20 }, () => session.accessToken()))
  expect(provider.stats().tokenRequests.total).toBe(1)
  expect(new Set(results.map(({ status }) => status)).size).toBe(1)
  for (const result of results)
    if (result.status === 'rejected') expect(isEvergrantError(result.reason), name).toBe(true)
  // No user can log in for a service, so its grant never ends.
  expect(await grants.status('acme', 'service')).toMatchObject({ state: 'active' })
  let token: string | undefined
  for (let round = 0; token === undefined && round < 4; round += 1) {
    clock.travel(2 * HOUR)
    token = await session.accessToken().catch(() => undefined)
  }
  expect(token).toBeTypeOf('string')
  expect(await grants.status('acme', 'service')).not.toHaveProperty('lastError')
  await grants.close()
})

test('a provider that can’t be discovered yet ends no grant, and is asked again', async () => {
  const made = await world()
  const { provider, clock } = made
  const [grant] = await provider.mint()
  const client = new OAuth2Client({
    provider: { name: 'acme', server: provider.url },
    clientId: provider.clientId,
    clientSecret: provider.clientSecret,
    clock,
  })
  const grants = grantsOf(client, { clock, policy: POLICY })
  const session = await grants.save('acme', 'alice', { ...grant!, expires_in: 0 })
  // Both well-known addresses are tried each time.
  const order = provider.fault('server_error', { on: 'discovery', times: 4 })
  for (let attempt = 0; attempt < 2; attempt += 1) {
    await expect(session.token()).rejects.toMatchObject({ code: 'discovery_error', retryable: true, status: 503 })
  }
  expect(order.remaining).toBe(0)
  expect(await grants.status('acme', 'alice')).toMatchObject({ state: 'active' })
  expect(await session.accessToken()).not.toBe(grant!.access_token)
  // Earlier metadata is used while it cannot be loaded again.
  provider.fault('server_error', { on: 'discovery', times: Infinity })
  clock.travel(HOUR)
  expect(await session.accessToken()).toBeTypeOf('string')
  expect(provider.stats()).toMatchObject({ redemptions: 2, reuseDetections: 0 })
  await grants.close()
})

test('userinfo that rejects the token once with 401 is asked again with a new one', async () => {
  const { provider, grants, clock } = await world()
  const [grant] = await provider.mint()
  const session = await grants.save('acme', 'alice', grant!)
  clock.travel(HOUR / 2)
  const order = provider.fault('unauthorized')
  expect((await session.fetch(provider.metadata.userinfo_endpoint)).status).toBe(200)
  expect(order.served).toBe(1)
  expect(provider.stats()).toMatchObject({ redemptions: 1, userInfoRequests: 2 })
  expect(grants.told).toMatchObject([{ name: 'refreshed', event: { cause: 'rejected' } }])
})

test.for<[Fault | PlainFaultKind, number]>([
  ['server_error', 503],
  ['rate_limited', 429],
])(
  'a resource that responds with %s causes no refresh, and its response is returned to the caller',
  async ([fault, status]) => {
    const { provider, grants } = await world()
    const [grant] = await provider.mint()
    const session = await grants.save('acme', 'alice', grant!)
    provider.fault(fault, { on: 'userinfo' })
    expect((await session.fetch(provider.metadata.userinfo_endpoint)).status).toBe(status)
    expect(provider.stats()).toMatchObject({ redemptions: 0, userInfoRequests: 1 })
  },
)

test('a disconnected grant is gone here at once, and is revoked at the provider as soon as that is possible', async () => {
  const { provider, grants, clock, client } = await world()
  const [grant] = await provider.mint()
  const session = await grants.save('acme', 'alice', grant!)
  const order = provider.fault('server_error', { on: 'revocation', times: 3 })
  await session.disconnect()
  expect(await grants.status('acme', 'alice')).toBeUndefined()
  for (let attempt = 1; attempt <= 3; attempt += 1) {
    await until(() => order.served === attempt, `attempt ${attempt} to revoke`)
    expect((await client.introspect(grant!.refresh_token)).active).toBe(true)
    clock.travel(5000)
  }
  await until(async () => !(await client.introspect(grant!.refresh_token)).active, 'it was revoked')
  expect(provider.stats().revokeRequests).toBe(4)
})

test.for<[FaultTarget, (client: OAuth2Client, token: string) => Promise<unknown>]>([
  ['introspection', (client, token) => client.introspect(token)],
  ['userinfo', (client, token) => client.userInfo({ accessToken: token, tokenType: 'bearer' })],
  ['revocation', (client, token) => client.revoke(token)],
])('every fault at %s is an error of the family, and the next call works', async ([on, call]) => {
  const provider = await provide()
  const client = clientOf(provider)
  const [grant] = await provider.mint()
  for (const [name, fault] of named) {
    const order = provider.fault(fault, { on })
    const outcome = await call(client, grant!.access_token).catch((error: unknown) => error)
    // Faults of token responses change nothing elsewhere.
    if (outcome instanceof Error) expect(isEvergrantError(outcome), name).toBe(true)
    expect(order.served, name).toBe(1)
  }
  const [fresh] = await provider.mint()
  await call(client, fresh!.access_token)
})
