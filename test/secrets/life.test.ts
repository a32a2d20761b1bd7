import { expect, test } from 'vitest'
import { Grants } from '../../src/grants.ts'
import { OAuth2Session } from '../../src/session.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { expectations } from '../integration/fault-expectations.ts'
import { HOUR, POLICY, until } from '../integration/setup.ts'
import { begin, bytesOf, connect, LIFETIME_MS, mint, stage } from './setup.ts'

test('a grant shows no secret from login to revocation: in logs, events, telemetry, inspect, statuses and the file', async () => {
  const onStage = await stage()
  const { client, clock, grants, keys, out, planted, provider, run, store, file } = onStage
  const look = async (): Promise<void> => {
    for (const [name, value] of Object.entries({ client, grants, keys, store, session })) out(name, value)
    out('status', await grants.status('acme', 'alice'))
    for await (const status of grants.list()) out('list', status)
    expect(planted.leaksIn(bytesOf(file))).toEqual([])
  }
  const { pending, callback } = await begin(onStage)
  const { session } = await grants.complete(callback, pending, { subject: 'alice' })
  await look()
  out('token', await session.token(), { json: false })
  const first = await session.accessToken()
  expect((await session.fetch(provider.metadata.userinfo_endpoint)).status).toBe(200)
  clock.travel(LIFETIME_MS - POLICY.spentMs - 1000)
  await session.token()
  await until(() => grants.told.some(({ name }) => name === 'refreshed'), 'the token of the early refresh was saved')
  expect(provider.stats().redemptions).toBe(1)
  await look()
  clock.travel(LIFETIME_MS / 2)
  await session.token({ rejected: await session.accessToken() })
  clock.travel(LIFETIME_MS)
  await Promise.all(Array.from({ length: 50 }, () => session.fetch(provider.metadata.userinfo_endpoint)))
  await session.refresh()
  await look()
  await run('introspection', () => client.introspect(first))
  await run('user info', async () => client.userInfo(await session.token()))
  await connect(onStage)
  await look()
  // The token of a direct exchange, and its uses.
  const again = await begin(onStage)
  const token = await client.exchangeCode(again.callback, again.pending)
  out('token', token, { json: false })
  const refreshed = await client.refresh(token)
  out('token', refreshed, { json: false })
  await client.revoke(refreshed)
  await session.disconnect()
  await until(() => provider.stats().revokeRequests === 2, 'the grant was revoked')
  await run('gone', () => session.token())
  await look()
  expect(await onStage.outTelemetry()).toBeGreaterThan(10)
  await grants.close()
  await run('closed', async () => grants.session('acme', 'nobody').token())
  expect(planted.leaksIn(bytesOf(file))).toEqual([])

  // All secrets were planted, and there was output to search.
  const labels = [
    'client secret',
    'secret of a request',
    'code',
    'code verifier',
    'refresh_token',
    'access_token',
    'id_token',
    'sealing',
  ]
  for (const label of labels) {
    expect(planted.values(label), label).not.toEqual([])
  }
  expect(onStage.lines).toBeGreaterThan(10)
  expect(onStage.leaks()).toEqual([])
})

/** The claims of a user belong to the caller. */
const quietly = (): undefined => undefined

