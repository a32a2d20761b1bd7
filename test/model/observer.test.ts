import { describe, expect, test } from 'vitest'
import { observableOf } from '../../src/model/observable.ts'
import { type Activity, Observers } from '../../src/model/observer.ts'
import { fakeClock } from '../../src/testing/fake-clock.ts'
import { connected, settled, world } from '../refresh/setup.ts'

const key = { client: 'acme', subject: 'alice', account: '' }
const activity: Activity = { kind: 'wait', key, cause: 'spent', joins: undefined }
const fail = (): never => {
  throw new Error('the observer failed')
}

test('without observers, work is run as it is', async () => {
  const observers = new Observers(fakeClock())
  const result = Promise.resolve(1)
  expect(
    observers.during(
      activity,
      () => result,
      () => ({}),
    ),
  ).toBe(result)
  expect(observers.begin(activity)).toBeUndefined()
})

test('work runs inside all observers, the first one outermost, and each gets result and duration', async () => {
  const clock = fakeClock()
  const observers = new Observers(clock)
  const seen: unknown[] = []
  for (const name of ['a', 'b'])
    observers.add({
      begin: ({ kind }) => ({
        run: (work) => {
          seen.push(`${name} in ${kind}`)
          work()
          seen.push(`${name} out`)
        },
        end: (result) => seen.push([name, result]),
      }),
    })
  const value = observers.during(
    activity,
    async () => {
      seen.push('work')
      await clock.delay(20)
      return 5
    },
    () => ({ outcome: 'current' }),
  )
  await clock.advance(20)
  expect(await value).toBe(5)
  const result = { outcome: 'current', durationMs: 20 }
  expect(seen).toEqual(['a in wait', 'b in wait', 'work', 'b out', 'a out', ['a', result], ['b', result]])
})

test('work that throws ends its activity with the error, and callers get that very error', async () => {
  const observers = new Observers(fakeClock())
  const results: unknown[] = []
  observers.add({ begin: () => ({ run: (work) => work(), end: (result) => results.push(result) }) })
  const error = new Error('the work failed')
  await expect(
    observers.during(
      activity,
      () => Promise.reject(error),
      () => ({}),
    ),
  ).rejects.toBe(error)
  expect(results).toEqual([{ outcome: 'failed', error, durationMs: 0 }])
  expect(() =>
    observers.begin(activity)!.run(() => {
      throw error
    }),
  ).toThrow(error)
})

test('an observer that was removed sees nothing more', () => {
  const observers = new Observers(fakeClock())
  observers.add({ begin: fail })()
  expect(observers.isEmpty).toBe(true)
})

describe('an observer that fails changes nothing for callers:', () => {
  test.each([
    ['when an activity begins', { begin: fail }],
    ['before it runs the work', { begin: () => ({ run: fail, end: () => undefined }) }],
    [
      'after it ran the work',
      {
        begin: () => ({
          run: (work: () => void) => {
            work()
            fail()
          },
          end: () => undefined,
        }),
      },
    ],
    [
      'by running the work twice',
      {
        begin: () => ({
          run: (work: () => void) => {
            work()
            work()
          },
          end: () => undefined,
        }),
      },
    ],
    ['by not running the work', { begin: () => ({ run: () => undefined, end: () => undefined }) }],
    ['when an activity ends', { begin: () => ({ run: (work: () => void) => work(), end: fail }) }],
  ])('%s', async (_when, observer) => {
    const { clock, process, server } = world()
    const grants = process()
    const session = await connected(grants, server, clock, 0)
    observableOf(grants)!.observers.add(observer)
    const tokens = await settled(clock, Promise.all([session.token(), session.token()]))
    expect(tokens.map(({ accessToken }) => accessToken)).toEqual(['at-f-1', 'at-f-1'])
    expect(server.redemptions).toBe(1)
  })
})

test('a token in memory is returned without any activity', async () => {
  const { clock, process, server } = world()
  const grants = process()
  const session = await connected(grants, server, clock)
  await session.token()
  const kinds: string[] = []
  observableOf(grants)!.observers.add({ begin: ({ kind }) => void kinds.push(kind) })
  for (let index = 0; index < 10; index += 1) await session.token()
  expect(kinds).toEqual([])
})
