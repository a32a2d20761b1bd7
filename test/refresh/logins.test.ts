import { expect, test } from 'vitest'
import { memoryStore } from '../../src/stores/memory.ts'
import type { GrantStore } from '../../src/stores/store.ts'
import { fakeClock } from '../../src/testing/fake-clock.ts'
import { connected, HOUR, key, settled, world, wrapStore } from './setup.ts'

/** A store that counts its operations, and that can lose what it knows. */
function countedStore(inner: () => GrantStore) {
  const counts: Record<string, number> = {}
  const store = wrapStore(
    new Proxy({} as GrantStore, {
      get: (_target, name) => {
        const member = (inner() as unknown as Record<string | symbol, unknown>)[name]
        return typeof member === 'function' ? (member as (...args: unknown[]) => unknown).bind(inner()) : member
      },
    }),
    (operation, real) => {
      counts[operation] = (counts[operation] ?? 0) + 1
      return real()
    },
  )
  return { store, counts }
}

for (const setBackMs of [0, 1000, HOUR, 48 * HOUR]) {
  for (const refreshes of [0, 1, 5]) {
    test(`a login that another process stored in place of the grant is used, with the clock set back by ${setBackMs} ms and ${refreshes} refreshes before`, async () => {
      const clock = fakeClock()
      const inner = memoryStore({ clock })
      const { counts, store } = countedStore(() => inner)
      const { process, server } = world({ clock, store })
      const [first, second] = [process(), process()]
      const session = await connected(first, server, clock)
      for (let count = 0; count < refreshes; count += 1) await settled(clock, session.refresh())
      clock.set(clock.now() - setBackMs)
      await settled(clock, second.disconnect('acme', 'f'))
      await connected(second, server, clock, HOUR, 'f')
      const right = await second.session('acme', 'f').accessToken()
      await clock.advance(61_000)
      expect(await session.accessToken()).toBe(right)
      counts['claim'] = 0
      await settled(clock, session.refresh())
      expect(counts['claim']).toBeLessThan(5)
    })
  }
}

test('a slow read does not bring back a login that another process has replaced', async () => {
  const clock = fakeClock()
  const inner = memoryStore({ clock })
  let answer: (() => void) | undefined
  let slow = false
  const store = wrapStore(inner, async (operation, real) => {
    const result = await real()
    if (operation === 'read' && slow) {
      slow = false
      await new Promise<void>((resolve) => (answer = resolve))
    }
    return result
  })
  const { process, server } = world({ clock, store })
  const grants = process()
  const session = await connected(grants, server, clock)
  await session.token()
  await clock.advance(31_000)
  slow = true
  await session.token()
  await clock.advance(1)
  expect(answer).toBeDefined()
  await settled(clock, grants.disconnect('acme', 'f'))
  await connected(grants, server, clock, HOUR, 'f')
  const { record } = await inner.read(key())
  answer?.()
  await clock.advance(10)
  expect((await session.status()).id).toBe(record!.id)
  expect((await settled(clock, session.refresh())).accessToken).not.toBe('at-f-0')
  expect((await inner.read(key())).record!.id).toBe(record!.id)
})

test('a disconnection ends also what this process still holds of the earlier login', async () => {
  const { clock, process, server, store } = world()
  const [here, there] = [process(), process()]
  const session = await connected(here, server, clock)
  await session.token()
  await connected(there, server, clock, HOUR, 'f')
  await settled(clock, session.disconnect())
  expect((await store.read(key())).record).toBeUndefined()
  await expect(settled(clock, session.token())).rejects.toMatchObject({ code: 'grant_not_found' })
})

test('a refresh that ends after a disconnection does not restore the grant', async () => {
  const { clock, process, server } = world()
  const grants = process()
  const session = await connected(grants, server, clock, 0)
  let open = (): void => undefined
  server.gate = new Promise((resolve) => (open = resolve))
  const refreshing = session.token().catch(({ code }: { code: string }) => code)
  await clock.advance(10)
  await settled(clock, grants.disconnect('acme', 'f'))
  open()
  expect(await settled(clock, refreshing)).toBe('grant_not_found')
  await expect(settled(clock, session.token())).rejects.toMatchObject({ code: 'grant_not_found' })
})

for (const refreshes of [1, 3]) {
  test(`a store that went back by ${refreshes} versions is believed at the next read, and no call loops forever`, async () => {
    const clock = fakeClock()
    let inner: GrantStore = memoryStore({ clock })
    const { counts, store } = countedStore(() => inner)
    const { process, server } = world({ clock, store })
    server.rotate = false
    const session = await connected(process(), server, clock)
    const before = (await inner.read(key())).record!
    for (let count = 0; count < refreshes; count += 1) await settled(clock, session.refresh())
    inner = memoryStore({ clock })
    await inner.put(key(), before)
    counts['claim'] = 0
    expect((await settled(clock, session.refresh())).accessToken).toMatch(/^at-f-/)
    expect(counts['claim']).toBeLessThan(6)
  })
}

test('a claim that always returns "changed" ends in an error, with pauses between', async () => {
  const clock = fakeClock()
  const inner = memoryStore({ clock })
  let claims = 0
  const store = wrapStore(inner, async (operation, real) => {
    if (operation !== 'claim') return real()
    claims += 1
    return { outcome: 'changed', record: (await inner.read(key())).record, now: clock.now() }
  })
  const { process, server } = world({ clock, store })
  const session = await connected(process(), server, clock, 0)
  await expect(settled(clock, session.token())).rejects.toMatchObject({ code: 'refresh_timeout' })
  expect(claims).toBeLessThan(400)
})
