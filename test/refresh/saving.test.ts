import { expect, test } from 'vitest'
import { ConfigError, StoreError } from '../../src/model/errors.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { Grants } from '../../src/grants.ts'
import type { GrantStore } from '../../src/stores/store.ts'
import { fakeClock } from '../../src/testing/fake-clock.ts'
import {
  claimedElsewhere,
  connected,
  HOUR,
  key,
  OPERATIONS,
  settled,
  world,
  wrapStore,
  type Operation,
} from './setup.ts'

/** A store that fails on demand: before it has written, or after. */
function failing(store: GrantStore) {
  const down = new Map<Operation, 'before' | 'after' | 'hangs'>()
  const wrapped = wrapStore(store, async (operation, real) => {
    const mode = down.get(operation)
    if (mode === 'before') throw new StoreError('down')
    if (mode === 'hangs') await new Promise(() => undefined)
    const answer = await real()
    if (mode === 'after') throw new StoreError('the response was lost')
    return answer
  })
  const all = (mode: 'before' | 'hangs' | undefined) => {
    for (const operation of OPERATIONS) {
      if (mode === undefined) down.delete(operation)
      else down.set(operation, mode)
    }
  }
  return { store: wrapped, healthy: store, down, all }
}

function broken() {
  const clock = fakeClock()
  const fault = failing(memoryStore({ clock }))
  return { ...fault, ...world({ store: fault.store, clock }) }
}

test('with the store down, callers get a known valid token, and no refresh token is sent', async () => {
  const { clock, server, process, all } = broken()
  const grants = process()
  await connected(grants, server, clock, HOUR)
  const session = grants.session('acme', 'f')
  await session.token()
  all('before')
  for (let minute = 1; minute < 60; minute += 1) {
    await clock.advance(60_000)
    expect((await settled(clock, session.token())).accessToken).toBe('at-f-0')
  }
  await clock.advance(60_000)
  await expect(settled(clock, session.token())).rejects.toBeInstanceOf(StoreError)
  expect(server.requests).toHaveLength(0)
  all(undefined)
  expect((await settled(clock, session.token())).accessToken).toBe('at-f-1')
})

test('a store that hangs delays no caller by more than a second while the token is valid', async () => {
  const { clock, server, process, all } = broken()
  const grants = process()
  await connected(grants, server, clock, HOUR)
  const session = grants.session('acme', 'f')
  await session.token()
  all('hangs')
  await clock.advance(120_000)
  const before = clock.now()
  expect((await settled(clock, session.token())).accessToken).toBe('at-f-0')
  expect(clock.now() - before).toBeLessThanOrEqual(1000)
  // Only the first waited; and a flight that needs the store ends too.
  const second = session.token()
  await clock.advance(0)
  expect((await second).accessToken).toBe('at-f-0')
  await clock.advance(HOUR)
  await expect(settled(clock, session.token())).rejects.toMatchObject({ code: 'store_error', retryable: true })
})

test('a claim whose response was lost is repeated by the same owner, and one refresh is sent', async () => {
  const { clock, server, process, down } = broken()
  const grants = process()
  await connected(grants, server, clock, 0)
  down.set('claim', 'after')
  const waiting = grants.session('acme', 'f').token()
  await clock.advance(10)
  down.delete('claim')
  expect((await settled(clock, waiting)).accessToken).toBe('at-f-1')
  expect(server.redemptions).toBe(1)
})

test('a token that cannot be saved is returned, reported, saved when the store responds, and not refreshed before', async () => {
  const { clock, server, process, down, told, store } = broken()
  server.lifetimeS = 60
  const grants = process()
  await connected(grants, server, clock, 0)
  down.set('commit', 'before')
  const session = grants.session('acme', 'f')
  expect((await settled(clock, session.token())).accessToken).toBe('at-f-1')
  expect(told.map(({ name }) => name)).toContain('save_delayed')
  await clock.advance(58_000)
  // Spent, but not expired: still served, because nothing may be redeemed before the token is saved.
  expect((await settled(clock, session.token())).accessToken).toBe('at-f-1')
  await clock.advance(2000)
  await expect(settled(clock, session.token())).rejects.toMatchObject({ code: 'store_error', retryable: true })
  expect(server.redemptions).toBe(1)
  down.delete('commit')
  await clock.advance(1500)
  expect((await store.read(key())).record).toMatchObject({ version: 2 })
  expect((await settled(clock, session.token())).accessToken).toBe('at-f-2')
  expect(server.reuses).toBe(0)
})

