import { expect, test } from 'vitest'
import { OAuth2Session } from '../../src/session.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { fakeClock } from '../../src/testing/fake-clock.ts'
import { connected, HOUR, settled, world, wrapStore } from './setup.ts'

const DAY = 24 * HOUR

for (const alone of [true, false]) {
  const whose = alone ? 'a session alone' : 'a grant in a store of this machine'
  for (const backMs of [HOUR / 2, HOUR, DAY]) {
    test(`${whose} is not served past its end by a clock that was set back ${backMs} ms`, async () => {
      const { clock, makeClient, process, server } = world()
      const issued = server.issue('f')
      const session = alone
        ? new OAuth2Session(makeClient(), { token: { ...issued, expires_in: 3600 } })
        : await connected(process(), server, clock)
      await session.token()
      await clock.advance(HOUR / 2)
      clock.set(clock.now() - backMs)
      await session.token()
      await clock.advance(HOUR / 4)
      expect((await settled(clock, session.token())).accessToken).toBe('at-f-0')
      await clock.advance(HOUR / 4)
      await settled(clock, session.token())
      expect((await settled(clock, session.token())).accessToken).toBe('at-f-1')
    })
  }

  test(`${whose} that was refreshed by a clock a day ahead is not served for a day when that is set right`, async () => {
    const { clock, makeClient, process, server } = world()
    const session = alone
      ? new OAuth2Session(makeClient(), { token: { ...server.issue('f'), expires_in: 3600 } })
      : await connected(process(), server, clock)
    clock.set(clock.now() + DAY)
    expect((await settled(clock, session.token())).accessToken).toBe('at-f-1')
    clock.set(clock.now() - DAY)
    expect((await settled(clock, session.token())).accessToken).toBe('at-f-1')
    await clock.advance(HOUR + 1000)
    expect((await settled(clock, session.token())).accessToken).toBe('at-f-2')
  })
}

for (const backMs of [HOUR / 2, DAY]) {
  test(`a token whose save hangs is not served past its end when the clock was set back ${backMs} ms during its request`, async () => {
    const clock = fakeClock()
    let down = false
    const store = wrapStore(memoryStore({ clock }), (operation, real) =>
      down && operation === 'commit' ? new Promise(() => undefined) : real(),
    )
    const answering: typeof globalThis.fetch = async (...request) => {
      const response = await server.fetch(...request)
      clock.set(clock.now() - backMs)
      return response
    }
    const { process, server } = world({ clock, store, client: { fetch: answering } })
    const session = await connected(process(), server, clock, 0)
    down = true
    expect((await settled(clock, session.token())).accessToken).toBe('at-f-1')
    for (let minutes = 0; minutes < 59; minutes += 1) await clock.advance(60_000)
    expect((await settled(clock, session.token())).accessToken).toBe('at-f-1')
    await clock.advance(60_000)
    await expect(settled(clock, session.token())).rejects.toMatchObject({ code: 'store_error' })
  })
}

for (const back of [HOUR, DAY]) {
  test(`a login that replaces a grant is not served past its end when the store's clock was set back ${back} ms since that was read`, async () => {
    const clock = fakeClock()
    let setBackMs = 0
    const store = memoryStore({ clock: { ...clock, now: () => clock.now() - setBackMs } })
    const { process, server } = world({ clock, store })
    const grants = process()
    await (await connected(grants, server, clock, 60_000)).token()
    setBackMs = back
    await clock.advance(1000)
    await grants.save('acme', 'f', { ...server.issue('g'), expires_in: 60 })
    const other = process()
    for (const each of [other, grants]) expect(await each.session('acme', 'f').accessToken()).toBe('at-g-0')
    await clock.advance(61_000)
    for (const each of [other, grants])
      expect(await settled(clock, each.session('acme', 'f').accessToken())).toBe('at-g-1')
  })
}
