import { expect, test } from 'vitest'
import { SharedWork } from '../../src/refresh/shared-work.ts'
import { fakeClock } from '../../src/testing/fake-clock.ts'
import { settled } from './setup.ts'

const never = (): Promise<never> => new Promise(() => undefined)

test('a caller that comes while shared work runs joins it; the next caller starts it again', async () => {
  const shared = new SharedWork<number>(fakeClock(), 60_000)
  let begun = 0
  const begin = async (): Promise<number> => ++begun
  expect(await Promise.all([shared.join(begin), shared.join(begin), shared.wait(begin, 10)])).toEqual([1, 1, 1])
  expect(shared.isRunning).toBe(false)
  expect(await shared.join(begin)).toBe(2)
})

test('shared work may end for new callers before its promise settles, and callers that joined still get its result', async () => {
  const clock = fakeClock()
  const shared = new SharedWork<string>(clock, 60_000)
  const first = shared.wait(async (end) => {
    end()
    await clock.delay(20_000)
    return 'first'
  }, 30_000)
  await clock.advance(1)
  expect(shared.isRunning).toBe(false)
  expect(await shared.join(async () => 'second')).toBe('second')
  expect(await settled(clock, first)).toBe('first')
})

test('a caller waits no longer than its limit; the work goes on and is joined', async () => {
  const clock = fakeClock()
  const shared = new SharedWork<string>(clock, 60_000)
  const begin = async (): Promise<string> => {
    await clock.delay(20_000)
    return 'done'
  }
  const began = clock.now()
  expect(await settled(clock, shared.wait(begin, 4500))).toBeUndefined()
  expect(clock.now() - began).toBeLessThan(4700)
  expect(shared.isRunning).toBe(true)
  expect(await settled(clock, shared.wait(never, 60_000))).toBe('done')
  expect(await shared.wait(begin, 0)).toBeUndefined()
})

test('work that takes too long is no longer joined, and its late end ends nothing else', async () => {
  const clock = fakeClock()
  const shared = new SharedWork<string>(clock, 10_000)
  let finish: (text: string) => void = () => undefined
  const first = shared.join(() => new Promise((resolve) => (finish = resolve)))
  await clock.advance(10_001)
  expect(shared.isRunning).toBe(false)
  const second = shared.join(never)
  finish('first')
  expect(await first).toBe('first')
  expect(shared.isRunning).toBe(true)
  expect(second).not.toBe(first)
})

test('work whose host stopped its timers is restarted by a caller that waits for it', async () => {
  const clock = fakeClock()
  let stopped = true
  const hosted = {
    ...clock,
    delay: (ms: number, signal?: AbortSignal) => (stopped ? never() : clock.delay(ms, signal)),
  }
  const shared = new SharedWork<string>(hosted, 60_000)
  void shared.join(never)
  stopped = false
  const began = clock.now()
  expect(
    await settled(
      clock,
      shared.wait(async () => 'again', 60_000),
    ),
  ).toBe('again')
  expect(clock.now() - began).toBeLessThan(5000)
})

test('a machine that slept ends no work of its own', async () => {
  const clock = fakeClock()
  const shared = new SharedWork<string>(clock, 24 * 3_600_000)
  let begun = 0
  const begin = (): Promise<string> => {
    begun += 1
    return never()
  }
  void shared.wait(begin, 24 * 3_600_000)
  await clock.advance(1500)
  clock.set(clock.now() + 3_600_000)
  await clock.advance(5000)
  void shared.join(begin)
  expect(begun).toBe(1)
})
