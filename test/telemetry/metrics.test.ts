import { expect, test } from 'vitest'
import { ConfigError, StoreError } from '../../src/model/errors.ts'
import { OAuth2Session } from '../../src/session.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { instrument, type Instrumentable } from '../../src/telemetry/index.ts'
import { fakeClock } from '../../src/testing/fake-clock.ts'
import { deferred } from '../../src/util/async.ts'
import { json } from '../refresh/fake-server.ts'
import { claimedElsewhere, connected, HOUR, settled, world, wrapStore } from '../refresh/setup.ts'
import { sdk } from './setup.ts'

const acme = { 'evergrant.client': 'acme' }

test('refreshes are counted by client, cause and outcome, and timed by the clock of the grants in seconds', async () => {
  const { instrument, values, times } = sdk()
  const { clock, process, server } = world()
  const grants = process()
  const [f, g] = [await connected(grants, server, clock, 0), await connected(grants, server, clock, HOUR, 'g')]
  instrument(grants)
  const gate = deferred()
  server.gate = gate.promise
  const waiting = f.token()
  await clock.advance(1500)
  gate.resolve()
  await settled(clock, waiting)
  await settled(clock, g.refresh())
  await settled(clock, g.refresh())
  server.faults.push({ answer: () => json({ error: 'invalid_client' }, 401) })
  await expect(settled(clock, f.refresh())).rejects.toThrow()
  server.kill('g')
  await expect(settled(clock, g.refresh())).rejects.toThrow()
  const spent = { ...acme, 'evergrant.cause': 'spent', 'evergrant.outcome': 'refreshed' }
  const manual = { ...acme, 'evergrant.cause': 'manual' }
  expect(await values('refreshes')).toEqual([
    [spent, 1],
    [{ ...manual, 'evergrant.outcome': 'refreshed' }, 2],
    [{ ...manual, 'evergrant.outcome': 'failed', 'error.type': 'invalid_client' }, 1],
    [
      {
        ...manual,
        'evergrant.outcome': 'ended',
        'evergrant.reason': 'revoked',
        'error.type': 'reauthorization_required',
      },
      1,
    ],
  ])
  expect((await times('refresh.duration'))[0]).toEqual([spent, 1, 1.5])
  expect((await times('caller.wait.duration'))[0]).toEqual([spent, 1, 1.5])
  expect(await times('refresh.process_wait.duration')).toEqual([])
  expect(await values('grants.ended')).toEqual([[{ ...acme, 'evergrant.reason': 'revoked' }, 1]])
})

test('the wait for another process is timed', async () => {
  const { instrument, times } = sdk()
  const { clock, process, server, store } = world()
  const grants = process()
  const session = await connected(grants, server, clock, 0)
  await claimedElsewhere(store)
  instrument(grants)
  const waiting = session.token()
  await clock.advance(1000)
  await store.release({ client: 'acme', subject: 'f', account: '' }, { owner: 'another process', spent: 'no' })
  await settled(clock, waiting, 10)
  const [[attributes, count, seconds] = []] = await times('refresh.process_wait.duration')
  expect([attributes, count]).toEqual([{ ...acme, 'evergrant.cause': 'spent' }, 1])
  expect(seconds).toBeGreaterThanOrEqual(1)
  expect(seconds).toBeLessThan(1.5)
})

test('retries to save are counted', async () => {
  const { instrument, values } = sdk()
  const clock = fakeClock()
  let failing = 0
  const store = wrapStore(memoryStore({ clock }), (operation, real) => {
    if (operation !== 'commit' || failing === 0) return real()
    failing -= 1
    return Promise.reject(new StoreError('down'))
  })
  const { process, server } = world({ clock, store })
  const grants = process()
  const session = await connected(grants, server, clock, 0)
  instrument(grants)
  failing = 3
  await settled(clock, session.token())
  await clock.advance(60_000)
  expect(await values('save.retries')).toEqual([[acme, 3]])
})

