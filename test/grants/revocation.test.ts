import { expect, test } from 'vitest'
import { OAuth2Client } from '../../src/client/oauth2-client.ts'
import { OAuth2Session } from '../../src/session.ts'
import { Grants } from '../../src/grants.ts'
import type { Provider, ServerMetadata } from '../../src/model/provider.ts'
import { generateKey, keyRing } from '../../src/seal/index.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import type { GrantStore } from '../../src/stores/store.ts'
import { fakeClock } from '../../src/testing/fake-clock.ts'
import { FakeServer } from '../refresh/fake-server.ts'
import { settled, wrapStore } from '../refresh/setup.ts'

const b64 = (text: string) => btoa(text).replaceAll('=', '').replaceAll('+', '-').replaceAll('/', '_')
const idToken = (sub: string, iss = 'https://as.example') =>
  [b64('{"alg":"RS256"}'), b64(JSON.stringify({ iss, sub })), 's'].join('.')

const keys = keyRing(`k:${generateKey()}`)

function world(
  ends: 'token' | 'grant' | 'person' | undefined,
  change: (store: GrantStore) => GrantStore = (store) => store,
  more: Partial<Provider> = {},
  answer?: () => Promise<Response>,
) {
  const clock = fakeClock()
  const server = new FakeServer()
  const provider = { ...server.provider, ...(ends !== undefined && { revocation: { ends } }), ...more }
  let revocations = 0
  const client = new OAuth2Client({
    provider,
    clientId: 'c',
    clientSecret: 'client-secret',
    fetch: (input, init) => {
      revocations += 1
      return answer === undefined ? server.fetch(input, init) : answer()
    },
    clock,
  })
  const inner = memoryStore({ clock })
  const grants = new Grants({
    clients: { acme: client },
    store: change(inner),
    keys,
    clock,
  })
  const told: unknown[] = []
  grants.on('disconnected', ({ key, notRevoked }) => void told.push([key.subject, notRevoked]))
  const save = (subject: string, sub?: string, iss?: string) =>
    grants.save('acme', subject, {
      access_token: `at-${subject}`,
      refresh_token: `rt-${subject}`,
      ...(sub !== undefined && { id_token: idToken(sub, iss) }),
    })
  const end = async (subject: string, options?: { revoke?: boolean }) => {
    await grants.disconnect('acme', subject, options)
    await clock.advance(100)
  }
  return { clock, server, client, inner, grants, told, save, end, revoking: () => revocations }
}

test.each(['token', 'grant', undefined] as const)(
  'where a revocation ends the %s, each grant is revoked',
  async (ends) => {
    const { server, save, end, told, inner } = world(ends)
    await save('u1', 'ann')
    await save('u2', 'ann')
    await end('u1')
    expect([server.revoked, told]).toEqual([['rt-u1'], [['u1', undefined]]])
    for await (const document of inner.documents!.list('')) expect(document).toBeUndefined()
  },
)

test('where a revocation ends all grants of a person, only the last one is revoked', async () => {
  const { server, save, end, told, grants, inner } = world('person')
  await save('u1', 'ann')
  await save('u2', 'ann')
  await save('u3', 'bob')
  await save('u4', 'ann', 'https://other.example')
  await end('u1')
  await end('u3')
  await end('u2')
  expect(server.revoked).toEqual(['rt-u3', 'rt-u2'])
  expect(told).toEqual([
    ['u1', 'shared'],
    ['u3', undefined],
    ['u2', undefined],
  ])
  expect(await grants.status('acme', 'u4')).toBeDefined()
  for await (const { name, value } of inner.documents!.list(''))
    expect(`${name} ${value}`).not.toMatch(/acme|as\.example|"ann"/)
})

test('a grant that became another person’s no longer counts, and one that is saved again counts once', async () => {
  const { server, save, end } = world('person')
  await save('u1', 'ann')
  await save('u1', 'ann')
  await save('u2', 'ann')
  await save('u2', 'bob')
  await end('u1')
  expect(server.revoked).toEqual(['rt-u1'])
})

test('a login that is being saved counts already, and one that was never saved stops counting', async () => {
  const failing = { put: false }
  const { server, save, end, clock } = world('person', (store) => {
    const put = store.put.bind(store)
    return Object.assign(store, {
      put: (...args: Parameters<GrantStore['put']>) => (failing.put ? Promise.reject(new Error('down')) : put(...args)),
    })
  })
  await save('u1', 'ann')
  await save('u2', 'ann')
  failing.put = true
  await settled(clock, save('u3', 'ann')).catch(() => undefined)
  await end('u1')
  await end('u2')
  expect(server.revoked).toEqual([])
  failing.put = false
  await save('u4', 'ann')
  await clock.advance(16 * 60_000)
  await end('u4')
  expect(server.revoked).toEqual(['rt-u4'])
})

