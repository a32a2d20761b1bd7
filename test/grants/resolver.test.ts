import { describe, expect, test } from 'vitest'
import { OAuth2Client, type OAuth2ClientOptions } from '../../src/client/oauth2-client.ts'
import { Grants } from '../../src/grants.ts'
import { ClientHealth, ClientHealths } from '../../src/refresh/client-health.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { fakeClock } from '../../src/testing/fake-clock.ts'
import { settled } from '../refresh/setup.ts'

const HOUR = 3_600_000
const SPENT = { access_token: 'at0', refresh_token: 'rt0', expires_at: 1 }

/** A provider of many tenants' registrations that accepts one secret at a time, and a resolver that gives what a test says. */
function tenants() {
  const clock = fakeClock()
  const store = memoryStore({ clock })
  const state = { accepted: 's1', given: 's1', clientId: 'c1', asked: 0, resolves: true }
  const sent: URLSearchParams[] = []
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const url = String(input instanceof Request ? input.url : input)
    const body = new URLSearchParams(init?.body as URLSearchParams)
    sent.push(body)
    if (body.get('client_secret') !== state.accepted) return Response.json({ error: 'invalid_client' }, { status: 401 })
    if (url.endsWith('/revoke')) return new Response('')
    const count = sent.length
    return Response.json({
      access_token: `at${count}`,
      token_type: 'bearer',
      refresh_token: `rt${count}`,
      expires_in: 3600,
    })
  }
  const server = {
    issuer: 'https://acme.example',
    token_endpoint: 'https://acme.example/token',
    revocation_endpoint: 'https://acme.example/revoke',
  }
  const make = (options: Partial<OAuth2ClientOptions> = {}): OAuth2Client =>
    new OAuth2Client({
      provider: { name: 'acme', server, clientAuth: 'client_secret_post', resourceOrigins: ['https://api.example'] },
      clientId: state.clientId,
      clientSecret: state.given,
      fetch,
      clock,
      ...options,
    })
  const grants = new Grants({
    clients: (name) => {
      state.asked += 1
      return state.resolves && name.startsWith('tenant') ? make() : undefined
    },
    store,
    clock,
  })
  return { clock, grants, make, sent, state, store }
}