test('a commit whose response was lost is repeated, recognised as its own, and causes no second refresh', async () => {
  const { clock, server, process, down, store } = broken()
  const grants = process()
  await connected(grants, server, clock, 0)
  down.set('commit', 'after')
  const session = grants.session('acme', 'f')
  expect((await settled(clock, session.token())).accessToken).toBe('at-f-1')
  down.delete('commit')
  await clock.advance(1500)
  expect((await session.token()).accessToken).toBe('at-f-1')
  expect((await store.read(key())).record).toMatchObject({ version: 2 })
  expect(server.redemptions).toBe(1)
})

test('the lease is kept while a token waits to be saved, longer than one lease lasts', async () => {
  const { clock, server, process, down, healthy } = broken()
  const [a, b] = [process(), process()]
  await connected(a, server, clock, 0)
  down.set('commit', 'before')
  await settled(clock, a.session('acme', 'f').token())
  await clock.advance(60_000)
  const { record, now } = await healthy.read(key())
  expect(record!.lease!.until).toBeGreaterThan(now)
  down.delete('commit')
  await clock.advance(1500)
  expect((await settled(clock, b.session('acme', 'f').token())).accessToken).toBe('at-f-1')
  expect(server.redemptions).toBe(1)
})

test('the lease of an unsaved token never expires during a long outage, and once the token is saved the lease is not renewed', async () => {
  const { clock, server, process, down, healthy } = broken()
  const grants = process()
  await connected(grants, server, clock, 0)
  down.set('commit', 'before')
  const session = grants.session('acme', 'f')
  await settled(clock, session.token())
  const owner = (await healthy.read(key())).record!.lease!.owner
  for (let second = 0; second < 180; second += 1) {
    await clock.advance(1000)
    const { record, now } = await healthy.read(key())
    expect(record!.lease).toMatchObject({ owner })
    expect(record!.lease!.until - now).toBeGreaterThan(5000)
  }
  down.delete('commit')
  await clock.advance(1500)
  expect((await healthy.read(key())).record).toMatchObject({ version: 2, lease: undefined })
  await clock.advance(60_000)
  expect((await healthy.read(key())).record).toMatchObject({ version: 2, lease: undefined })
})

test('the lease of a request in flight after its deadline does not expire until the request is aborted', async () => {
  const { clock, server, process, healthy } = broken()
  const grants = process({ policy: { leaseMs: 12_000, settleMs: 60_000 } })
  await connected(grants, server, clock, 0)
  server.faults.push({ hangUntil: new Promise(() => undefined), consumed: false })
  await expect(settled(clock, grants.session('acme', 'f').token())).rejects.toMatchObject({
    code: 'provider_unavailable',
  })
  const owner = (await healthy.read(key())).record!.lease!.owner
  for (let second = 0; second < 58; second += 1) {
    await clock.advance(1000)
    const { record, now } = await healthy.read(key())
    expect(record!.lease).toMatchObject({ owner })
    expect(record!.lease!.until - now).toBeGreaterThan(4000)
  }
  await clock.advance(4000)
  expect((await healthy.read(key())).record).toMatchObject({ lease: undefined, intent: { open: true } })
})

test('a lease that another has taken is not taken back', async () => {
  const { clock, server, process, down, healthy } = broken()
  const grants = process()
  await connected(grants, server, clock, 0)
  down.set('commit', 'before')
  await settled(clock, grants.session('acme', 'f').token())
  const { record } = await healthy.read(key())
  await healthy.release(key(), { owner: record!.lease!.owner, spent: 'unknown', settled: true })
  const other = {
    id: record!.id,
    version: 1,
    owner: 'other',
    leaseMs: 20_000,
    settleMs: 0,
    intent: { hash: 'other', sendWithinMs: 0 },
  }
  expect(await healthy.claim(key(), other)).toMatchObject({ outcome: 'claimed' })
  const { until } = (await healthy.read(key())).record!.lease!
  await clock.advance(60_000)
  expect((await healthy.read(key())).record!.lease).toMatchObject({ owner: 'other', until })
})

test('after an outage longer than lease and settle time, a process that comes first gives the holder time to save its token', async () => {
  const { clock, server, process, makeClient, all, healthy, down } = broken()
  const holder = process()
  // Another process's own connection to the same store.
  const other = world({ store: healthy, clock })
  await connected(holder, server, clock, 0)
  down.set('commit', 'before')
  expect((await settled(clock, holder.session('acme', 'f').token())).accessToken).toBe('at-f-1')
  all('before')
  await clock.advance(60_000)
  const late = other
    .process({ clients: { acme: makeClient() } })
    .session('acme', 'f')
    .token()
  // The lease and the settle time are long over: it claims at once.
  await clock.advance(50)
  expect((await healthy.read(key())).record!.lease!.until).toBeGreaterThan(clock.now())
  all(undefined)
  expect((await settled(clock, late)).accessToken).toBe('at-f-1')
  expect(server.redemptions).toBe(1)
  expect((await healthy.read(key())).record).toMatchObject({ version: 2, state: 'active' })
})

