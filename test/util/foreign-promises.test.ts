// oxlint-disable unicorn/no-thenable -- what is tested
import { runInNewContext } from 'node:vm'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { OAuth2Client } from '../../src/client/oauth2-client.ts'
import { completeClock, startTimer } from '../../src/util/clock.ts'
import { Emitter } from '../../src/model/events.ts'
import { redactingLogger } from '../../src/model/logger.ts'
import { isThenable, promised, unheeded } from '../../src/util/promised.ts'
import { Secrets } from '../../src/util/redact.ts'
import { runInBackground } from '../../src/refresh/background.ts'
import { TokenUpdater } from '../../src/refresh/token-updater.ts'
import { OAuth2Session } from '../../src/session.ts'
import { fakeClock } from '../../src/testing/fake-clock.ts'
import { makeToken } from '../../src/model/token.ts'
import { FakeServer } from '../refresh/fake-server.ts'
import { settled } from '../refresh/setup.ts'

/** Functions that fail without a Promise of this realm. */
const FAILING: [string, () => void][] = [
  ['throws', () => { throw new Error('mine') }], // prettier-ignore
  ['rejects', () => Promise.reject(new Error('mine'))],
  ['rejects in another realm', () => (runInNewContext('(async () => { throw new Error("mine") })') as () => unknown)()],
  [
    'returns a promise of another realm that rejects later',
    () =>
      (
        runInNewContext('() => new Promise((_, reject) => queueMicrotask(() => reject(new Error("mine"))))', {
          queueMicrotask,
        }) as () => unknown
      )(),
  ],
  ['returns a promise of a subclass that rejects', () => class extends Promise<never> {}.reject(new Error('mine'))],
  [
    'returns a thenable that rejects',
    () => ({ then: (_ok: unknown, failed?: (error: Error) => void) => failed?.(new Error('mine')) }),
  ],
  ['returns a thenable that throws', () => ({ then: () => { throw new Error('mine') } })], // prettier-ignore
  ['returns a value that throws when it is read', () => ({ get then() { throw new Error('mine') } })], // prettier-ignore
  [
    'returns a thenable function that rejects',
    () =>
      Object.assign(() => undefined, {
        then: (_ok: unknown, failed: (error: Error) => void) => failed(new Error('mine')),
      }),
  ],
]

let unhandled: unknown[] = []
const note = (reason: unknown): void => void unhandled.push(reason)
// These replace Vitest's own listener, which would fail the run, so that each test sees its own rejections.
let others: NodeJS.UnhandledRejectionListener[] = []
beforeEach(() => {
  unhandled = []
  others = process.listeners('unhandledRejection')
  process.removeAllListeners('unhandledRejection')
  process.on('unhandledRejection', note)
})
afterEach(async () => {
  for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate)
  process.removeAllListeners('unhandledRejection')
  for (const listener of others) process.on('unhandledRejection', listener)
  expect(unhandled).toEqual([])
})

const key = { client: 'c', subject: 's', account: '' }

test.each(FAILING)('a listener that %s does not end the process', async (_how, fail) => {
  const emitter = new Emitter()
  const heard: number[] = []
  emitter.on('disconnected', fail)
  emitter.on('disconnected', ({ at }) => void heard.push(at))
  emitter.emit('disconnected', { key, at: 1 })
  expect(heard).toEqual([1])
})

test.each(FAILING)('a logger that %s does not end the process', (_how, fail) => {
  const method = fail
  for (const logger of [
    { debug: method, info: method, warn: method, error: method },
    { debug: method, info: method, warn: method, error: method, bindings: () => ({}) },
  ]) {
    const redacting = redactingLogger(logger, new Secrets())
    redacting.info('message')
    redacting.error('message', { a: 1 })
  }
})

test.each(FAILING)('a background function that %s does not stop the work', async (_how, fail) => {
  let done = false
  runInBackground(fail, async () => {
    await Promise.resolve()
    done = true
  })
  await new Promise(setImmediate)
  expect(done).toBe(true)
  runInBackground('detached', fail as () => Promise<unknown>)
})

test.each(FAILING)('an onToken that %s is called again', async (_how, fail) => {
  const clock = fakeClock()
  let calls = 0
  const updater = new TokenUpdater(
    () => ((calls += 1) === 1 ? fail() : undefined),
    clock,
    () => undefined,
  )
  await settled(clock, updater.deliver(makeToken({ accessToken: 'a', receivedAt: 0 })))
  await settled(clock, updater.idle())
  expect(calls).toBe(2)
})

test.each(FAILING)('a clock whose delay %s does not end the process', async (_how, fail) => {
  const clock = completeClock({ now: () => 0, delay: fail as () => Promise<void> })
  let ended = false
  startTimer(clock, 10, () => (ended = true))
  await expect(clock.delay(10)).rejects.toThrow('mine')
  expect(ended).toBe(false)
})

test('a clock whose delay returns another kind of promise is awaited', async () => {
  let arrive = (): void => {}
  const delay = () => ({ then: (done: () => void) => void (arrive = done) }) as unknown as Promise<void>
  const clock = completeClock({ now: () => 0, delay })
  let ended = false
  startTimer(clock, 10, () => (ended = true))
  await new Promise(setImmediate)
  expect(ended).toBe(false)
  arrive()
  await new Promise(setImmediate)
  expect(ended).toBe(true)
})

test.each(FAILING)('a session refreshes even if every function %s', async (_how, fail) => {
  const clock = fakeClock()
  const server = new FakeServer()
  const method = fail
  const client = new OAuth2Client({
    provider: server.provider,
    clientId: 'id',
    clientSecret: 'secret',
    clock,
    fetch: server.fetch,
    logger: { debug: method, info: method, warn: method, error: method },
  })
  let saves = 0
  const session = new OAuth2Session(client, {
    token: { ...server.issue(), expires_at: clock.now() / 1000 + 100 },
    background: method,
    onToken: () => ((saves += 1) === 1 ? fail() : undefined),
  })
  session.on('refreshed', method)
  session.on('save_delayed', method)
  await session.token()
  await clock.advance(85_000)
  // Early: in the background.
  expect(await session.accessToken()).toBe('at-f-0')
  await clock.advance(1000)
  expect(await session.accessToken()).toBe('at-f-1')
  await clock.advance(4_000_000)
  expect(await settled(clock, session.accessToken())).toBe('at-f-2')
  await settled(clock, session.close())
  expect(saves).toBeGreaterThanOrEqual(3)
})

test('a replaced global Promise has no effect', async () => {
  const { Promise: own } = globalThis
  const rejects = (): Promise<void> => own.reject(new Error('mine'))
  globalThis.Promise = class extends own<unknown> {} as PromiseConstructor
  try {
    const emitter = new Emitter()
    emitter.on('disconnected', rejects)
    emitter.emit('disconnected', { key, at: 1 })
    // oxlint-disable-next-line typescript/no-misused-promises
    runInBackground(rejects, () => own.resolve())
  } finally {
    globalThis.Promise = own
  }
})

test('only promises and thenables are awaited', async () => {
  for (const value of [undefined, null, 1, 'then', {}, { then: 1 }, () => undefined]) {
    expect(isThenable(value)).toBe(false)
    unheeded(value)
    expect(await promised(() => value)).toBe(value)
  }
  expect(await promised(() => ({ then: (done: (value: number) => void) => done(7) }) as PromiseLike<number>)).toBe(7)
})
