import { afterEach, describe, expect, test } from 'vitest'

import { Grants } from '../../src/grants.ts'
import { OAuth2Client } from '../../src/index.ts'
import { keyRing } from '../../src/seal/index.ts'
import { fakeClock, type FakeClock, scriptedProvider } from '../../src/testing/index.ts'
import { inProcess } from './fixtures/in-process.ts'

const HOUR_MS = 3_600_000
const key = { client: 'acme', subject: 'u', account: '' }

const kinds = ['the memory store', 'node:sqlite in memory', 'a backend in a Map'] as const

const closing: (() => Promise<unknown>)[] = []
afterEach(() => Promise.all(closing.splice(0).map((close) => close())))

describe.each(kinds)('when the clock of %s is set back', (kind) => {
  /** Two processes that share a store, and an expired token. */
  async function processes(policy: ConstructorParameters<typeof Grants>[0]['policy'] = {}) {
    const clock = fakeClock()
    const provider = scriptedProvider({ clock, expiresIn: 600 })
    const store = inProcess[kind](clock)
    const client = () =>
      new OAuth2Client({
        provider: provider.provider,
        clientId: 'c',
        clientSecret: 'a-client-secret',
        fetch: provider.fetch,
        clock,
      })
    const open = () =>
      new Grants({ clients: { acme: client() }, store, clock, keys: keyRing(`k:${'A'.repeat(43)}`), policy })
    const [first, second] = [open(), open()]
    closing.push(() => store.close())
    await first.save('acme', 'u', provider.issue())
    return { clock, provider, store, first, second }
  }

  /** How long it takes, in steps of a second, until this resolves to something. */
  async function secondsUntil<T>(clock: FakeClock, ask: () => Promise<T | undefined>): Promise<number> {
    for (let second = 0; second <= 4000; second += 1) {
      let answer: T | undefined
      const asked = ask().then(
        (value) => (answer = value),
        () => undefined,
      )
      await clock.advance(1000)
      if (answer !== undefined) return second
      void asked
    }
    return Number.POSITIVE_INFINITY
  }

  test.each([61_000, HOUR_MS, 24 * HOUR_MS])('by %i ms, a crashed process costs seconds', async (backMs) => {
    const { clock, store, second } = await processes()
    const { record } = await store.read(key)
    // It crashed between its claim and its response.
    const request = { leaseMs: 15_000, settleMs: 15_000, intent: { hash: 'h', sendWithinMs: 5_000 } }
    await store.claim(key, { id: record!.id, version: 1, owner: 'dead', ...request })
    clock.set(clock.now() - backMs)
    expect(await secondsUntil(clock, () => second.session('acme', 'u').refresh())).toBeLessThan(45)
  })

  test.each([
    [2000, HOUR_MS],
    [60_000, HOUR_MS],
    [60_000, 30 * 24 * HOUR_MS],
  ])('a back-off of %i ms does not become one of %i ms', async (delayMs, backMs) => {
    const { clock, store, second } = await processes()
    const { record, now } = await store.read(key)
    const request = { leaseMs: 15_000, settleMs: 15_000, intent: { hash: 'h', sendWithinMs: 5_000 } }
    await store.claim(key, { id: record!.id, version: 1, owner: 'first', ...request })
    const failures = { code: 'provider_unavailable', count: 1, firstAt: now, lastAt: now, mandatory: true }
    await store.release(key, { owner: 'first', spent: 'no', failures: { ...failures, notBefore: now + delayMs } })
    clock.set(clock.now() - backMs)
    const seconds = await secondsUntil(clock, () => second.session('acme', 'u').refresh())
    expect(seconds).toBeLessThan(delayMs / 1000 + 5)
    expect(seconds).toBeGreaterThanOrEqual(Math.floor(delayMs / 1000) - 1)
  })

  test('and forward again, each time costs seconds', async () => {
    const { clock, store, second } = await processes()
    for (const setMs of [-HOUR_MS, 2 * HOUR_MS, -3 * HOUR_MS, HOUR_MS]) {
      const { record } = await store.read(key)
      const request = { leaseMs: 15_000, settleMs: 15_000, intent: { hash: 'h', sendWithinMs: 5_000 } }
      await store.claim(key, { id: record!.id, version: record!.version, owner: `dead ${setMs}`, ...request })
      clock.set(clock.now() + setMs)
      const refreshed = async () => {
        await second.session('acme', 'u').refresh()
        return (await store.read(key)).record!.version > record!.version || undefined
      }
      expect(await secondsUntil(clock, refreshed)).toBeLessThan(45)
    }
  })

  test('a worker refreshes a grant whose back-off is by the earlier clock', async () => {
    const { clock, store, first, provider } = await processes()
    await first.save('acme', 'u', { ...provider.issue(), expires_in: undefined, expires_at: 1 })
    const { record } = await store.read(key)
    provider.script({ status: 503, headers: { 'Retry-After': '20' } })
    const worker = first.keepFresh()
    await clock.advance(3000)
    expect((await store.read(key)).record?.failures?.mandatory).toBe(true)
    clock.set(clock.now() - HOUR_MS)
    const renewed = async () => (await store.read(key)).record!.version > record!.version || undefined
    expect(await secondsUntil(clock, renewed)).toBeLessThan(90)
    await worker.stop()
    expect(worker.stats().refreshed).toBe(1)
  })

  test.each([61_000, HOUR_MS])(
    'by %i ms, a worker that asks by the earlier clock reserves no grant until then',
    async (backMs) => {
      const { clock, store } = await processes()
      const due = (before: number): Promise<number> =>
        store.due({ before, limit: 10, reserveMs: 60_000 }).then(({ records }) => records.length)
      expect(await due(clock.now())).toBe(0)
      const before = clock.now() + 10_000
      clock.set(clock.now() - backMs)
      await store.put(key, { ...(await store.read(key)).record!, id: 'anew', refreshAfter: clock.now() + 5000 })
      // An answer that was asked for before the clock was set.
      await due(before)
      await clock.advance(4000)
      expect(await due(clock.now())).toBe(0)
      await clock.advance(1000)
      expect(await due(clock.now())).toBe(1)
      expect(await due(clock.now())).toBe(0)
    },
  )
})
