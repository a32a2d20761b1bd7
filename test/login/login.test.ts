import { expect, test } from 'vitest'
import { OAuth2Client } from '../../src/client/oauth2-client.ts'
import type { Grants } from '../../src/grants.ts'
import type { Provider } from '../../src/model/provider.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { fakeClock } from '../../src/testing/fake-clock.ts'
import { json } from '../refresh/fake-server.ts'
import { HOUR, settled, world, wrapStore } from '../refresh/setup.ts'

// A login whose response has no refresh token keeps the stored one if it belongs to the same user, whom an account
// names here.

const account = { account: 'work' }
const place = { client: 'acme', subject: 'f', account: 'work' }
const withoutRefreshToken = { access_token: 'second', token_type: 'Bearer', expires_in: 3600 }

async function connectedFirst(lifetimeS = 3600) {
  const clock = fakeClock()
  const inner = memoryStore({ clock })
  const all = world({ clock, store: inner })
  const first = all.process()
  await first.save('acme', 'f', { ...all.server.issue(), expires_in: lifetimeS }, account)
  const logInAgain = (grants: Grants<{ acme: OAuth2Client }>) =>
    settled(clock, grants.save('acme', 'f', withoutRefreshToken, account))
  return { ...all, first, inner, logInAgain }
}

test('a login without refresh token keeps the stored one of the same user, and the next refresh sends it', async () => {
  const { clock, first, inner, logInAgain, process, server } = await connectedFirst()
  await logInAgain(process())
  const { record } = await inner.read(place)
  expect(record).toMatchObject({ version: 2, renewable: true, lease: undefined, intent: undefined })
  const session = first.session('acme', 'f', account)
  await clock.advance(61_000)
  expect((await settled(clock, session.token())).accessToken).toBe('second')
  expect((await settled(clock, session.refresh())).accessToken).toBe('at-f-1')
  expect(server.requests.map((request) => request.get('refresh_token'))).toEqual(['rt-f-0'])
})

test('a refresh token that was given to another client id is not carried over', async () => {
  const { clock, inner, logInAgain, process, server } = await connectedFirst()
  const other = new OAuth2Client({
    provider: server.provider,
    clientId: 'another',
    clientSecret: 'another-secret',
    fetch: server.fetch,
    clock,
  })
  const grants = process({ clients: { acme: other } })
  await logInAgain(grants)
  const { record } = await inner.read(place)
  expect(record).toMatchObject({ version: 2, renewable: false, clientId: 'another' })
  expect(record!.sealed).not.toContain('rt-f-0')
  await clock.advance(2 * HOUR)
  await expect(settled(clock, grants.session('acme', 'f', account).token())).rejects.toMatchObject({
    code: 'reauthorization_required',
    reason: 'no_refresh_token',
  })
  expect(server.requests).toEqual([])
})

test('a refresh token that came from another server is not carried over', async () => {
  const { clock, inner, logInAgain, process, server } = await connectedFirst()
  const { server: endpoints, ...data } = server.provider
  const moved = { ...(endpoints as Exclude<Provider['server'], string>), issuer: 'https://moved.example' }
  const other = new OAuth2Client({
    provider: { ...data, server: moved },
    clientId: 'client-id',
    clientSecret: 'client-secret',
    fetch: server.fetch,
    clock,
  })
  await logInAgain(process({ clients: { acme: other } }))
  const { record } = await inner.read(place)
  expect(record).toMatchObject({ version: 2, renewable: false, issuer: 'https://moved.example' })
  expect(record!.sealed).not.toContain('rt-f-0')
})

test('a refresh token whose responses named another user is not carried over', async () => {
  const { clock, first, inner, logInAgain, process, server } = await connectedFirst(0)
  const claims = (sub: string) => ({
    iss: 'https://as.example',
    sub,
    aud: 'client-id',
    iat: clock.now() / 1000,
    exp: clock.now() / 1000 + 3600,
  })
  const idToken = (sub: string) =>
    ['{"alg":"RS256"}', JSON.stringify(claims(sub)), 's'].map((part) => btoa(part).replaceAll('=', '')).join('.')
  await first.save('acme', 'f', { ...server.issue(), expires_in: 0, id_token: idToken('alice') }, account)
  server.extra = { id_token: idToken('mallory') }
  await expect(settled(clock, first.session('acme', 'f', account).token(), 1)).rejects.toMatchObject({
    reason: 'identity_changed',
  })
  await logInAgain(process())
  const { record } = await inner.read(place)
  expect(record).toMatchObject({ state: 'active', renewable: false })
  expect(record!.sealed).not.toContain('rt-f-1')
})

