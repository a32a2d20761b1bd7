import { expect, test } from 'vitest'
import { fetchWith, staticSource } from '../../src/fetch/fetch-with.ts'
import { Grants } from '../../src/grants.ts'
import type { AccessToken } from '../../src/model/token.ts'
import { API, stage } from './setup.ts'

const reason = new Error('left')

test('an abort ends the wait for a client lookup', async () => {
  const session = new Grants({ clients: () => new Promise<never>(() => {}) }).session('tenant', 'alice')
  const controller = new AbortController()
  const byInit = session.fetch(`${API}/`, { signal: controller.signal })
  const byRequest = session.fetch(new Request(`${API}/`, { signal: controller.signal }))
  const late = session.fetch(`${API}/`, { signal: AbortSignal.abort(reason) })
  controller.abort(reason)
  for (const call of [byInit, byRequest, late]) await expect(call).rejects.toBe(reason)
})

test('a client lookup that fails after the abort ends no process', async () => {
  let fail = (_error: Error): void => {}
  const clients = (): Promise<never> => new Promise((_resolve, reject) => (fail = reject))
  const session = new Grants({ clients }).session('tenant', 'alice')
  const controller = new AbortController()
  const call = session.fetch(`${API}/`, { signal: controller.signal })
  controller.abort(reason)
  await expect(call).rejects.toBe(reason)
  fail(new Error('no such tenant'))
  // An unhandled rejection would fail the run.
  await new Promise(setImmediate)
})

test('an abort ends the wait for metadata that say where the token may go', async () => {
  const { fetch } = await stage(() => new Response('x'), {
    provider: { server: 'https://hangs.example', resourceOrigins: [] },
    client: { fetch: () => new Promise<never>(() => {}) },
  })
  const controller = new AbortController()
  const call = fetch('https://elsewhere.example/', { signal: controller.signal })
  controller.abort(reason)
  await expect(call).rejects.toBe(reason)
})

test('an abort ends the wait for a source that knows no signals, for the first token and for the next', async () => {
  const first = new AbortController()
  const hanging = fetchWith({ token: () => new Promise<never>(() => {}) }, { fetch: async () => new Response('x') })
  const call = hanging(API, { signal: first.signal })
  first.abort(reason)
  await expect(call).rejects.toBe(reason)

  const second = new AbortController()
  let asked = (): void => {}
  const again = new Promise<void>((resolve) => (asked = resolve))
  const refusing = fetchWith(
    {
      token: (options) => {
        if (options?.rejected === undefined)
          return Promise.resolve<AccessToken>({ accessToken: 'a', tokenType: 'bearer' })
        asked()
        return new Promise<never>(() => {})
      },
    },
    { fetch: async () => new Response('x', { status: 401 }) },
  )
  const repeated = refusing(API, { signal: second.signal })
  await again
  second.abort(reason)
  await expect(repeated).rejects.toBe(reason)
})

test('a client is looked up once for each request, and its data is used', async () => {
  const { client } = await stage(() => new Response('x'))
  let looks = 0
  const grants = new Grants({
    clients: async () => {
      looks += 1
      return client
    },
  })
  const session = grants.session('tenant', 'alice')
  await grants.save('tenant', 'alice', { access_token: 'hers', token_type: 'bearer' })
  looks = 0
  expect((await session.fetch(`${API}/`)).status).toBe(200)
  expect(looks).toBeLessThanOrEqual(1)
})

test('a signal of null removes the Request’s own signal, as in the Fetch standard', async () => {
  const controller = new AbortController()
  const given: ((token: AccessToken) => void)[] = []
  const source = { token: () => new Promise<AccessToken>((resolve) => given.push(resolve)) }
  const fetch = fetchWith(source, { fetch: async () => new Response('x') })
  const request = new Request(API, { signal: controller.signal })
  const without = fetch(request.clone(), { signal: null })
  const by = fetch(request, {})
  controller.abort(reason)
  await expect(by).rejects.toBe(reason)
  const token = await staticSource('at').token()
  for (const give of given) give(token)
  expect(await (await without).text()).toBe('x')
})