test.each([true, false])('disconnect() revokes as its option says: revoke %j', async (revoke) => {
  const { server, save, end, told, grants, clock } = world('person')
  await save('u1', 'ann')
  const session = await save('u2', 'ann')
  await end('u1', { revoke })
  await session.disconnect({ revoke })
  await save('u3', 'ann')
  expect(await grants.disconnectSubject('u3', { revoke })).toBe(1)
  await clock.advance(100)
  expect(server.revoked).toEqual(revoke ? ['rt-u1', 'rt-u2', 'rt-u3'] : [])
  expect(told).toEqual(['u1', 'u2', 'u3'].map((subject) => [subject, revoke ? undefined : 'asked']))
})

test('without ID token, without documents, or where these fail, a token may be shared and is not revoked', async () => {
  const unknown = world('person')
  await unknown.save('u1')
  await unknown.end('u1')
  const without = world('person', (store) => wrapStore(store))
  await without.save('u1', 'ann')
  await without.end('u1')
  const failing = { get: false }
  const broken = world('person', (store) => {
    const get = store.documents!.get.bind(store.documents)
    Object.assign(store.documents!, {
      get: (name: string) => (failing.get ? Promise.reject(new Error('down')) : get(name)),
    })
    return store
  })
  await broken.save('u1', 'ann')
  failing.get = true
  await broken.end('u1')
  for (const { server, told, grants } of [unknown, without, broken]) {
    expect([server.revoked, told]).toEqual([[], [['u1', 'shared']]])
    expect(await grants.status('acme', 'u1')).toBeUndefined()
  }
})

test('a session without a store revokes its token', async () => {
  const { client, server, clock } = world('person')
  const session = new OAuth2Session(client, { token: { access_token: 'a', refresh_token: 'rt-alone', expires_in: 60 } })
  await session.disconnect()
  await clock.advance(100)
  expect(server.revoked).toEqual(['rt-alone'])
})

test('of more grants of one person than the list holds, none is taken for the last one', async () => {
  const { clock, server, save, end, inner } = world('person')
  for (let index = 0; index < 303; index += 1) await save(`u${index}`, 'ann')
  await end('u0')
  await end('u301')
  expect(server.revoked).toEqual([])
  // None that the list has is left, but one that it lacks.
  for (let index = 2; index < 302; index += 1) {
    const place = { client: 'acme', subject: `u${index}`, account: '' }
    const { record } = await inner.read(place)
    if (record !== undefined) await inner.delete(place, { id: record.id })
  }
  await clock.advance(16 * 60_000)
  await end('u302')
  expect(server.revoked).toEqual([])
})

test.each(['grant', 'person'] as const)(
  'clients that are looked up: what a revocation ends is the %s',
  async (ends) => {
    const clock = fakeClock()
    const { server, client } = world(ends)
    const keys = { seal: async (text: string) => text, open: async (text: string) => text }
    const store = memoryStore({ clock })
    const grants = new Grants({ clients: (name) => (name === 'acme' ? client : undefined), store, keys, clock })
    const told: unknown[] = []
    grants.on('disconnected', ({ key, notRevoked }) => void told.push([key.client, notRevoked]))
    await grants.save('acme', 'u', { access_token: 'a', refresh_token: 'rt-looked-up' })
    const fresh = new Grants({ clients: (name) => (name === 'acme' ? client : undefined), store, keys, clock })
    fresh.on('disconnected', ({ key, notRevoked }) => void told.push([key.client, notRevoked]))
    await fresh.disconnect('acme', 'u')
    await clock.advance(100)
    expect(told).toEqual([['acme', ends === 'person' ? 'shared' : undefined]])
    expect(server.revoked).toEqual(ends === 'person' ? [] : ['rt-looked-up'])
  },
)

test('a grant of a removed client is deleted, and the event is emitted', async () => {
  const { clock, inner, save } = world(undefined)
  await save('u1')
  const grants = new Grants({ clients: () => Promise.reject(new Error('no tenants now')), store: inner, clock })
  const told: unknown[] = []
  grants.on('disconnected', ({ key }) => void told.push(key.subject))
  await grants.disconnect('acme', 'u1')
  await clock.advance(100)
  expect(told).toEqual(['u1'])
  expect((await inner.read({ client: 'acme', subject: 'u1', account: '' })).record).toBeUndefined()
})