test('a login waits for another process’s refresh, and carries its new refresh token over', async () => {
  const { clock, inner, logInAgain, process } = await connectedFirst()
  const { record } = await inner.read(place)
  const version = { id: record!.id, version: 1 }
  const intent = { hash: 'h', sendWithinMs: 5000 }
  await inner.claim(place, { ...version, owner: 'other', leaseMs: 15_000, settleMs: 15_000, intent })
  const began = clock.now()
  const saving = logInAgain(process())
  await clock.advance(5000)
  expect((await inner.read(place)).record).toMatchObject({ id: record!.id, version: 1 })
  const token = { accessToken: 'theirs', tokenType: 'bearer', receivedAt: clock.now(), refreshToken: 'rt-theirs' }
  const sealed = JSON.stringify({ v: 1, token })
  await inner.commit(place, { ...version, state: 'active', sealed, renewable: true })
  await saving
  expect(clock.now() - began).toBeLessThan(6000)
  const saved = (await inner.read(place)).record!
  expect(saved).toMatchObject({ version: 3, renewable: true })
  expect(saved.sealed).toContain('rt-theirs')
  expect(saved.sealed).toContain('second')
})

test('a refresh token that may have been used is carried over only after the settle time', async () => {
  const { clock, inner, logInAgain, process } = await connectedFirst()
  const { record } = await inner.read(place)
  await inner.claim(place, {
    id: record!.id,
    version: 1,
    owner: 'other',
    leaseMs: 15_000,
    settleMs: 15_000,
    intent: { hash: 'h', sendWithinMs: 5000 },
  })
  const began = clock.now()
  await logInAgain(process())
  // Claim, and then the time to send and the settle time.
  expect(clock.now() - began).toBeGreaterThanOrEqual(20_000)
  expect(clock.now() - began).toBeLessThan(21_000)
  expect((await inner.read(place)).record).toMatchObject({ version: 2, renewable: true })
})

test('a login after a token that had expired at once is not delayed by it', async () => {
  const { clock, first, server } = await connectedFirst(0)
  server.lifetimeS = 0
  const session = first.session('acme', 'f', account)
  expect((await settled(clock, session.token(), 1)).accessToken).toBe('at-f-1')
  // The next refresh of that login would wait for a second.
  await first.save('acme', 'f', { ...server.issue('g'), expires_in: 0 }, account)
  const began = clock.now()
  expect((await settled(clock, session.token(), 1)).accessToken).toBe('at-g-2')
  expect(clock.now() - began).toBeLessThan(500)
})

test('a token of the old login that can not be saved does not come back after a disconnection', async () => {
  const clock = fakeClock()
  let failing = false
  const store = wrapStore(memoryStore({ clock }), (operation, real) =>
    failing && operation === 'commit' ? Promise.reject(new Error('down')) : real(),
  )
  const { process, server } = world({ clock, store })
  const grants = process()
  await grants.save('acme', 'f', { ...server.issue(), expires_in: 0 })
  let answer = (): void => undefined
  server.gate = new Promise((resolve) => {
    answer = resolve
  })
  const session = grants.session('acme', 'f')
  const refreshing = session.token().catch(() => undefined)
  await clock.advance(100)
  expect(server.requests).toHaveLength(1)
  await settled(clock, session.disconnect())
  failing = true
  answer()
  await clock.advance(10_000)
  await settled(clock, refreshing)
  const after = await settled(clock, session.token()).catch((error: unknown) => error)
  expect(after).toBeInstanceOf(Error)
  failing = false
  await clock.advance(2000)
  await expect(settled(clock, session.token())).rejects.toMatchObject({ code: 'grant_not_found' })
})

test('a login that takes the refresh token over does not wait for a back-off that the provider asked for', async () => {
  const { clock, first, inner, logInAgain, process, server } = await connectedFirst(0)
  server.faults.push({ answer: () => json({}, 503, { 'retry-after': '3000' }) })
  await expect(settled(clock, first.session('acme', 'f', account).token(), 1)).rejects.toMatchObject({
    code: 'provider_unavailable',
  })
  expect((await inner.read(place)).record!.failures).toMatchObject({ mandatory: true })
  const began = clock.now()
  await logInAgain(process())
  expect(clock.now() - began).toBeLessThan(500)
  expect((await inner.read(place)).record).toMatchObject({ version: 2, renewable: true, failures: undefined })
})

