import { expect, test } from 'vitest'
import { connected, HOUR, settled, world, wrapStore } from './setup.ts'

test('a fresh token is returned as the same resolved promise, without a request', async () => {
  const { clock, server, process } = world()
  const grants = process()
  await connected(grants, server, clock)
  const session = grants.session('acme', 'f')
  await session.token()
  expect(session.token()).toBe(session.token())
  expect((await session.token()).accessToken).toBe('at-f-0')
  expect(server.requests).toHaveLength(0)
})

test('a thousand callers of an expired token cause one token request, and all get its token', async () => {
  const { clock, server, process } = world()
  const grants = process()
  await connected(grants, server, clock, 0)
  const session = grants.session('acme', 'f')
  const tokens = await settled(clock, Promise.all(Array.from({ length: 1000 }, () => session.accessToken())))
  expect(new Set(tokens)).toEqual(new Set(['at-f-1']))
  expect(server.redemptions).toBe(1)
  expect(server.reuses).toBe(0)
})

test('a thousand callers whose token was rejected with 401 cause one refresh', async () => {
  const { clock, server, process } = world()
  const grants = process()
  await connected(grants, server, clock)
  const session = grants.session('acme', 'f')
  await session.token()
  await clock.advance(HOUR / 2)
  const tokens = await settled(
    clock,
    Promise.all(Array.from({ length: 1000 }, () => session.token({ rejected: 'at-f-0' }))),
  )
  expect(new Set(tokens.map((token) => token.accessToken))).toEqual(new Set(['at-f-1']))
  expect(server.redemptions).toBe(1)
  // Late ones, who saw the old token too, get the new one without another refresh.
  expect((await session.token({ rejected: 'at-f-0' })).accessToken).toBe('at-f-1')
  expect(server.redemptions).toBe(1)
})

test('a rejected token is replaced whatever its age, and no further one for a minute', async () => {
  const { clock, server, process } = world()
  const grants = process()
  await connected(grants, server, clock)
  const session = grants.session('acme', 'f')
  await clock.advance(1000)
  const both = [session.token({ rejected: 'at-f-0' }), session.token({ rejected: 'at-f-0' })]
  for (const each of both) expect((await settled(clock, each)).accessToken).toBe('at-f-1')
  await clock.advance(59_000)
  expect((await session.token({ rejected: 'at-f-1' })).accessToken).toBe('at-f-1')
  expect(server.redemptions).toBe(1)
  await clock.advance(1000)
  expect((await settled(clock, session.token({ rejected: 'at-f-1' }))).accessToken).toBe('at-f-2')
  expect((await session.token({ rejected: 'at-f-2' })).accessToken).toBe('at-f-2')
  expect(server.redemptions).toBe(2)
})

test('neither a login nor an ordinary refresh counts as the refresh after a rejection', async () => {
  const { clock, server, process } = world()
  const grants = process()
  await connected(grants, server, clock)
  const session = grants.session('acme', 'f')
  expect((await settled(clock, session.token({ rejected: 'at-f-0' }))).accessToken).toBe('at-f-1')
  expect((await settled(clock, session.refresh())).accessToken).toBe('at-f-2')
  expect((await session.token({ rejected: 'at-f-2' })).accessToken).toBe('at-f-2')
  // Also right after a rejection.
  await clock.advance(61_000)
  expect((await settled(clock, session.token({ rejected: 'at-f-2' }))).accessToken).toBe('at-f-3')
  await connected(grants, server, clock)
  const first = (await session.token()).accessToken
  expect((await settled(clock, session.token({ rejected: first }))).accessToken).not.toBe(first)
})

test('with a token that lives ten seconds, a second rejected one is replaced after a tenth of that', async () => {
  const { clock, server, process } = world()
  server.lifetimeS = 10
  const grants = process({ policy: { earlyMs: 0, spentMs: 0 } })
  await connected(grants, server, clock, 0)
  const session = grants.session('acme', 'f')
  await settled(clock, session.token())
  expect((await settled(clock, session.token({ rejected: 'at-f-1' }))).accessToken).toBe('at-f-2')
  await clock.advance(900)
  expect((await session.token({ rejected: 'at-f-2' })).accessToken).toBe('at-f-2')
  await clock.advance(100)
  expect((await settled(clock, session.token({ rejected: 'at-f-2' }))).accessToken).toBe('at-f-3')
})

