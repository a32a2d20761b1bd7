import { expect, test } from 'vitest'
import { GrantNotFoundError, RefreshTimeoutError } from '../../src/model/errors.ts'
import { deferred } from '../../src/util/async.ts'
import { claimedElsewhere, connected, HOUR, key, settled, world } from './setup.ts'

test('three processes that find the same expired token send one refresh between them', async () => {
  const { clock, server, process } = world()
  const processes = [process(), process(), process()]
  await connected(processes[0]!, server, clock, 0)
  const tokens = await settled(
    clock,
    Promise.all(
      processes.flatMap((grants) => Array.from({ length: 20 }, () => grants.session('acme', 'f').accessToken())),
    ),
  )
  expect(new Set(tokens)).toEqual(new Set(['at-f-1']))
  expect(server.redemptions).toBe(1)
  expect(server.mostUnderway).toBe(1)
})

test('a manual refresh takes the result of a refresh that is in progress in another process', async () => {
  const { clock, server, process } = world()
  const [a, b] = [process(), process()]
  await connected(a, server, clock)
  const gate = deferred()
  server.gate = gate.promise
  const first = a.session('acme', 'f').refresh()
  await clock.advance(10)
  const second = b.session('acme', 'f').refresh()
  await clock.advance(500)
  gate.resolve()
  const tokens = await settled(clock, Promise.all([first, second]))
  expect(tokens.map((token) => token.accessToken)).toEqual(['at-f-1', 'at-f-1'])
  expect(server.redemptions).toBe(1)
})

test('a process whose token was rejected takes the newer one from the store', async () => {
  const { clock, server, process } = world()
  const [a, b] = [process(), process()]
  await connected(a, server, clock)
  await b.session('acme', 'f').token()
  await clock.advance(100_000)
  await settled(clock, a.session('acme', 'f').refresh())
  expect((await settled(clock, b.session('acme', 'f').token({ rejected: 'at-f-0' }))).accessToken).toBe('at-f-1')
  expect(server.redemptions).toBe(1)
})

test('a caller waits no longer than waitMs for another process', async () => {
  const { clock, server, process, store } = world()
  const grants = process({ policy: { waitMs: 2000 } })
  await connected(grants, server, clock, 0)
  await claimedElsewhere(store)
  await expect(settled(clock, grants.session('acme', 'f').token())).rejects.toBeInstanceOf(RefreshTimeoutError)
  expect(server.redemptions).toBe(0)
})

test('when the process that refreshes crashes, another takes over once the lease and the settle time are over, not before', async () => {
  const { clock, server, process, store } = world()
  const grants = process({ policy: { waitMs: 60_000 } })
  await connected(grants, server, clock, 0)
  const claimedAt = clock.now()
  await claimedElsewhere(store)
  const token = await settled(clock, grants.session('acme', 'f').token())
  expect(token.accessToken).toBe('at-f-1')
  expect(clock.now() - claimedAt).toBeGreaterThanOrEqual(20_000)
  expect(clock.now() - claimedAt).toBeLessThan(22_000)
})

test('a lease that is given back without a new token is not waited out', async () => {
  const { clock, server, process, store } = world()
  const session = await connected(process(), server, clock, 0)
  await claimedElsewhere(store)
  const began = clock.now()
  const waiting = session.token()
  await clock.advance(1000)
  await store.release(key(), { owner: 'another process', spent: 'no' })
  expect((await settled(clock, waiting)).accessToken).toBe('at-f-1')
  expect(clock.now() - began).toBeLessThan(1500)
})

test('where the provider does not rotate, the successor of a crashed process does not wait for the settle time', async () => {
  const { clock, server, process, store } = world({ refresh: { rotates: false } })
  server.rotate = false
  const grants = process({ policy: { waitMs: 60_000 } })
  await connected(grants, server, clock, 0)
  const claimedAt = clock.now()
  await claimedElsewhere(store, { leaseMs: 1000, sendWithinMs: 900 })
  await settled(clock, grants.session('acme', 'f').token())
  expect(clock.now() - claimedAt).toBeLessThan(2000)
})

test('a grant that was disconnected elsewhere is not used for longer than twice revalidateMs', async () => {
  const { clock, server, process } = world()
  const [a, b] = [process(), process()]
  await connected(a, server, clock)
  const session = b.session('acme', 'f')
  await session.token()
  await settled(clock, a.disconnect('acme', 'f'))
  await clock.advance(29_000)
  expect((await session.token()).accessToken).toBe('at-f-0')
  await clock.advance(31_000)
  await expect(session.token()).rejects.toBeInstanceOf(GrantNotFoundError)
  expect(server.revoked).toEqual(['rt-f-0'])
})

