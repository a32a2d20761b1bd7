import { createServer, type AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { PortInUseError, startProvider } from '../src/index.ts'
import { provide, refresh, request } from './setup.ts'

test('close ends requests that hang, waits and idle connections at once', async () => {
  const provider = await startProvider({ latencyMs: 0 })
  const [grant] = await provider.mint()
  await refresh(provider, grant!.refresh_token)
  const hung = [provider.fault('hang'), provider.fault({ kind: 'hang', ms: 600_000 })]
  const pending = hung.map(() => refresh(provider, grant!.refresh_token).catch((error: Error) => error))
  await expect.poll(() => hung.every(({ served }) => served === 1)).toBe(true)
  const start = performance.now()
  await provider.close()
  expect(performance.now() - start).toBeLessThan(2000)
  for (const answer of await Promise.all(pending)) expect(answer).toBeInstanceOf(Error)
  await expect(request(provider.url)).rejects.toThrow()
})

test('close ends requests that wait out the latency', async () => {
  const provider = await startProvider({ latencyMs: 600_000 })
  const [grant] = await provider.mint()
  const pending = refresh(provider, grant!.refresh_token).catch((error: Error) => error)
  await expect.poll(() => provider.stats().tokenRequests.total).toBe(1)
  await provider.close()
  expect(await pending).toBeInstanceOf(Error)
  expect(provider.stats().redemptions).toBe(0)
})

test('latency delays the token endpoint and nothing else', async () => {
  const provider = await provide({ latencyMs: 80 })
  const [grant] = await provider.mint()
  const start = performance.now()
  expect((await refresh(provider, grant!.refresh_token)).status).toBe(200)
  expect(performance.now() - start).toBeGreaterThan(75)
})

test('a port in use rejects with one sentence', async () => {
  const other = createServer()
  onTestFinished(() => new Promise((resolve) => other.close(() => resolve())))
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  const { port } = other.address() as AddressInfo
  const error = await startProvider({ port }).catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(PortInUseError)
  expect(error).toMatchObject({ code: 'EADDRINUSE', port })
  expect((error as Error).message).toMatch(/^Port \d+ on 127\.0\.0\.1 is already in use\./)
})

test('two providers run in one process without sharing anything but the key', async () => {
  const [one, two] = [await provide(), await provide()]
  const [grant] = await one.mint()
  expect((await refresh({ ...two, clientSecret: two.clientSecret }, grant!.refresh_token)).json['error']).toBe(
    'invalid_grant',
  )
  expect((await refresh(one, grant!.refresh_token)).status).toBe(200)
  expect(two.stats().redemptions).toBe(0)
})

test.for([
  [{ accessTokenLifetimeMs: 0 }, 'accessTokenLifetimeMs'],
  [{ refreshTokenLifetimeMs: Number.NaN }, 'refreshTokenLifetimeMs'],
  [{ latencyMs: -1 }, 'latencyMs'],
  [{ reuse: -1 }, 'reuse'],
  [{ port: 70_000 }, 'port'],
  [{ users: [] }, 'users'],
  [
    {
      users: [
        { username: 'a', password: '1' },
        { username: 'a', password: '2' },
      ],
    },
    'username',
  ],
  [{ clients: [{ clientId: 'odd', redirectUris: ['not a URL'] }] }, 'odd'],
] as const)('an option that cannot be meant is refused: %o', async ([options, name]) => {
  await expect(startProvider(options)).rejects.toThrow(name)
})

test('a server on all addresses names itself by loopback', async () => {
  const provider = await provide({ host: '0.0.0.0' })
  expect(provider.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
  expect((await request(provider.metadata.jwks_uri)).status).toBe(200)
})

test('a body that is far too long is refused', async () => {
  const provider = await provide()
  const body = new URLSearchParams({ x: 'x'.repeat(100_000) })
  const answer = await request(provider.metadata.token_endpoint, { method: 'POST', body }).catch(() => undefined)
  expect([413, undefined]).toContain(answer?.status)
})