test.each([
  ['another spelling', 'AS.example:443/', {}],
  ['a former name', 'https://old.example/auth', { formerIssuers: ['https://old.example/auth'] }],
])('a person whose issuer goes by %s is the same person', async (_, iss, more) => {
  const { server, save, end, told } = world('person', undefined, more)
  await save('u1', 'ann')
  await save('u2', 'ann', iss)
  await save('u3', 'ann', 'https://stranger.example')
  await end('u2')
  expect(server.revoked).toEqual([])
  await end('u3')
  expect(server.revoked).toEqual(['rt-u3'])
  await end('u1')
  expect(server.revoked).toEqual(['rt-u3', 'rt-u1'])
  expect(told).toEqual([
    ['u2', 'shared'],
    ['u3', undefined],
    ['u1', undefined],
  ])
})

test('grants that were noted under an earlier issuer of their provider still count', async () => {
  const old = world('person')
  await old.save('u1', 'ann')
  const { issuer: _, ...server } = old.server.provider.server as ServerMetadata
  const moved = { server: { ...server, issuer: 'https://new.example' }, formerIssuers: ['https://as.example'] }
  const { server: now, save, end } = world('person', () => old.inner, moved)
  await save('u2', 'ann', 'https://new.example')
  await end('u2')
  expect(now.revoked).toEqual([])
})

test('people of different tenants are different people', async () => {
  const { server, save, end } = world('person', undefined, { formerIssuers: ['https://as.example/{tenantid}'] })
  await save('u1', 'ann', 'https://as.example/t1')
  await save('u2', 'ann', 'https://as.example/t2')
  await end('u1')
  expect(server.revoked).toEqual(['rt-u1'])
})

test('a lost sealing key stops no login: the person is not noted, and no grant of theirs is revoked', async () => {
  const { client, clock, inner, save, server } = world('person')
  await save('u1', 'ann')
  const others = new Grants({ clients: { acme: client }, store: inner, keys: keyRing(`k:${generateKey()}`), clock })
  const session = await others.save('acme', 'u2', {
    access_token: 'at-u2',
    refresh_token: 'rt-u2',
    id_token: idToken('ann'),
  })
  expect((await session.token()).accessToken).toBe('at-u2')
  await others.disconnect('acme', 'u2')
  await clock.advance(100)
  expect(server.revoked).toEqual([])
})

test('close() waits for a revocation in progress', async () => {
  let answer = (): void => undefined
  const { clock, grants, save, revoking } = world('grant', undefined, {}, async () => {
    await new Promise<void>((resolve) => (answer = resolve))
    return new Response(null)
  })
  await save('u1')
  await grants.disconnect('acme', 'u1')
  await clock.advance(10)
  expect(revoking()).toBe(1)
  let isClosed = false
  const closing = grants.close().then(() => (isClosed = true))
  await clock.advance(1000)
  expect(isClosed).toBe(false)
  answer()
  await settled(clock, closing)
})

test('close() does not wait for the retries of a failed revocation, and no request is sent after it', async () => {
  const { clock, grants, save, revoking } = world(
    'grant',
    undefined,
    {},
    async () => new Response(null, { status: 503 }),
  )
  await save('u1')
  await grants.disconnect('acme', 'u1')
  await clock.advance(10)
  const before = clock.now()
  await settled(clock, grants.close())
  expect(clock.now() - before).toBeLessThan(500)
  const sent = revoking()
  await clock.advance(120_000)
  expect([sent, revoking()]).toEqual([2, 2])
})

test.each(['token', 'person'] as const)(
  'a refresh that ends after its grant was disconnected: its token is revoked where that ends the %s',
  async (ends) => {
    let answer = (): void => undefined
    const { clock, grants, save, server } = world(ends)
    const session = await save('u1', 'ann')
    await save('u2', 'ann')
    server.faults.push({
      answer: () => Response.json({ access_token: 'at-late', token_type: 'Bearer', refresh_token: 'rt-late' }),
    })
    server.gate = new Promise((resolve) => (answer = resolve))
    const refreshing = session.refresh().catch(({ code }: { code: string }) => code)
    await clock.advance(10)
    await grants.disconnect('acme', 'u1')
    answer()
    expect(await settled(clock, refreshing)).toBe('grant_not_found')
    await clock.advance(100)
    expect(server.revoked).toEqual(ends === 'person' ? [] : ['rt-u1', 'rt-late'])
  },
)

test('a grant that cannot be unsealed counts as the same person’s', async () => {
  const { server, save, end, inner, told } = world('person')
  await save('u1', 'ann')
  await save('u2', 'ann')
  const place = { client: 'acme', subject: 'u2', account: '' }
  const { id, sealed } = (await inner.read(place)).record!
  expect(await inner.reseal(place, { id, from: sealed, to: 'of another key' })).toBe(true)
  await end('u1')
  expect([server.revoked, told]).toEqual([[], [['u1', 'shared']]])
})