test('no fault of the provider shows a secret, at refreshes, code exchanges and client credentials', async () => {
  const onStage = await stage()
  const { clock, client, grants, out, planted, provider, run, file } = onStage
  const service = new Grants({
    clients: { acme: client },
    obtain: { acme: (acme) => acme.clientCredentials() },
    clock,
    logger: onStage.logger,
    policy: POLICY,
  })
  onStage.observe(service)
  // One of each kind, and every flaw of an ID token.
  const faults = Object.entries(expectations).flatMap(([kind, variants]) => {
    const all = Object.values(variants).map(({ fault }) => fault)
    return kind === 'id_token_invalid' ? all : all.slice(0, 1)
  })
  const failures: Record<string, string[]> = {}
  for (const [index, fault] of faults.entries()) {
    const kind = typeof fault === 'string' ? fault : fault.kind
    const session = await mint(onStage, `user ${index}`, { expires_in: 0 })
    for (const on of [
      'refresh',
      'authorization_code',
      'client_credentials',
      'introspection',
      'userinfo',
      'revocation',
    ] as const) {
      provider.fault(fault, { on })
    }
    const { pending, callback } = await begin(onStage, 'bob')
    const tryOut = async (at: string, work: () => Promise<unknown>): Promise<void> => {
      if ((await run(`${kind} at ${at}`, work)) instanceof Error) (failures[at] ??= []).push(kind)
    }
    await tryOut('refresh', () => session.token())
    await run(`${kind} at refresh, again`, () => session.refresh())
    await tryOut('log-in', () => grants.complete(callback, pending, { subject: 'bob' }))
    await tryOut('client credentials', () => service.session('acme', `service ${index}`).token())
    await tryOut('introspection', () => client.introspect(planted.values('access_token')[0] ?? 'none').then(quietly))
    await tryOut('user info', async () => client.userInfo(await session.token()).then(quietly))
    await grants.disconnect('acme', `user ${index}`)
    provider.clearFaults()
    out('status', await grants.status('acme', 'bob'))
  }
  for await (const status of grants.list()) out('list', status)
  // These operations have to fail. Otherwise the test would not have met the fault.
  const always = [
    'server_error',
    'rate_limited',
    'drop_before',
    'error_200',
    'empty_400',
    'invalid_grant',
    'invalid_client',
    'oauth_error',
    'drop_after',
    'truncated',
    'malformed',
  ]
  for (const at of ['refresh', 'log-in', 'client credentials', 'introspection', 'user info'])
    expect(failures[at], at).toEqual(expect.arrayContaining(always))
  for (const at of ['refresh', 'log-in', 'client credentials']) expect(failures[at], at).toContain('token_type_odd')
  // A subject, issuer or audience that differs from the grant's. A login has none yet.
  for (const at of ['refresh', 'log-in'])
    expect(failures[at]?.filter((kind) => kind === 'id_token_invalid').length, at).toBeGreaterThanOrEqual(3)
  expect(planted.size).toBeGreaterThan(100)
  expect(await onStage.outTelemetry()).toBeGreaterThan(100)
  expect(planted.leaksIn(bytesOf(file))).toEqual([])
  expect(onStage.leaks()).toEqual([])
  await service.close()
})

test('a session alone shows no secret either if its updater, its listeners and its obtain function throw one', async () => {
  const onStage = await stage()
  const { client, clock, out, planted, provider, run } = onStage
  const [grant] = await provider.mint({ idToken: true })
  for (const value of [grant!.access_token, grant!.refresh_token, grant!.id_token]) planted.add('minted', value)
  let refused = 0
  const session = new OAuth2Session(client, {
    token: grant!,
    onToken: (token) => {
      refused += 1
      if (refused < 3) throw new Error(`the database says no to ${JSON.stringify(token)}`)
    },
    policy: POLICY,
  })
  onStage.observe(session)
  for (const name of ['refreshed', 'save_delayed', 'disconnected'] as const) {
    session.on(name, (event) => {
      out(name, event)
      throw new Error(planted.values().join(' '))
    })
  }
  out('session', session)
  clock.travel(HOUR)
  await run('token', () => session.token())
  await run('refresh', () => session.refresh())
  await until(() => refused >= 3, 'the updater took the token')
  out('session', session)
  out('status', await session.status())
  await session.disconnect()
  await session.close()

  const failing = new OAuth2Session(client, {
    obtain: (acme) => acme.clientCredentials({ scope: 'openid' }),
    policy: POLICY,
  })
  onStage.sabotage = ({ everything }) => Promise.reject(new TypeError(`fetch failed ${everything}`))
  onStage.observe(failing)
  await run('obtain', () => failing.token())
  out('failing session', failing)
  expect(await onStage.outTelemetry()).toBeGreaterThan(5)
  expect(onStage.leaks()).toEqual([])
})

test('a memory store holds tokens in clear and does not show them', async () => {
  const onStage = await stage()
  const { client, clock, out, provider, planted } = onStage
  const store = memoryStore({ clock })
  const grants = new Grants({ clients: { acme: client }, store, clock, policy: POLICY })
  const [grant] = await provider.mint({ idToken: true })
  for (const value of [grant!.access_token, grant!.refresh_token, grant!.id_token]) planted.add('minted', value)
  const session = await grants.save('acme', 'alice', grant!)
  await session.refresh()
  for (const value of [store, grants, session]) out('object', value)
  expect(onStage.leaks()).toEqual([])
})