test('an API that rejects every short-lived token costs one refresh a second, not one for each call', async () => {
  const { clock, server, process } = world()
  server.lifetimeS = 4
  const grants = process({ policy: { earlyMs: 0, spentMs: 0 } })
  await connected(grants, server, clock, 0)
  const session = grants.session('acme', 'f')
  await settled(clock, session.token())
  expect((await settled(clock, session.token({ rejected: 'at-f-1' }))).accessToken).toBe('at-f-2')
  await clock.advance(900)
  expect((await session.token({ rejected: 'at-f-2' })).accessToken).toBe('at-f-2')
  await clock.advance(100)
  expect((await settled(clock, session.token({ rejected: 'at-f-2' }))).accessToken).toBe('at-f-3')
})

test('a token in the refresh window is returned at once while one refresh starts in the background', async () => {
  const { clock, server, process, told } = world()
  const grants = process()
  await connected(grants, server, clock, 400_000)
  const session = grants.session('acme', 'f')
  await session.token()
  await clock.advance(400_000 - 80_000)
  // 20 % of the lifetime, 80 s, is the early window; the store is looked at on the way.
  expect((await session.token()).accessToken).toBe('at-f-0')
  expect((await session.token()).accessToken).toBe('at-f-0')
  await clock.advance(1000)
  expect((await session.token()).accessToken).toBe('at-f-1')
  expect(server.redemptions).toBe(1)
  expect(told.map(({ event }) => event)).toEqual([expect.objectContaining({ cause: 'early' })])
})

test('no early refresh happens with earlyMs 0, with background none, or where a refresh ends the access token', async () => {
  for (const variant of [
    { more: { policy: { earlyMs: 0 } } },
    { more: { background: 'none' as const } },
    { more: {}, refresh: { endsAccessToken: true } },
  ]) {
    const { clock, server, process } = world(variant.refresh === undefined ? {} : { refresh: variant.refresh })
    const grants = process(variant.more)
    await connected(grants, server, clock, 400_000)
    const session = grants.session('acme', 'f')
    await session.token()
    await clock.advance(350_000)
    expect((await session.token()).accessToken).toBe('at-f-0')
    await clock.advance(10_000)
    expect(server.redemptions).toBe(0)
    await clock.advance(33_000)
    expect((await settled(clock, session.token())).accessToken).toBe('at-f-1')
    expect(server.redemptions).toBe(1)
  }
})

test('background work is passed to the function of the host', async () => {
  const { clock, server, process } = world()
  const works: Promise<unknown>[] = []
  const grants = process({ background: (work) => void works.push(work) })
  await connected(grants, server, clock, 400_000)
  await clock.advance(330_000)
  await grants.session('acme', 'f').token()
  expect(works.length).toBeGreaterThan(0)
  await settled(clock, Promise.all(works))
  expect(server.redemptions).toBe(1)
})

test('one caller that aborts ends its own wait, not the refresh of the others', async () => {
  const { clock, server, process } = world()
  const grants = process()
  await connected(grants, server, clock, 0)
  const session = grants.session('acme', 'f')
  const controller = new AbortController()
  const aborted = session.token({ signal: controller.signal })
  const other = session.token()
  const reason = new Error('the user left')
  controller.abort(reason)
  await expect(aborted).rejects.toBe(reason)
  expect((await settled(clock, other)).accessToken).toBe('at-f-1')
  await expect(session.token({ signal: controller.signal })).rejects.toBe(reason)
})

