import { setTimeout as sleep } from 'node:timers/promises'

import { afterEach, describe, expect, test, vi } from 'vitest'

import { completeClock, idleDelay, MAX_TIMER_MS, startTimer, systemClock } from '../../src/util/clock.ts'

afterEach(() => {
  vi.useRealTimers()
})

describe("the machine's clock", () => {
  test('returns the time of day and a monotonic time', () => {
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

  test('waits longer than JavaScript’s longest timer, and not at all for a negative time', async () => {
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

  test('a wait of any length keeps the process running, but an idle wait does not', () => {
    const set = vi.spyOn(globalThis, 'setTimeout')
    const controller = new AbortController()
    const ignore = (): void => undefined
    systemClock.delay(60_000, controller.signal).catch(ignore)
    idleDelay(systemClock, 60_000, controller.signal).catch(ignore)
    const stops = [startTimer(systemClock, 60_000, ignore), startTimer(systemClock, 60_000, ignore, { idle: true })]
    const timers = set.mock.results.map(({ value }) => (value as NodeJS.Timeout).hasRef())
    expect(timers).toEqual([true, false, true, false])
    controller.abort()
    for (const stop of stops) stop()
    set.mockRestore()
  })

  test('an idle wait of a custom clock uses that clock', async () => {
    const waited: number[] = []
    await idleDelay({ ...systemClock, delay: async (ms) => void waited.push(ms) }, 5000)
    expect(waited).toEqual([5000])
  })
})

describe('completing a clock', () => {
  test('without a clock, the machine’s clock is used', () => {
    expect(completeClock(undefined)).toBe(systemClock)
  })

  test('a clock with only the time of day is its own monotonic clock, and waits in real time', async () => {
    const clock = completeClock({ now: () => 42 })
    expect([clock.now(), clock.monotonic()]).toEqual([42, 42])
    await Promise.race([clock.delay(1), sleep(5000).then(() => expect.unreachable())])
  })

  test('a complete clock is used for everything', async () => {
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
