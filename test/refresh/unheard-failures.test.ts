import { afterEach, expect, test } from 'vitest'
import { SharedWork } from '../../src/refresh/shared-work.ts'
import { fakeClock } from '../../src/testing/fake-clock.ts'

const unhandled: unknown[] = []
const note = (reason: unknown): void => void unhandled.push(reason)

afterEach(() => {
  process.off('unhandledRejection', note)
  unhandled.splice(0)
})

test.for([
  ['its caller’s time was over before it was begun', 0, 0],
  ['its caller’s time is over', 500, 600],
  ['what the caller waited for took too long', 5000, 6000],
  ['it was begun at the last moment of its caller’s time', 4000, 4000],
] as const)('work that fails when %s ends no process', async ([, waitMs, afterMs]) => {
  process.on('unhandledRejection', note)
  const clock = fakeClock()
  const work = new SharedWork<string>(clock, 4000)
  const fails: (() => void)[] = []
  const begin = (): Promise<string> =>
    new Promise((_resolve, reject) => {
      fails.push(() => reject(new Error('no')))
    })
  const waiting = work.wait(begin, waitMs)
  await clock.advance(afterMs)
  expect(await waiting).toBeUndefined()
  for (const fail of fails) fail()
  await clock.advance(1)
  await new Promise((resolve) => setImmediate(resolve))
  expect(fails.length).toBeGreaterThan(0)
  expect(unhandled).toEqual([])
})