test('minValidityMs causes one refresh, also when it is longer than a whole lifetime', async () => {
  const { clock, server, process } = world()
  const grants = process()
  await connected(grants, server, clock)
  const session = grants.session('acme', 'f')
  await clock.advance(HOUR / 2)
  expect((await session.token({ minValidityMs: HOUR / 4 })).accessToken).toBe('at-f-0')
  expect((await settled(clock, session.token({ minValidityMs: HOUR * 0.75 }))).accessToken).toBe('at-f-1')
  await clock.advance(120_000)
  const asked = [0, 1, 2].map(() => session.token({ minValidityMs: 10 * HOUR }))
  const tokens = await settled(clock, Promise.all(asked))
  expect(tokens.map((token) => token.accessToken)).toEqual(['at-f-2', 'at-f-2', 'at-f-2'])
  await session.token({ minValidityMs: 10 * HOUR })
  expect(server.redemptions).toBe(2)
})

test('a token with expires_in 0 is returned to the callers of its refresh, and the next refresh comes a second later', async () => {
  const { clock, server, process } = world()
  server.lifetimeS = 0
  const grants = process()
  await connected(grants, server, clock, 0)
  const session = grants.session('acme', 'f')
  const first = await settled(clock, Promise.all([session.accessToken(), session.accessToken()]), 1)
  expect(first).toEqual(['at-f-1', 'at-f-1'])
  const begun = clock.now()
  expect(await settled(clock, session.accessToken(), 50)).toBe('at-f-2')
  expect(clock.now() - begun).toBeGreaterThanOrEqual(1000)
})

test('a token of unknown lifetime is used until it is rejected', async () => {
  const { clock, server, process } = world()
  server.lifetimeS = undefined
  const grants = process()
  await connected(grants, server, clock, 0)
  const session = grants.session('acme', 'f')
  await settled(clock, session.token())
  await clock.advance(100 * HOUR)
  expect((await session.token()).accessToken).toBe('at-f-1')
  expect((await settled(clock, session.token({ rejected: 'at-f-1' }))).accessToken).toBe('at-f-2')
})

test('a manual refresh replaces a fresh token, and two at once share one refresh', async () => {
  const { clock, server, process } = world()
  const grants = process()
  await connected(grants, server, clock)
  const session = grants.session('acme', 'f')
  const [a, b] = await settled(clock, Promise.all([session.refresh(), session.refresh()]))
  expect([a.accessToken, b.accessToken]).toEqual(['at-f-1', 'at-f-1'])
  expect(server.redemptions).toBe(1)
  await settled(clock, session.refresh())
  expect(server.redemptions).toBe(2)
})

test('a token that expires while it is being saved is not returned', async () => {
  const base = world()
  let holdMs = 0
  const store = wrapStore(base.store, async (operation, real) => {
    if (operation === 'commit' && holdMs > 0) await base.clock.delay(holdMs)
    return real()
  })
  const { clock, server, process } = world({ store, clock: base.clock })
  server.lifetimeS = 2
  const grants = process({ policy: { earlyMs: 0, spentMs: 0 } })
  await connected(grants, server, clock, 0)
  holdMs = 3000
  const waiting = grants.session('acme', 'f').token()
  await clock.advance(1000)
  holdMs = 0
  const token = await settled(clock, waiting, 100, 20_000)
  expect(token.accessToken).toBe('at-f-2')
  expect(token.expiresAt).toBeGreaterThan(clock.now())
})

test.each([
  [1500, 'at-f-0'],
  [400, 'at-f-1'],
])('with a store read of 700 ms, %i ms before the token ends, %s is returned', async (leftMs, token) => {
  const base = world()
  let holdMs = 0
  const store = wrapStore(base.store, async (operation, real) => {
    const answer = await real()
    if (operation === 'read' && holdMs > 0) await base.clock.delay(holdMs)
    return answer
  })
  const { clock, server, process } = world({ store, clock: base.clock })
  const session = await connected(process({ policy: { earlyMs: 0, spentMs: 0 } }), server, clock)
  await session.token()
  await clock.advance(HOUR - leftMs)
  holdMs = 700
  expect((await settled(clock, session.token(), 50)).accessToken).toBe(token)
})
