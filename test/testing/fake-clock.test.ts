import { afterEach, describe, expect, test, vi } from 'vitest'

import { fakeClock } from '../../src/testing/index.ts'

afterEach(() => {
  vi.useRealTimers()
})

test('time stands still until it is advanced', async () => {
  const clock = fakeClock({ now: 1_000 })
  expect([clock.now(), clock.monotonic()]).toEqual([1_000, 0])
  await clock.advance(5)
  expect([clock.now(), clock.monotonic()]).toEqual([1_005, 5])
  expect(fakeClock().now()).toBe(Date.UTC(2026, 0, 1))
})

test('waits end in order, each at its own time, and their continuations run before the next one ends', async () => {
  const clock = fakeClock({ now: 0 })
  const seen: string[] = []
  const wait = async (name: string, ms: number): Promise<void> => {
    await clock.delay(ms)
    seen.push(`${name} ${clock.now()}`)
  }
  void wait('late', 30)
  void wait('early', 10).then(() => wait('after early', 10))
  void wait('same', 10)
  expect(clock.pending).toBe(3)
  await clock.advance(25)
  expect(seen).toEqual(['early 10', 'same 10', 'after early 20'])
  expect(clock.pending).toBe(1)
  await clock.advance(5)
  expect(seen.at(-1)).toBe('late 30')
  expect(clock.pending).toBe(0)
})

test('results of Web Crypto arrive between two waits', async () => {
  const clock = fakeClock({ now: 0 })
  const times: number[] = []
  const run = async (): Promise<void> => {
    for (let round = 0; round < 3; round++) {
      await crypto.subtle.digest('SHA-256', new Uint8Array(8))
      await clock.delay(10)
      times.push(clock.now())
    }
  }
  const done = run()
  await clock.advance(100)
  await done
  expect(times).toEqual([10, 20, 30])
})

test('a wait of 0 ms or less ends at once', async () => {
  const clock = fakeClock()
  await clock.delay(0)
  await clock.delay(-1)
  await clock.delay(Number.NaN)
  expect(clock.pending).toBe(0)
})

describe('an aborted wait', () => {
  test("rejects with the signal's reason and is no longer pending", async () => {
    const clock = fakeClock()
    const controller = new AbortController()
    const wait = clock.delay(10, controller.signal)
    const reason = new Error('enough')
    controller.abort(reason)
    await expect(wait).rejects.toBe(reason)
    await expect(clock.delay(10, controller.signal)).rejects.toBe(reason)
    expect(clock.pending).toBe(0)
  })

  test('a wait that ended before is not affected', async () => {
    const clock = fakeClock()
    const controller = new AbortController()
    const wait = clock.delay(10, controller.signal)
    await clock.advance(10)
    controller.abort()
    await wait
  })
})

test('a jump of the time of day ends no wait', async () => {
  const clock = fakeClock({ now: 1_000 })
  let ended = false
  void clock.delay(10).then(() => (ended = true))
  clock.set(1_000_000)
  await clock.advance(9)
  expect([clock.now(), clock.monotonic(), ended]).toEqual([1_000_009, 9, false])
  clock.set(0)
  await clock.advance(1)
  expect([clock.now(), clock.monotonic(), ended]).toEqual([1, 10, true])
})

test("a test runner's fake timers don't stop it", async () => {
  vi.useFakeTimers()
  const clock = fakeClock()
  const wait = clock.delay(10)
  await clock.advance(10)
  await wait
})
