import { expect, onTestFinished, test } from 'vitest'

import { startServer } from '../src/server/start-server.ts'
import { logIn, placeOf } from '../src/tables/log-in.ts'
import { failureWords } from '../src/workers/failure-words.ts'
import { nodeProgram, programOf } from '../src/workers/programs.ts'
import { WorkerProcess } from '../src/workers/worker-process.ts'

async function stage(program = nodeProgram()) {
  const server = await startServer()
  const worker = new WorkerProcess(program)
  onTestFinished(async () => {
    await worker.kill()
    await server.close()
  })
  return { server, worker, seed: await logIn(server, 'spent') }
}

test('a worker counts what its callers got', async () => {
  const { seed, server, worker } = await stage()
  await worker.ask('open', { rival: 'bare-fetch', server: placeOf(server), keeping: { kind: 'memory' }, seed })
  const { blockedMs, endedAt, failures, served, startedAt } = await worker.ask('storm', { callers: 10 })
  expect({ served, failures }).toEqual({ served: 1, failures: { 'status 400': 9 } })
  expect(endedAt).toBeGreaterThan(startedAt)
  expect(blockedMs).toBeGreaterThanOrEqual(0)
  expect(await server.stats()).toMatchObject({ tokenRequests: 10, revoked: 1 })
})

test('callers that GET fail by the status they get', async () => {
  const { seed, server, worker } = await stage()
  await worker.ask('open', { rival: 'bare-fetch', server: placeOf(server), keeping: { kind: 'memory' }, seed })
  await worker.ask('storm', { callers: 1 })
  expect(await worker.ask('storm', { callers: 2, url: server.resource })).toMatchObject({ served: 2, failures: {} })
  const unknown = `${server.issuer}/nothing-here`
  expect(await worker.ask('storm', { callers: 2, url: unknown })).toMatchObject({ failures: { 'status 404': 2 } })
})

test('an order that fails is told as an error, and the worker goes on', async () => {
  const { worker } = await stage()
  await expect(worker.ask('storm', { callers: 1 })).rejects.toThrow('to open first')
  expect(await worker.ask('close', null)).toBe(null)
})

test('one caller gets a token, an answer, or a failure in words, and nothing else is told', async () => {
  const { seed, server, worker } = await stage()
  await worker.ask('open', { rival: 'bare-fetch', server: placeOf(server), keeping: { kind: 'memory' }, seed })
  expect(await worker.ask('ask', {})).toEqual({ token: expect.stringMatching(/^access\./) })
  expect(await worker.ask('ask', { url: server.resource })).toEqual({ answered: true })
  expect(await worker.ask('ask', { url: `${server.issuer}/nothing-here` })).toEqual({ failure: 'status 404' })
  expect(await worker.ask('told', null)).toEqual([])
})

test('a worker that is gone is told as an error', async () => {
  const { worker } = await stage()
  const answer = worker.ask('storm', { callers: 1, startAt: Date.now() + 60_000 }).catch(String)
  await worker.kill()
  expect(await answer).toMatch(/open first|ended/)
  const { worker: broken } = await stage({ command: 'a-program-that-is-not-there', args: [] })
  await expect(broken.ask('close', null)).rejects.toThrow('A worker process ended')
})

const python = programOf('requests-oauthlib')

test.skipIf(python === undefined)('the Python worker takes the same orders', async () => {
  const { seed, server, worker } = await stage(python)
  const order = { rival: 'requests-oauthlib', server: placeOf(server), keeping: { kind: 'memory' }, seed } as const
  await worker.ask('open', order)
  expect(await worker.ask('storm', { callers: 1 })).toMatchObject({ served: 1, failures: {}, blockedMs: null })
  expect(await worker.ask('storm', { callers: 5, url: server.resource })).toMatchObject({ served: 5 })
  expect(await worker.ask('ask', {})).toEqual({ token: expect.stringMatching(/^access\./) })
  const unknown = `${server.issuer}/nothing-here`
  expect(await worker.ask('ask', { url: unknown })).toEqual({ failure: 'RuntimeError: status 404' })
  expect(await worker.ask('told', null)).toEqual([])
  expect(await server.stats()).toMatchObject({ tokenRequests: 1, redemptions: 1 })
})

test("a failure's words are its class, its code and the first line of its message, shortened", () => {
  expect(failureWords(new Error('one\ntwo'))).toBe('one')
  expect(failureWords(Object.assign(new TypeError('fetch failed'), { code: 'ECONNRESET' }))).toBe(
    'TypeError (ECONNRESET): fetch failed',
  )
  expect(failureWords(Object.assign(new Error('long'), { name: 'StoreError', code: 'store', retryable: true }))).toBe(
    'StoreError (store, retryable)',
  )
  expect(failureWords(new Error('x'.repeat(100)))).toBe(`${'x'.repeat(70)}…`)
  expect(failureWords(Object.assign(new Error(''), { status: 503 }))).toBe('status 503')
  expect(failureWords('text')).toBe('text')
})