test('a process that takes over a grant sends nothing when the store fails in the meantime, and releases the lease', async () => {
  const { clock, server, process, down, healthy } = broken()
  const grants = process({ policy: { waitMs: 60_000 } })
  await connected(grants, server, clock, 0)
  await claimedElsewhere(healthy)
  await clock.advance(20_001)
  const token = grants.session('acme', 'f').token()
  token.catch(() => undefined)
  await clock.advance(100)
  down.set('read', 'before')
  await expect(settled(clock, token)).rejects.toMatchObject({ code: 'store_error', retryable: true })
  expect(server.redemptions).toBe(0)
  expect((await healthy.read(key())).record!.lease).toBeUndefined()
  down.delete('read')
  expect((await settled(clock, grants.session('acme', 'f').token())).accessToken).toBe('at-f-1')
})

test('a token whose commit takes longer than five seconds is returned in the meantime, and the commit finishes automatically', async () => {
  const { clock, server, process, down, told } = broken()
  const grants = process()
  await connected(grants, server, clock, 0)
  down.set('commit', 'hangs')
  const before = clock.now()
  expect((await settled(clock, grants.session('acme', 'f').token())).accessToken).toBe('at-f-1')
  expect(clock.now() - before).toBeLessThanOrEqual(5200)
  expect(told.map(({ name }) => name)).toContain('save_delayed')
})

test('close waits for a token that is not saved yet', async () => {
  const { clock, server, process, down, store } = broken()
  const grants = process()
  await connected(grants, server, clock, 0)
  down.set('commit', 'before')
  await settled(clock, grants.session('acme', 'f').token())
  let closed = false
  const closing = grants.close().then(() => {
    closed = true
  })
  await clock.advance(10_000)
  expect(closed).toBe(false)
  down.delete('commit')
  await settled(clock, closing)
  expect((await store.read(key())).record).toMatchObject({ version: 2 })
})

test('a grant marked as ended too early is restored by the success of a refresh with the same refresh token', async () => {
  const { clock, server, process, down, store, healthy } = broken()
  const grants = process()
  await connected(grants, server, clock, 0)
  down.set('commit', 'before')
  const session = grants.session('acme', 'f')
  await settled(clock, session.token())
  const { record } = await store.read(key())
  // Another process took the lease over, was rejected, and marked the grant as ended.
  await clock.advance(0)
  await healthy.release(key(), { owner: record!.lease!.owner, spent: 'unknown', settled: true })
  await healthy.claim(key(), {
    id: record!.id,
    version: record!.version,
    owner: 'other',
    leaseMs: 1000,
    settleMs: 0,
    repeatWithinMs: HOUR,
    intent: { hash: record!.intent!.hash, sendWithinMs: 10 },
  })
  await healthy.commit(key(), { id: record!.id, version: record!.version, owner: 'other', verdict: 'revoked' })
  expect((await store.read(key())).record).toMatchObject({ state: 'reauthorization_required', version: 2 })
  down.delete('commit')
  await clock.advance(1500)
  expect((await store.read(key())).record).toMatchObject({ state: 'active', version: 3 })
  expect((await settled(clock, session.token())).accessToken).toBe('at-f-1')
})

/** Makes a process hold a token that it cannot save. Returns what it redeemed, and the version that it started from. */
async function holding() {
  const all = broken()
  const { clock, server, process, down, healthy } = all
  const grants = process()
  await connected(grants, server, clock, 0)
  down.set('commit', 'before')
  const session = grants.session('acme', 'f')
  await settled(clock, session.token())
  const { record } = await healthy.read(key())
  await healthy.release(key(), { owner: record!.lease!.owner, spent: 'unknown', settled: true })
  const { id } = record!
  const hash = record!.intent!.hash
  const claim = (version: number, of: string) =>
    healthy.claim(key(), {
      id,
      version,
      owner: 'other',
      leaseMs: 600_000,
      settleMs: 0,
      repeatWithinMs: HOUR,
      intent: { hash: of, sendWithinMs: 10 },
    })
  const sealed = JSON.stringify({
    v: 1,
    token: { accessToken: 'theirs', tokenType: 'bearer', receivedAt: clock.now(), refreshToken: 'rt-theirs' },
  })
  return {
    ...all,
    session,
    hash,
    claim,
    commit: (version: number) => healthy.commit(key(), { id, version, state: 'active', sealed, renewable: true }),
    verdict: (version: number) => healthy.commit(key(), { id, version, owner: 'other', verdict: 'revoked' }),
    saved: async () => {
      const before = (await healthy.read(key())).record!
      down.delete('commit')
      await clock.advance(2000)
      return { before, after: (await healthy.read(key())).record! }
    },
  }
}

