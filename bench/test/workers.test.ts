import { expect, test } from 'vitest'

import { NODE, programOf } from '../src/workers/worker-process.ts'
import { server, worker } from './setup.ts'

async function stage(program = NODE) {
  const started = await server()
  const seed = await started.logIn('expired')
  const order = { server: started.place, keeping: { kind: 'memory' }, seed } as const
  return { ...started, process: worker(program), order, unknown: `${started.place.issuer}/nothing-here` }
}

test('a worker counts the callers that failed', async () => {
  const { order, process, stats } = await stage()
  await process.ask('open', { library: 'bare-fetch', ...order })
  const { blockedMs, endedAt, failed, startedAt } = await process.ask('storm', { callers: 10 })
  expect(failed).toBe(9)
  expect(endedAt).toBeGreaterThan(startedAt)
  expect(blockedMs).toBeGreaterThanOrEqual(0)
  expect(await stats()).toMatchObject({ tokenRequests: 10, revoked: 1 })
})

test('an order that fails is an error, and the worker goes on', async () => {
  const { process } = await stage()
  await expect(process.ask('storm', { callers: 1 })).rejects.toThrow('to open first')
  expect(await process.ask('close', null)).toBe(null)
})

test('one caller gets a token, a status, or an error that says whether a repeat may help', async () => {
  const { order, place, process, unknown } = await stage()
  await process.ask('open', { library: 'bare-fetch', ...order })
  expect(await process.ask('ask', {})).toEqual({ token: expect.stringMatching(/^access\./) })
  expect(await process.ask('ask', { url: place.resource })).toEqual({ status: 200 })
  expect(await process.ask('ask', { url: unknown })).toEqual({ status: 404 })
  expect(await process.ask('storm', { callers: 2, url: unknown })).toMatchObject({ failed: 2 })
  expect(await process.ask('events', null)).toEqual([])
  await process.ask('open', { library: 'bare-fetch', ...order })
  expect(await process.ask('ask', {})).toEqual({ error: 'Error: status 400' })
})

test("Evergrant's errors say whether a repeat may help", async () => {
  const { configure, order, process } = await stage()
  await configure({ fault: 'unavailable' })
  await process.ask('open', { library: 'evergrant-session', ...order })
  expect(await process.ask('ask', {})).toMatchObject({ retryable: true })
})

test('a worker that is gone is an error', async () => {
  const { process } = await stage()
  const answer = process.ask('storm', { callers: 1, startAt: Date.now() + 60_000 }).catch(String)
  await process.kill()
  expect(await answer).toMatch(/open first|ended/)
  const broken = worker({ command: 'a-program-that-is-not-there', args: [] })
  await expect(broken.ask('close', null)).rejects.toThrow('A worker process ended')
})

const python = programOf('requests-oauthlib')

test.skipIf(python === undefined)('the Python worker takes the same orders', async () => {
  const { order, place, process, stats, unknown } = await stage(python)
  await process.ask('open', { library: 'requests-oauthlib', ...order })
  expect(await process.ask('storm', { callers: 1 })).toMatchObject({ failed: 0, blockedMs: null })
  expect(await process.ask('storm', { callers: 5, url: place.resource })).toMatchObject({ failed: 0 })
  expect(await process.ask('storm', { callers: 2, url: unknown })).toMatchObject({ failed: 2 })
  expect(await process.ask('ask', {})).toEqual({ token: expect.stringMatching(/^access\./) })
  expect(await process.ask('ask', { url: unknown })).toEqual({ status: 404 })
  expect(await process.ask('events', null)).toEqual([])
  expect(await stats()).toMatchObject({ tokenRequests: 1, redemptions: 1 })
})