test('a login that meets another one of the same moment carries the refresh token of that one over', async () => {
  const { inner, logInAgain, process, server, clock } = await connectedFirst()
  let met = false
  const store = wrapStore(inner, async (operation, real) => {
    if (operation === 'put' && !met) {
      met = true
      await process({ store: inner }).save('acme', 'f', server.issue('theirs'), account)
    }
    return real()
  })
  const { process: elsewhere } = world({ clock, store })
  await logInAgain(elsewhere())
  const { record } = await inner.read(place)
  expect(record).toMatchObject({ version: 3, renewable: true })
  expect(record!.sealed).toContain('second')
  expect(record!.sealed).toContain('rt-theirs-0')
})

test('a login does not wait for a lease that outlasts its patience', async () => {
  const { clock, inner, logInAgain, process } = await connectedFirst()
  const { record } = await inner.read(place)
  const intent = { hash: 'h', sendWithinMs: 5000 }
  const request = { id: record!.id, version: 1, owner: 'other', leaseMs: 120_000, settleMs: 15_000, intent }
  await inner.claim(place, request)
  const began = clock.now()
  await logInAgain(process())
  expect(clock.now() - began).toBeLessThan(500)
  expect((await inner.read(place)).record).toMatchObject({ version: 2, renewable: true })
})

test('a login without an ID token keeps the one that came with the refresh token', async () => {
  const { first, inner, logInAgain, process, server } = await connectedFirst()
  const claims = { iss: 'https://as.example', sub: 'alice', aud: 'client-id', iat: 1, exp: 2 }
  const idToken = [{ alg: 'RS256' }, claims, {}].map((part) => btoa(JSON.stringify(part)).replaceAll('=', '')).join('.')
  await first.save('acme', 'f', { ...server.issue(), id_token: idToken }, account)
  await logInAgain(process())
  const { sealed } = (await inner.read(place)).record!
  expect(sealed).toContain('second')
  expect(sealed).toContain(idToken)
})

test('a token of a client that obtains its tokens keeps no refresh token of an earlier login', async () => {
  const { inner, logInAgain, process } = await connectedFirst()
  await logInAgain(process({ obtain: { acme: () => expect.unreachable() } }))
  const { record } = await inner.read(place)
  expect(record).toMatchObject({ version: 2, renewable: true })
  expect(record!.sealed).not.toContain('rt-f-0')
})

test('the end that the provider names for a refresh token counts more than its absolute lifetime', async () => {
  const { clock, process, server } = world({ refresh: { absoluteLifetimeMs: 100 * HOUR } })
  const grants = process()
  await grants.save('acme', 'f', { ...server.issue(), refresh_token_expires_in: 7200 })
  expect((await grants.status('acme', 'f'))?.refreshTokenExpiresAt).toBe(clock.now() + 2 * HOUR)
})

test('a login is written in the time of the store, also by a process that reads it for the first time', async () => {
  const clock = fakeClock()
  const store = memoryStore({ clock: { ...clock, now: () => clock.now() + HOUR } })
  const { process, server } = world({ clock, store })
  await process().save('acme', 'f', { ...server.issue(), expires_in: 3600, refresh_token_expires_in: 7200 }, account)
  expect((await store.read(place)).record).toMatchObject({
    expiresAt: clock.now() + 2 * HOUR,
    refreshTokenExpiresAt: clock.now() + 3 * HOUR,
  })
  // The end of a refresh token that is carried over stays where it was.
  await process().save('acme', 'f', withoutRefreshToken, account)
  expect((await store.read(place)).record).toMatchObject({
    version: 2,
    refreshTokenExpiresAt: clock.now() + 3 * HOUR,
  })
})

test('a login whose clock is set back before it is stored ends when its token does', async () => {
  const clock = fakeClock()
  const inner = memoryStore({ clock })
  let isSet = false
  const store = wrapStore(inner, async (operation, real) => {
    if (operation === 'read' && !isSet) {
      isSet = true
      clock.set(clock.now() - HOUR)
    }
    return real()
  })
  const { process, server } = world({ clock, store })
  await process().save('acme', 'f', { ...server.issue(), expires_in: 3600 }, account)
  expect((await inner.read(place)).record?.expiresAt).toBe(clock.now() + HOUR)
})

test('a store that returns no record of a login breaks its contract, and the error says so', async () => {
  const clock = fakeClock()
  const store = wrapStore(memoryStore({ clock }), async (operation, real) =>
    operation === 'put' ? { committed: true, now: clock.now() } : real(),
  )
  const { process, server } = world({ clock, store })
  await expect(process().save('acme', 'f', server.issue())).rejects.toMatchObject({
    code: 'store_error',
    message: expect.stringContaining('no record after a write') as string,
  })
})