test('a grant that ended with another refresh token than the one redeemed stays ended', async () => {
  const { claim, clock, saved, session, verdict } = await holding()
  await claim(1, 'of another refresh token')
  expect((await verdict(1)).committed).toBe(true)
  const { before, after } = await saved()
  expect(before).toMatchObject({ state: 'reauthorization_required', version: 2 })
  expect(after).toEqual(before)
  await expect(settled(clock, session.refresh())).rejects.toMatchObject({ code: 'reauthorization_required' })
})

test('a grant that ended in a later version stays ended, whatever refresh token the mark names', async () => {
  const { claim, clock, commit, hash, saved, session, verdict } = await holding()
  await commit(1)
  await claim(2, hash)
  expect((await verdict(2)).committed).toBe(true)
  const { before, after } = await saved()
  expect(before).toMatchObject({ state: 'reauthorization_required', version: 3 })
  expect(after).toEqual(before)
  await expect(settled(clock, session.refresh())).rejects.toMatchObject({ code: 'reauthorization_required' })
})

test('a newer token is not overwritten while its holder refreshes under the same name', async () => {
  const { claim, commit, hash, saved, session } = await holding()
  await commit(1)
  await claim(2, hash)
  const { before, after } = await saved()
  expect(before).toMatchObject({ state: 'active', version: 2 })
  expect(after).toEqual(before)
  expect((await session.token()).accessToken).toBe('theirs')
})

test('the first of two commits for one version wins', async () => {
  const { clock, server, process, down, store, healthy } = broken()
  const grants = process()
  await connected(grants, server, clock, 0)
  down.set('commit', 'before')
  const session = grants.session('acme', 'f')
  await settled(clock, session.token())
  const { record } = await store.read(key())
  await healthy.commit(key(), {
    id: record!.id,
    version: 1,
    state: 'active',
    sealed: JSON.stringify({
      v: 1,
      token: {
        accessToken: 'theirs',
        tokenType: 'bearer',
        receivedAt: clock.now(),
        refreshToken: 'rt-theirs',
        expiresAt: clock.now() + HOUR,
      },
    }),
    renewable: true,
  })
  down.delete('commit')
  await clock.advance(1500)
  expect((await session.token()).accessToken).toBe('theirs')
  expect((await store.read(key())).record).toMatchObject({ version: 2 })
})

test('a login is stored once although the store fails at first', async () => {
  const { clock, server, process, down, store } = broken()
  const grants = process()
  down.set('put', 'after')
  const saving = connected(grants, server, clock, HOUR)
  await clock.advance(60)
  down.delete('put')
  await settled(clock, saving)
  expect((await store.read(key())).record).toMatchObject({ version: 1 })
})

test('a token that the store never accepts is returned from memory, and close() does not wait for it', async () => {
  const clock = fakeClock()
  const store = wrapStore(memoryStore({ clock }), async (operation, real) => {
    if (operation === 'commit') throw new ConfigError('Expected sealed to be at most 1000000 characters, got 1400000.')
    return real()
  })
  const { server, process } = world({ clock, store })
  const grants = process()
  const session = await connected(grants, server, clock)
  expect((await settled(clock, session.refresh())).accessToken).toBe('at-f-1')
  await settled(clock, grants.close())
  expect(server.redemptions).toBe(1)
})

test('a save whose host ended its timers is continued by the next caller, and no other refresh token is sent', async () => {
  const clock = fakeClock()
  const fault = failing(memoryStore({ clock }))
  const { makeClient, server } = world({ clock, store: fault.store })
  let dead = false
  const delay = (ms: number, signal?: AbortSignal): Promise<void> =>
    dead ? new Promise(() => undefined) : clock.delay(ms, signal)
  const hosted = { now: () => clock.now(), monotonic: () => clock.monotonic(), delay }
  const grants = new Grants({ clients: { acme: makeClient() }, store: fault.store, clock: hosted })
  const session = await connected(grants, server, clock, 0)
  fault.down.set('commit', 'before')
  const first = session.token()
  await clock.advance(1)
  dead = true
  expect((await settled(clock, first)).accessToken).toBe('at-f-1')
  // The request that began it is over, and with it all that waited in it.
  await clock.advance(20_000)
  dead = false
  fault.down.delete('commit')
  await clock.advance(20_000)
  expect((await fault.healthy.read(key())).record).toMatchObject({ version: 1 })
  await settled(clock, session.refresh()).catch(() => undefined)
  await clock.advance(1000)
  expect((await fault.healthy.read(key())).record).toMatchObject({ version: 2 })
  expect(server.reuses).toBe(0)
})
