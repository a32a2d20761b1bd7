import { setTimeout as sleep } from 'node:timers/promises'

import { afterEach, describe, expect, test, vi } from 'vitest'

import { completeClock, MAX_TIMER_MS, systemClock } from '../../src/clock.ts'

afterEach(() => {
  vi.useRealTimers()
})

describe("the machine's clock", () => {
  test('tells the time of day, and a time that never goes back', () => {
    expect(Math.abs(systemClock.now() - Date.now())).toBeLessThan(1000)
    expect(systemClock.monotonic()).toBeLessThanOrEqual(systemClock.monotonic())
  })

  test('waits', async () => {
    vi.useFakeTimers()
    let done = false
    const wait = systemClock.delay(500).then(() => (done = true))
    await vi.advanceTimersByTimeAsync(499)
    expect(done).toBe(false)
    await vi.advanceTimersByTimeAsync(1)
    await wait
    expect(done).toBe(true)
  })

  test('waits no shorter than JavaScript’s longest timer for what is longer, and not at all for less than nothing', async () => {
    vi.useFakeTimers()
    const set = vi.spyOn(globalThis, 'setTimeout')
    void systemClock.delay(1e15)
    void systemClock.delay(-5)
    expect(set.mock.calls.map(([, ms]) => ms)).toEqual([MAX_TIMER_MS, 0])
  })

  test('stops waiting when the signal aborts, with its reason', async () => {
    const controller = new AbortController()
    const wait = systemClock.delay(60_000, controller.signal)
    const reason = new Error('enough')
    controller.abort(reason)
    await expect(wait).rejects.toBe(reason)
    await expect(systemClock.delay(60_000, controller.signal)).rejects.toBe(reason)
  })

  test('leaves no listener behind at a signal that did not abort', async () => {
    const { signal } = new AbortController()
    const removed = vi.spyOn(signal, 'removeEventListener')
    await systemClock.delay(1, signal)
    expect(removed).toHaveBeenCalledOnce()
  })

  test('a long wait does not keep a process alive', () => {
    const set = vi.spyOn(globalThis, 'setTimeout')
    const controller = new AbortController()
    systemClock.delay(60_000, controller.signal).catch(() => undefined)
    const timer = set.mock.results[0]?.value as NodeJS.Timeout
    expect(timer.hasRef()).toBe(false)
    controller.abort()
    set.mockRestore()
  })
})

describe('completing a clock', () => {
  test('none is the machine’s', () => {
    expect(completeClock(undefined)).toBe(systemClock)
  })

  test('one that only tells the time is its own monotonic clock, and waits in real time', async () => {
    const clock = completeClock({ now: () => 42 })
    expect([clock.now(), clock.monotonic()]).toEqual([42, 42])
    await Promise.race([clock.delay(1), sleep(5000).then(() => expect.unreachable())])
  })

  test('one that has all is asked for all', async () => {
    const asked: unknown[] = []
    const clock = completeClock({
      now: () => 1,
      monotonic: () => 2,
      delay: async (ms, signal) => void asked.push(ms, signal),
    })
    const { signal } = new AbortController()
    await clock.delay(3, signal)
    expect([clock.now(), clock.monotonic(), ...asked]).toEqual([1, 2, 3, signal])
  })
})