test('a read of the store that is due happens in the background, and its result is used from then on', async () => {
  const { clock, server, process } = world()
  const [a, b] = [process(), process()]
  await connected(a, server, clock)
  const session = b.session('acme', 'f')
  await session.token()
  await settled(clock, a.session('acme', 'f').refresh())
  await clock.advance(31_000)
  expect((await session.token()).accessToken).toBe('at-f-0')
  await clock.advance(1)
  expect((await session.token()).accessToken).toBe('at-f-1')
})

test('a clock that was set back makes the process read the store again', async () => {
  const { clock, server, process } = world()
  const [a, b] = [process(), process()]
  await connected(a, server, clock, 10 * HOUR)
  const session = b.session('acme', 'f')
  await session.token()
  await settled(clock, a.session('acme', 'f').refresh())
  clock.set(clock.now() - HOUR)
  expect((await session.token()).accessToken).toBe('at-f-1')
})

test('a new login while another process refreshes the old one wins, and stays', async () => {
  const { clock, server, process } = world()
  const [a, b] = [process(), process()]
  await connected(a, server, clock, 0)
  const gate = deferred()
  server.gate = gate.promise
  const old = a.session('acme', 'f').token()
  await clock.advance(10)
  await b.save('acme', 'f', { ...server.issue('g'), expires_at: (clock.now() + HOUR) / 1000 })
  gate.resolve()
  expect((await settled(clock, old)).accessToken).toBe('at-g-0')
  expect((await b.session('acme', 'f').token()).accessToken).toBe('at-g-0')
  expect(server.revoked).toEqual([])
})

test('a refresh that finishes after its grant was disconnected revokes its new token and brings nothing back', async () => {
  const { clock, server, process, store } = world()
  const [a, b] = [process(), process()]
  await connected(a, server, clock, 0)
  const gate = deferred()
  server.gate = gate.promise
  const refresh = a.session('acme', 'f').token()
  await clock.advance(10)
  await b.disconnect('acme', 'f')
  gate.resolve()
  await expect(settled(clock, refresh)).rejects.toBeInstanceOf(GrantNotFoundError)
  expect(server.revoked.sort()).toEqual(['rt-f-0', 'rt-f-1'])
  expect((await store.read(key())).record).toBeUndefined()
})

test('the revocation of a token that came after a disconnection is retried while the provider is down; close() waits only for the attempt in progress', async () => {
  let failing = 2
  let tried = 0
  const { clock, server, process } = world({
    client: {
      fetch: (...request) => {
        if (!new Request(...request).url.endsWith('/revoke')) return server.fetch(...request)
        tried += 1
        failing -= 1
        return failing >= 0 ? Promise.resolve(new Response('', { status: 503 })) : server.fetch(...request)
      },
    },
  })
  for (const subject of ['f', 'g']) {
    const [a, b] = [process(), process()]
    await connected(a, server, clock, 0, subject)
    const gate = deferred()
    server.gate = gate.promise
    const refresh = a.session('acme', subject).token()
    await clock.advance(10)
    await b.disconnect('acme', subject, { revoke: false })
    gate.resolve()
    await expect(settled(clock, refresh)).rejects.toBeInstanceOf(GrantNotFoundError)
    if (subject === 'f') {
      await clock.advance(10_000)
      expect(server.revoked).toEqual(['rt-f-1'])
    } else {
      failing = Number.POSITIVE_INFINITY
      tried = 0
      await settled(clock, a.close())
      expect(tried).toBeLessThanOrEqual(2)
    }
  }
})

test('a process whose clock is an hour off hands out tokens by the time of the store', async () => {
  const { clock, server, process, store } = world()
  const a = process()
  await connected(a, server, clock, HOUR)
  const skewed = {
    ...clock,
    now: () => clock.now() + 2 * HOUR,
    monotonic: () => clock.monotonic(),
    delay: clock.delay.bind(clock),
  }
  const other = world({ store, clock: clock })
  const b = other.process({ clock: skewed })
  const token = await b.session('acme', 'f').token()
  expect(token.accessToken).toBe('at-f-0')
  expect(token.expiresAt).toBe(clock.now() + 3 * HOUR)
})
