import { readFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import type { IdTokenFlaw } from '../../provider/src/index.ts'
import { OAuth2Client } from '../../src/client/oauth2-client.ts'
import { isEvergrantError, ReauthorizationRequiredError } from '../../src/model/errors.ts'
import type { OAuth2Session } from '../../src/session.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { dead, expectations, type Expectation } from './fault-expectations.ts'
import {
  clientOf,
  grantsOf,
  HOUR,
  POLICY,
  provide,
  STORE_KINDS,
  TIMEOUT_MS,
  until,
  world,
  type StoreKind,
  type World,
} from './setup.ts'
import { travellingClock } from './travelling-clock.ts'

const cases = Object.entries(expectations).flatMap(([kind, variants]) =>
  Object.entries(variants).map(([variant, expectation]) => ({ kind, title: `${kind} ${variant}`, expectation })),
)

async function prepared(expectation: Expectation, store: StoreKind) {
  const made = await world({
    store,
    ...(expectation.provider !== undefined && { provider: expectation.provider }),
    ...(expectation.refresh !== undefined && { refresh: expectation.refresh }),
  })
  const [grant] = await made.provider.mint({ user: 'alice', idToken: true })
  const session = await made.grants.save('acme', 'alice', grant!)
  const old = (await session.token()).accessToken
  return { made, session, old }
}

/** A caller that retries after the time in the error. */
async function comingBack({ clock }: Pick<World, 'clock'>, session: OAuth2Session): Promise<string> {
  for (let round = 0; ; round += 1) {
    try {
      return await session.accessToken()
    } catch (error) {
      if (round === 4 || !isEvergrantError(error) || error instanceof ReauthorizationRequiredError) throw error
      clock.travel(error.retryAfterMs ?? 1300)
    }
  }
}

async function expectUsable({ provider, record }: World, session: OAuth2Session): Promise<void> {
  const authorization = `Bearer ${await session.accessToken()}`
  const response = await fetch(provider.metadata.userinfo_endpoint, { headers: { authorization } })
  expect(response.status).toBe(200)
  expect(await response.json()).toMatchObject({ sub: 'alice' })
  expect(await record()).toMatchObject({ state: 'active', failures: undefined, lease: undefined, intent: undefined })
}

async function expectSurvival(
  made: World,
  session: OAuth2Session,
  old: string,
  { survival }: Expectation,
): Promise<void> {
  const { clock, grants, provider, record } = made
  if (survival === 'dead: answer_lost') {
    await expect(comingBack(made, session)).rejects.toMatchObject({
      code: 'reauthorization_required',
      reason: 'answer_lost',
    })
    expect(await record()).toMatchObject(dead('answer_lost'))
    expect(provider.stats()).toMatchObject({ reuseDetections: 1, revocations: 1, tokenRequests: { refresh_token: 2 } })
    return
  }
  if (survival === 'by recheck') {
    await expect(comingBack(made, session)).rejects.toMatchObject({ code: 'reauthorization_required' })
    expect(await grants.recheck({ client: 'acme' })).toBe(1)
  }
  const next = await comingBack(made, session)
  expect(next).not.toBe(old)
  await expectUsable(made, session)
  clock.travel(HOUR)
  const { expiresAt } = await record()
  // A token of unknown or absurd lifetime is used until an API rejects it.
  const lives = expiresAt === undefined || expiresAt > clock.now()
  expect(lives ? (await session.refresh()).accessToken : await comingBack(made, session)).not.toBe(next)
  await expectUsable(made, session)
  expect(provider.stats()).toMatchObject({ reuseDetections: 0, revocations: 0 })
}

/** Asks for a token while the fault is at work. */
async function askDuring(
  expectation: Expectation,
  { clock, provider }: World,
  session: OAuth2Session,
): Promise<string> {
  const order = provider.fault(expectation.fault, { on: 'refresh' })
  const asked = session.accessToken()
  asked.catch(() => undefined)
  await until(() => order.served === 1, 'the fault met the refresh')
  if (expectation.pastDeadline === true) clock.travel(TIMEOUT_MS)
  return asked
}

for (const { title, expectation } of cases) {
  test(`${title}: a caller whose token is valid gets a token`, async () => {
    const { made, session, old } = await prepared(expectation, 'memory')
    const { clock, record, grants } = made
    clock.travel(HOUR - POLICY.spentMs)
    const got = await askDuring(expectation, made, session)
    expect(got === old).toBe(expectation.caller !== 'new token')
    expect(await record()).toMatchObject(expectation.record)
    await expectation.check?.(made, session)
    const [names, last] = expectation.told
    expect(grants.told[0]).toMatchObject({ name: names[0], event: last ?? {} })
    clock.travel(HOUR)
    await expectSurvival(made, session, old, expectation)
    expect(grants.told.map(({ name }) => name).slice(0, 2)).toEqual(names)
  })

  for (const store of STORE_KINDS) {
    test(`${title}: a caller whose token has expired gets the expected error (${store})`, async () => {
      const { made, session, old } = await prepared(expectation, store)
      made.clock.travel(HOUR)
      const asked = askDuring(expectation, made, session)
      if (expectation.caller === 'new token') expect(await asked).not.toBe(old)
      else await expect(asked).rejects.toMatchObject(expectation.caller)
      expect(await made.record()).toMatchObject(expectation.record)
      await expectation.check?.(made, session)
      await expectSurvival(made, session, old, expectation)
    })
  }
}

test('a manual refresh rejects with the failure also while the token is valid, and callers keep getting the token', async () => {
  const { provider, grants, record } = await world()
  const [grant] = await provider.mint()
  const session = await grants.save('acme', 'alice', grant!)
  provider.fault('server_error')
  await expect(session.refresh()).rejects.toMatchObject({ code: 'provider_unavailable', status: 503 })
  expect(await session.accessToken()).toBe(grant!.access_token)
  expect(await record()).toMatchObject({ state: 'active', failures: { count: 1 } })
  // It passes the back-off once.
  expect((await session.refresh()).accessToken).not.toBe(grant!.access_token)
})

test('an early refresh that fails affects no caller, and is tried again', async () => {
  const { provider, grants, clock } = await world()
  const [grant] = await provider.mint()
  const session = await grants.save('acme', 'alice', grant!)
  clock.travel(HOUR - 290_000)
  const order = provider.fault('server_error')
  expect(await session.accessToken()).toBe(grant!.access_token)
  await until(() => grants.told.length === 1, 'the early refresh failed')
  expect(order.served).toBe(1)
  expect(await session.accessToken()).toBe(grant!.access_token)
  clock.travel(1300)
  expect(await session.accessToken()).toBe(grant!.access_token)
  await until(() => grants.told.length === 2, 'the early refresh was tried again')
  expect(grants.told[1]).toMatchObject({ name: 'refreshed', event: { cause: 'early' } })
  expect(await session.accessToken()).not.toBe(grant!.access_token)
})

test('a process does not send a refresh token while another one’s request with it may be in flight', async () => {
  const made = await world({ store: 'SQLite' })
  const { provider, grants, client, clock, store } = made
  const [grant] = await provider.mint()
  const session = await grants.save('acme', 'alice', { ...grant!, expires_in: 0 })
  const other = grantsOf(client, { store, keys: made.keys!, clock, policy: POLICY })
  provider.fault('drop_before')
  await expect(session.token()).rejects.toMatchObject({ maybeProcessed: true })
  for (const force of [false, true]) {
    const there = other.session('acme', 'alice')
    await expect(force ? there.refresh() : there.token()).rejects.toMatchObject({ retryable: true })
  }
  expect(provider.stats().tokenRequests.refresh_token).toBe(1)
  clock.travel(POLICY.leaseMs + POLICY.settleMs)
  const [here, there] = await Promise.all([session.accessToken(), other.session('acme', 'alice').accessToken()])
  expect(here).toBe(there)
  expect(provider.stats()).toMatchObject({ redemptions: 1, reuseDetections: 0, tokenRequests: { refresh_token: 2 } })
})

test('one kind of fault after the other ends no grant where no response is lost', async () => {
  const { provider, grants, clock, record } = await world({ store: 'SQLite' })
  const [grant] = await provider.mint({ idToken: true })
  const session = await grants.save('acme', 'alice', { ...grant!, expires_in: 0 })
  const harmless = cases.filter(({ expectation }) => {
    const { survival, pastDeadline, provider, refresh } = expectation
    return survival === 'by itself' && pastDeadline !== true && provider === undefined && refresh === undefined
  })
  let last = ''
  for (const { kind, expectation } of harmless) {
    const order = provider.fault(expectation.fault, { on: 'refresh' })
    // The fault, and what it needs: to come back after a back-off, and after a lifetime of none or of ten years.
    const token = await comingBack({ clock }, session).catch((error: unknown) => error)
    expect(order.served, kind).toBe(1)
    expect(token, kind).toBeTypeOf('string')
    expect(token, kind).not.toBe(last)
    last = String(token)
    const { expiresAt } = await record()
    if (expiresAt === undefined || expiresAt > clock.now() + HOUR) await session.refresh()
    clock.travel(HOUR)
  }
  expect(harmless.length).toBeGreaterThan(20)
  expect(provider.stats()).toMatchObject({ faults: harmless.length, reuseDetections: 0, revocations: 0 })
  expect(await record()).toMatchObject({ state: 'active' })
})

test('in real time, a request that hangs forever is given up and sent again automatically', async () => {
  const provider = await provide({ rotate: true })
  const client = clientOf(provider, { timeoutMs: 300 })
  const grants = grantsOf(client, { policy: { leaseMs: 600, settleMs: 400 } })
  const [grant] = await provider.mint()
  const session = await grants.save('acme', 'alice', { ...grant!, expires_in: 0 })
  provider.fault('hang')
  await expect(session.token()).rejects.toMatchObject({ code: 'provider_unavailable', maybeProcessed: true })
  let token: string | undefined
  await until(async () => {
    token = await session.accessToken().catch(() => undefined)
    return token !== undefined
  }, 'the grant was refreshed')
  expect(token).not.toBe(grant!.access_token)
  expect(provider.stats()).toMatchObject({ redemptions: 1, reuseDetections: 0 })
  await grants.close()
})

test('a provider that can’t be reached causes no settle time, and the grant is refreshed when it is back', async () => {
  const provider = await provide({ rotate: true, accessTokenLifetimeMs: HOUR })
  // Whether anybody listens is up to this door before the provider.
  const door = createServer((socket) => {
    const inner = connect(Number(new URL(provider.url).port), '127.0.0.1')
    socket.pipe(inner).pipe(socket)
    for (const each of [socket, inner]) each.on('error', () => [socket, inner].forEach((one) => one.destroy()))
  })
  const open = (port: number) => new Promise<void>((resolve) => void door.listen(port, '127.0.0.1', resolve))
  await open(0)
  const { port } = door.address() as AddressInfo
  const shut = () => new Promise((resolve) => void door.close(resolve))
  const clock = travellingClock()
  const client = new OAuth2Client({
    provider: { name: 'acme', server: { token_endpoint: `http://127.0.0.1:${port}/token` } },
    clientId: provider.clientId,
    clientSecret: provider.clientSecret,
    // One connection for each request, because an idle one that the server closes may lose a request.
    fetch: (input, init) => fetch(input, { ...init, headers: { ...(init?.headers as object), connection: 'close' } }),
    clock,
  })
  const store = memoryStore({ clock })
  const grants = grantsOf(client, { store, clock, policy: POLICY })
  const [grant] = await provider.mint()
  const session = await grants.save('acme', 'alice', { ...grant!, expires_in: 0 })
  const first = await session.accessToken()

  await shut()
  clock.travel(HOUR)
  await expect(session.token()).rejects.toMatchObject({ code: 'provider_unavailable', maybeProcessed: false })
  const { record } = await store.read({ client: 'acme', subject: 'alice', account: '' })
  expect(record).toMatchObject({ state: 'active', lease: undefined, intent: { open: false, everUnknown: false } })
  await open(port)
  // The ordinary back-off, which a person may pass.
  const second = (await session.refresh()).accessToken
  expect(second).not.toBe(first)
  expect(provider.stats()).toMatchObject({ redemptions: 2, reuseDetections: 0, tokenRequests: { total: 2 } })
  await grants.close()
  await shut()
})

test('every kind of fault of the provider has a case here', () => {
  const source = readFileSync(new URL('../../provider/src/faults/fault.ts', import.meta.url), 'utf8')
  const kinds = new Set([...source.matchAll(/readonly kind: '(\w+)'/g)].map(([, kind]) => kind!))
  expect(kinds.size).toBeGreaterThan(20)
  const met = Object.entries(expectations).flatMap(([kind, variants]) =>
    Object.keys(variants).length > 0 ? [kind] : [],
  )
  expect(met.sort()).toEqual([...kinds].sort())
  for (const { kind, expectation } of cases) {
    expect(typeof expectation.fault === 'string' ? expectation.fault : expectation.fault.kind).toBe(kind)
  }
})

test('every flaw of an ID token that the provider can make has a case here', () => {
  const flaws: Record<IdTokenFlaw, true> = {
    unparsable: true,
    signature: true,
    issuer: true,
    audience: true,
    subject: true,
    expired: true,
  }
  const met = Object.values(expectations.id_token_invalid).map(({ fault }) => (fault as { flaw: string }).flaw)
  expect(met.sort()).toEqual(Object.keys(flaws).sort())
})