test('repeated calls of onToken are counted as retries to save', async () => {
  const { instrument, values } = sdk()
  const { clock, makeClient, server } = world()
  let failing = 2
  const session = new OAuth2Session(makeClient(), {
    token: { ...server.issue(), expires_at: clock.now() / 1000 },
    onToken: () => {
      failing -= 1
      if (failing >= 0) throw new Error('down')
    },
  })
  instrument(session)
  await settled(clock, session.token())
  await clock.advance(60_000)
  expect(await values('save.retries')).toEqual([[{ 'evergrant.client': 'fake' }, 2]])
})

test('a suspect client is counted', async () => {
  const { instrument, values } = sdk()
  const { clock, process, server } = world()
  const grants = process()
  instrument(grants)
  for (let index = 0; index < 12; index += 1) {
    const session = await connected(grants, server, clock, 0, `s${index}`)
    server.faults.push({ answer: () => json({ error: 'invalid_client' }, 401) })
    await expect(settled(clock, session.refresh())).rejects.toThrow()
  }
  expect(await values('client.suspects')).toEqual([[acme, 1]])
})

test('gauges count the stored grants by state and find the oldest due one, until stopped', async () => {
  const { instrument, values } = sdk()
  const { clock, process, server } = world()
  const grants = process()
  const f = await connected(grants, server, clock)
  await connected(grants, server, clock, HOUR, 'g')
  server.kill('f')
  await expect(settled(clock, f.refresh())).rejects.toThrow()
  const telemetry = instrument(grants, { gauges: true })
  expect(await values('grants')).toEqual([
    [{ ...acme, 'evergrant.state': 'active' }, 1],
    [{ ...acme, 'evergrant.state': 'reauthorization_required' }, 1],
  ])
  expect(await values('grants.oldest_due.age')).toEqual([[{}, 0]])
  const { nextRefreshAt = 0 } = (await grants.status('acme', 'g'))!
  await clock.advance(nextRefreshAt - clock.now() + 7000)
  expect(await values('grants.oldest_due.age')).toEqual([[{}, 7]])
  telemetry.stop()
  await connected(grants, server, clock, HOUR, 'h')
  await clock.advance(1000)
  // The SDK repeats the last values.
  expect((await values('grants')).map(([, count]) => count)).toEqual([1, 1])
  expect(await values('grants.oldest_due.age')).toEqual([[{}, 7]])
})

test('without gauges, a collection does not read the store', async () => {
  const { instrument, values } = sdk()
  const clock = fakeClock()
  const operations: string[] = []
  const store = wrapStore(memoryStore({ clock }), (operation, real) => {
    operations.push(operation)
    return real()
  })
  const { process } = world({ clock, store })
  instrument(process())
  expect(await values('grants')).toEqual([])
  expect(operations).toEqual([])
})

test('two instrumentations of the same grants both count', async () => {
  const [a, b] = [sdk(), sdk()]
  const { clock, process, server } = world()
  const grants = process()
  const session = await connected(grants, server, clock, 0)
  a.instrument(grants)
  b.instrument(grants)
  await settled(clock, session.token())
  for (const { spans, values } of [a, b]) {
    expect((await values('refreshes')).map(([, count]) => count)).toEqual([1])
    expect(spans('refresh')).toHaveLength(1)
  }
})

test('instrument() refuses what it cannot observe, and says what to instrument', async () => {
  const { clock, process, server, makeClient } = world()
  const grants = process()
  const session = await connected(grants, server, clock)
  expect(() => instrument(session)).toThrow(ConfigError)
  expect(() => instrument(session)).toThrow(/Sessions of Grants are instrumented with them/)
  for (const value of [undefined, null, 'grants', {}])
    expect(() => instrument(value as Instrumentable)).toThrow(ConfigError)
  const alone = new OAuth2Session(makeClient(), { token: server.issue() })
  expect(() => instrument(alone, { gauges: true })).toThrow(/no gauges/)
  instrument(alone).stop()
})

test('without an SDK, everything works and nothing is exported', async () => {
  const { clock, process, server } = world()
  const grants = process()
  const session = await connected(grants, server, clock, 0)
  const telemetry = instrument(grants, { gauges: true })
  expect((await settled(clock, session.token())).accessToken).toBe('at-f-1')
  telemetry.stop()
})
