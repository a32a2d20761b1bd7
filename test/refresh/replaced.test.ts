import { expect, test } from 'vitest'
import { OAuth2Client } from '../../src/client/oauth2-client.ts'
import { deferred } from '../../src/util/async.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { fakeClock } from '../../src/testing/fake-clock.ts'
import { connected, HOUR, key, settled, world, wrapStore } from './setup.ts'

/** A store with its own clock, whose next read can be held back. */
function slowLooks() {
  const clock = fakeClock()
  let aheadMs = 0
  const inner = memoryStore({ clock: { now: () => clock.now() + aheadMs } })
  let late: ReturnType<typeof deferred> | undefined
  const store = wrapStore(inner, async (operation, real) => {
    const answer = await real()
    if (operation === 'read' && late !== undefined) {
      const held = late
      late = undefined
      await held.promise
    }
    return answer
  })
  return {
    ...world({ clock, store }),
    inner,
    setStoreClock: (byMs: number) => {
      aheadMs += byMs
    },
    holdNextLook: () => {
      const held = deferred()
      late = held
      return () => held.resolve()
    },
  }
}

const settings = { 'as it was': 0, 'set back during the read': -HOUR, 'set forth during the read': HOUR } as const

test.for(Object.entries(settings))(
  'a read from before a new login does not bring the old one back, the store’s clock %s',
  async ([, setMs]) => {
    const { clock, holdNextLook, process, server, setStoreClock } = slowLooks()
    const grants = process()
    await connected(grants, server, clock, HOUR)
    const session = grants.session('acme', 'f')
    await settled(clock, session.token())
    // Many refreshes, so that a higher version does not identify the new login, which may begin at 1.
    for (let round = 0; round < 3; round += 1) await settled(clock, session.refresh())
    await clock.advance(61_000)
    const arrive = holdNextLook()
    const first = session.token()
    first.catch(() => undefined)
    await clock.advance(0)
    setStoreClock(setMs)
    await grants.save('acme', 'f', { ...server.issue('g'), access_token: 'of-the-new-log-in', expires_in: 3600 })
    arrive()
    await settled(clock, first)
    await clock.advance(100)
    expect((await settled(clock, session.token())).accessToken).toBe('of-the-new-log-in')
  },
)

test.for(Object.entries(settings))(
  'a login in another process, after the old one was disconnected there, is used here, the store’s clock %s',
  async ([, setMs]) => {
    const { clock, process, server, setStoreClock } = slowLooks()
    const [here, there] = [process(), process()]
    await connected(here, server, clock, HOUR)
    const session = here.session('acme', 'f')
    for (let round = 0; round < 3; round += 1) await settled(clock, session.refresh())
    setStoreClock(setMs)
    await settled(clock, there.disconnect('acme', 'f'))
    await there.save('acme', 'f', { ...server.issue('g'), access_token: 'of-the-new-log-in', expires_in: 7200 })
    // Longer than twice `revalidateMs`.
    await clock.advance(61_000)
    expect((await settled(clock, session.token())).accessToken).toBe('of-the-new-log-in')
    expect(server.reuses).toBe(0)
  },
)

test('reads of one login that overtake each other do not bring an older version back', async () => {
  const { clock, holdNextLook, inner, process, server } = slowLooks()
  const [here, there] = [process(), process()]
  await connected(here, server, clock, HOUR)
  const session = here.session('acme', 'f')
  await settled(clock, session.token())
  await clock.advance(61_000)
  const arrive = holdNextLook()
  const first = session.token()
  first.catch(() => undefined)
  await clock.advance(0)
  expect((await settled(clock, there.session('acme', 'f').refresh())).accessToken).toBe('at-f-1')
  expect((await settled(clock, session.token({ rejected: 'at-f-0' }))).accessToken).toBe('at-f-1')
  arrive()
  await settled(clock, first)
  expect((await session.token()).accessToken).toBe('at-f-1')
  expect((await inner.read(key())).record).toMatchObject({ version: 2 })
})

test('a read of the old record, while a new login is being stored, does not outlive that login', async () => {
  const clock = fakeClock()
  const inner = memoryStore({ clock })
  let held = Promise.resolve()
  const store = wrapStore(inner, async (operation, real) => {
    if (operation === 'put') await held
    return real()
  })
  const { process, server } = world({ clock, store })
  const grants = process()
  const session = await connected(grants, server, clock)
  await session.token()
  await clock.advance(31_000)
  const late = deferred()
  held = late.promise
  const saving = grants.save('acme', 'f', { ...server.issue('g'), expires_in: 3600 })
  await clock.advance(1)
  expect((await session.token()).accessToken).toBe('at-f-0')
  await clock.advance(1)
  late.resolve()
  await settled(clock, saving)
  expect((await session.token()).accessToken).toBe('at-g-0')
})

test('a token that is unsealed slowly gives way to a newer one that arrived in the meantime', async () => {
  const { clock, process, server } = world()
  let late: ReturnType<typeof deferred> | undefined
  const keys = {
    seal: async (text: string) => text,
    open: async (text: string) => {
      const held = late
      late = undefined
      await held?.promise
      return text
    },
  }
  await connected(process({ keys }), server, clock)
  const session = process({ keys }).session('acme', 'f')
  const held = deferred()
  late = held
  const details = session.details()
  await clock.advance(0)
  server.extra = { realm: 'new' }
  await settled(clock, session.refresh())
  held.resolve()
  expect((await settled(clock, details)).extra).toEqual({ realm: 'new' })
})

test('a grant that was replaced through another client registration is not used by a process without that registration', async () => {
  const { clock, process, server } = world()
  const session = await connected(process(), server, clock)
  expect((await session.token()).accessToken).toBe('at-f-0')
  const other = new OAuth2Client({ provider: server.provider, clientId: 'another-id', fetch: server.fetch, clock })
  await connected(process({ clients: { acme: other } }), server, clock, HOUR, 'f')
  await clock.advance(61_000)
  await expect(settled(clock, session.token())).rejects.toMatchObject({ code: 'config_error' })
})

test('a grant that was replaced is not used while the resolver of the new login’s client hangs', async () => {
  const { clock, makeClient, process, server } = world()
  const known = makeClient()
  let hangs = false
  const clients = (): Promise<OAuth2Client> => (hangs ? new Promise(() => undefined) : Promise.resolve(known))
  const session = await connected(process({ clients }), server, clock)
  expect((await session.token()).accessToken).toBe('at-f-0')
  const other = new OAuth2Client({ provider: server.provider, clientId: 'another-id', fetch: server.fetch, clock })
  await connected(process({ clients: { acme: other } }), server, clock, HOUR, 'f')
  hangs = true
  await clock.advance(61_000)
  await expect(settled(clock, session.token())).rejects.toMatchObject({ retryable: true })
})