describe('clients that are looked up', () => {
  for (const change of ['before the first use', 'while the grant is in memory'] as const) {
    test(`a secret that was changed ${change} is used at the next refresh`, async () => {
      const { clock, grants, state } = tenants()
      const session = await grants.save('tenant', 'u', SPENT)
      if (change !== 'before the first use') await settled(clock, session.token())
      state.accepted = state.given = 's2'
      await clock.advance(HOUR)
      expect((await settled(clock, session.token())).accessToken).toMatch(/^at[1-9]/)
    })
  }

  test('a secret that is wrong for a while backs the grant off, and no longer than five minutes', async () => {
    const { clock, grants, state } = tenants()
    const session = await grants.save('tenant', 'u', SPENT)
    state.accepted = 's2'
    for (let count = 0; count < 20; count += 1) {
      await expect(settled(clock, session.token())).rejects.toThrow()
      await clock.advance(60_000)
    }
    state.given = 's2'
    await clock.advance(300_000 * 1.2)
    expect((await settled(clock, session.token())).accessToken).toMatch(/^at[1-9]/)
  })

  test('a fresh token costs no lookup, and each refresh one', async () => {
    const { clock, grants, state } = tenants()
    const session = await grants.save('tenant', 'u', { ...SPENT, expires_at: clock.now() / 1000 + 3600 })
    await session.token()
    const { asked } = state
    for (let count = 0; count < 50; count += 1) await session.token()
    expect(state.asked).toBe(asked)
    await settled(clock, session.refresh())
    await settled(clock, session.refresh())
    expect(state.asked).toBe(asked + 2)
  })

  test('a login is stored with the client registration that made it, whatever an older session holds', async () => {
    const { clock, grants, sent, state, store } = tenants()
    const old = await grants.save('tenant', 'u', { ...SPENT, expires_at: clock.now() / 1000 + 3600 })
    await old.token()
    state.clientId = 'c2'
    await grants.save('tenant', 'u', { ...SPENT, refresh_token: 'of c2' })
    expect((await store.read({ client: 'tenant', subject: 'u', account: '' })).record!.clientId).toBe('c2')
    await settled(clock, old.token())
    expect(sent.map((body) => [body.get('client_id'), body.get('refresh_token')])).toEqual([['c2', 'of c2']])
  })

  test('a grant of a former client registration is not used', async () => {
    const { clock, grants, sent, state } = tenants()
    const session = await grants.save('tenant', 'u', SPENT)
    state.clientId = 'c2'
    await expect(settled(clock, session.token())).rejects.toMatchObject({ code: 'config_error' })
    expect(sent).toHaveLength(0)
  })

  test('a fresh token of a former client registration is not returned, and the grant stays as it is', async () => {
    const { clock, grants, make, sent, state, store } = tenants()
    await grants.save('tenant', 'u', { ...SPENT, expires_at: clock.now() / 1000 + 3600 })
    state.clientId = 'c2'
    const other = new Grants({ clients: () => make(), store, clock })
    const session = other.session('tenant', 'u')
    for (let count = 0; count < 2; count += 1)
      await expect(settled(clock, session.token())).rejects.toMatchObject({ code: 'config_error' })
    expect(sent).toHaveLength(0)
    expect((await store.read({ client: 'tenant', subject: 'u', account: '' })).record).toMatchObject({
      clientId: 'c1',
      version: 1,
      lease: undefined,
    })
  })

  test('an unknown client is named, and a deletion needs none', async () => {
    const { clock, grants, state, store } = tenants()
    const session = await grants.save('tenant', 'u', SPENT)
    state.resolves = false
    await expect(settled(clock, session.token())).rejects.toThrow(/'tenant'/)
    await settled(clock, grants.disconnect('tenant', 'u'))
    expect((await store.read({ client: 'tenant', subject: 'u', account: '' })).record).toBeUndefined()
    await expect(grants.session('nobody', 'u').token()).rejects.toThrow(/'nobody'/)
  })

  test('one user’s grant that the provider refuses as if it were the client stops no other grant, however often', async () => {
    const { clock, grants, state } = tenants()
    const good = await grants.save('tenant', 'good', SPENT)
    const bad = await grants.save('tenant', 'bad', SPENT)
    state.accepted = 'another'
    for (let count = 0; count < 12; count += 1) {
      await settled(clock, bad.refresh()).catch(() => undefined)
      await clock.advance(1000)
    }
    state.accepted = 's1'
    expect((await settled(clock, good.token(), 1)).accessToken).toMatch(/^at[1-9]/)
  })

  test('a request waits for the client lookup, and goes only to the origins of that client', async () => {
    const { clock, grants } = tenants()
    const session = await grants.save('tenant', 'u', { ...SPENT, expires_at: clock.now() / 1000 + 3600 })
    expect((await session.fetch('https://api.example/x')).status).toBe(401)
    await expect(session.fetch('https://elsewhere.example/x')).rejects.toMatchObject({ code: 'origin_not_allowed' })
  })
})

test('the health of clients in order is forgotten first, that of refused ones last', () => {
  let now = 0
  const healths = new ClientHealths()
  const of = (name: string): ClientHealth =>
    healths.of(name, () => new ClientHealth({ monotonic: () => now }, () => {}))
  const bad = of('bad')
  for (let count = 0; count < 3; count += 1) bad.refused(`g${count}`, 'invalid_client')
  const well = of('well')
  const dying = of('dying')
  dying.died('g', 'invalid_grant')
  for (let count = 0; count < 1500; count += 1) of(`tenant ${count}`)
  expect(of('bad')).toBe(bad)
  expect(of('well')).not.toBe(well)
  expect(of('dying')).toBe(dying)
  now = 60_000
  for (let count = 0; count < 1500; count += 1) of(`other ${count}`)
  expect(of('dying')).not.toBe(dying)
})
