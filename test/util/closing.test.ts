import { expect, test } from 'vitest'

import { deferred } from '../../src/util/async.ts'
import { Closing } from '../../src/util/closing.ts'

test('close() aborts the signals of work in progress, and idle() waits until that work has ended or failed', async () => {
  const closing = new Closing()
  const [first, second] = [deferred(), deferred()]
  const signals: AbortSignal[] = []
  const run = (end: Promise<void>): Promise<void> =>
    closing.run((signal) => {
      signals.push(signal)
      return end
    })
  const [done, failed] = [run(first.promise), run(second.promise.then(() => Promise.reject(new Error('no'))))]
  expect(signals.map(({ aborted }) => aborted)).toEqual([false, false])
  closing.close()
  expect(signals.map(({ aborted }) => aborted)).toEqual([true, true])
  let isIdle = false
  const idle = closing.idle().then(() => (isIdle = true))
  first.resolve()
  await done
  expect(isIdle).toBe(false)
  second.resolve()
  await expect(failed).rejects.toThrow('no')
  await idle
})

test('each piece of work has its own signal, which is aborted for work after close()', async () => {
  const closing = new Closing()
  const signals: AbortSignal[] = []
  const run = (): Promise<number> => closing.run(async (signal) => signals.push(signal))
  expect([await run(), await run()]).toEqual([1, 2])
  expect(signals[0]).not.toBe(signals[1])
  closing.close()
  expect(signals.map(({ aborted }) => aborted)).toEqual([false, false])
  await run()
  expect(signals[2]?.aborted).toBe(true)
  await closing.idle()
})

test('idle() waits for work that began while it waited', async () => {
  const closing = new Closing()
  const [first, second] = [deferred(), deferred()]
  void closing.run(() => first.promise.then(() => void closing.run(() => second.promise)))
  let isIdle = false
  const idle = closing.idle().then(() => (isIdle = true))
  first.resolve()
  await new Promise((resolve) => setTimeout(resolve, 5))
  expect(isIdle).toBe(false)
  second.resolve()
  await idle
})
