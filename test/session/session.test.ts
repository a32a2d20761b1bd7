import { expect, test } from 'vitest'
import { OAuth2Client } from '../../src/client/oauth2-client.ts'
import { ConfigError, GrantNotFoundError, ReauthorizationRequiredError } from '../../src/model/errors.ts'
import { deferred } from '../../src/util/async.ts'
import { OAuth2Session, type OAuth2SessionOptions } from '../../src/session.ts'
import { fakeClock } from '../../src/testing/fake-clock.ts'
import type { Token } from '../../src/model/token.ts'
import { FakeServer, json } from '../refresh/fake-server.ts'
import { HOUR, settled } from '../refresh/setup.ts'

function standalone(options: Omit<OAuth2SessionOptions, 'token'> & { expiresInMs?: number } = {}) {
  const clock = fakeClock()
  const server = new FakeServer()
  const client = new OAuth2Client({
    provider: server.provider,
    clientId: 'id',
    clientSecret: 'client-secret',
    fetch: server.fetch,
    clock,
  })
  const { expiresInMs = 0, ...rest } = options
  const session = new OAuth2Session(client, {
    token: { ...server.issue(), expires_at: (clock.now() + expiresInMs) / 1000 },
    ...rest,
  })
  return { clock, server, client, session }
}

test('the token updater is awaited before the callers of that refresh see the new token', async () => {
  const saved: Token[] = []
  const gate = deferred()
  const { clock, session } = standalone({
    onToken: async (token) => {
      await gate.promise
      saved.push(token)
    },
  })
  let seen: string | undefined
  const waiting = session.accessToken().then((token) => {
    seen = token
  })
  await clock.advance(1000)
  expect(seen).toBeUndefined()
  gate.resolve()
  await settled(clock, waiting)
  expect(seen).toBe('at-f-1')
  expect(saved.map(({ accessToken, refreshToken }) => [accessToken, refreshToken])).toEqual([['at-f-1', 'rt-f-1']])
})

test('a call made from inside the updater gets the new token', async () => {
  let inside: string | undefined
  const { clock, session } = standalone({
    onToken: async () => {
      inside = await session.accessToken()
    },
  })
  await settled(clock, session.token())
  expect(inside).toBe('at-f-1')
})

test('a refresh asked for from inside the updater does not wait for itself', async () => {
  let inside = 0
  const { clock, server, session } = standalone({
    onToken: async () => {
      if ((inside += 1) === 1) await session.refresh()
    },
  })
  await settled(clock, session.token())
  expect(inside).toBe(2)
  expect(server.reuses).toBe(0)
  expect(await session.accessToken()).toBe('at-f-2')
})

test('an updater that rejects is called again until it succeeds; in the meantime the token is returned and not refreshed', async () => {
  let failing = true
  const saved: string[] = []
  const { clock, server, session } = standalone({
    onToken: (token) => {
      if (failing) throw new Error('the database is down')
      saved.push(token.accessToken)
    },
  })
  server.lifetimeS = 60
  const delays: number[] = []
  session.on('save_delayed', ({ attempts }) => void delays.push(attempts))
  expect((await settled(clock, session.token())).accessToken).toBe('at-f-1')
  await clock.advance(58_000)
  expect((await settled(clock, session.token())).accessToken).toBe('at-f-1')
  await clock.advance(3000)
  await expect(settled(clock, session.token())).rejects.toMatchObject({ code: 'store_error', retryable: true })
  expect(server.redemptions).toBe(1)
  // Counted without a gap, and tried again about once a second: sooner at first, never later.
  expect(delays).toEqual(delays.map((_, index) => index + 1))
  expect(delays.length).toBeGreaterThanOrEqual(60)
  expect(delays.length).toBeLessThanOrEqual(110)
  failing = false
  await clock.advance(1000)
  expect(saved).toEqual(['at-f-1'])
  expect((await settled(clock, session.token())).accessToken).toBe('at-f-2')
  expect(saved).toEqual(['at-f-1', 'at-f-2'])
})

test('close waits for an updater that has refused so far', async () => {
  let failing = true
  const { clock, session } = standalone({
    onToken: async () => {
      if (failing) throw new Error('no')
    },
  })
  await settled(clock, session.token())
  let closed = false
  const closing = session.close().then(() => {
    closed = true
  })
  await clock.advance(5000)
  expect(closed).toBe(false)
  failing = false
  await settled(clock, closing)
  expect(closed).toBe(true)
})

test('an updater that hangs delays its callers by ten seconds, and does not block the grant', async () => {
  const { clock, session, server } = standalone({ onToken: () => new Promise(() => undefined) })
  const before = clock.now()
  expect((await settled(clock, session.token())).accessToken).toBe('at-f-1')
  expect(clock.now() - before).toBeLessThanOrEqual(10_200)
  await clock.advance(2 * HOUR)
  expect((await settled(clock, session.token())).accessToken).toBe('at-f-2')
  expect(server.reuses).toBe(0)
})

test('a session without refresh token asks again with obtain: client credentials, once for all callers, at every expiry', async () => {
  const clock = fakeClock()
  const server = new FakeServer()
  const client = new OAuth2Client({
    provider: server.provider,
    clientId: 'id',
    clientSecret: 'client-secret',
    fetch: server.fetch,
    clock,
  })
  const session = new OAuth2Session(client, { obtain: (each) => each.clientCredentials() })
  const first = await settled(clock, Promise.all(Array.from({ length: 50 }, () => session.accessToken())))
  expect(new Set(first)).toEqual(new Set(['cc-1']))
  await clock.advance(HOUR)
  expect(await settled(clock, session.accessToken())).toBe('cc-2')
  expect(server.requests.map((request) => request.get('grant_type'))).toEqual([
    'client_credentials',
    'client_credentials',
  ])
})

test('an invalid_grant of obtain is an error of the call, and does not end the grant', async () => {
  const clock = fakeClock()
  const server = new FakeServer()
  const client = new OAuth2Client({
    provider: server.provider,
    clientId: 'id',
    clientSecret: 'client-secret',
    fetch: server.fetch,
    clock,
  })
  const session = new OAuth2Session(client, { obtain: (each) => each.clientCredentials() })
  server.faults.push({ answer: () => json({ error: 'invalid_grant' }, 400) })
  await expect(settled(clock, session.token(), 1)).rejects.toMatchObject({ code: 'token_request_error' })
  await clock.advance(1300)
  expect(await settled(clock, session.accessToken())).toBe('cc-1')
})

test('disconnect ends the grant here and revokes it at the provider', async () => {
  const { clock, server, session } = standalone({ expiresInMs: HOUR })
  await session.token()
  await session.disconnect()
  await clock.advance(100)
  await expect(session.token()).rejects.toBeInstanceOf(GrantNotFoundError)
  expect(server.revoked).toEqual(['rt-f-0'])
})

test('the revocation of a disconnected grant is repeated while the provider is unavailable, up to five times', async () => {
  const clock = fakeClock()
  const server = new FakeServer()
  let attempts = 0
  const client = new OAuth2Client({
    provider: server.provider,
    clientId: 'id',
    clientSecret: 'client-secret',
    clock,
    fetch: (input, init) => {
      if (!(input instanceof Request ? input.url : input.toString()).endsWith('/revoke'))
        return server.fetch(input, init)
      attempts += 1
      return attempts < 3 ? Promise.resolve(json({}, 503)) : server.fetch(input, init)
    },
  })
  const session = new OAuth2Session(client, { token: { ...server.issue(), expires_in: 3600 } })
  await session.token()
  await session.disconnect()
  await clock.advance(60_000)
  expect(attempts).toBe(3)
  expect(server.revoked).toEqual(['rt-f-0'])
})

test('close waits for a revocation in progress, and not for its retries', async () => {
  const clock = fakeClock()
  const server = new FakeServer()
  let attempts = 0
  const client = new OAuth2Client({
    provider: server.provider,
    clientId: 'id',
    clientSecret: 'client-secret',
    clock,
    fetch: async () => {
      attempts += 1
      await clock.delay(500)
      return json({}, 503)
    },
  })
  const session = new OAuth2Session(client, { token: { ...server.issue(), expires_in: 3600 } })
  await session.token()
  await session.disconnect()
  const begun = clock.now()
  await settled(clock, session.close())
  expect(attempts).toBe(1)
  expect(clock.now() - begun).toBeLessThanOrEqual(700)
})

test('status returns the state and no secret; a session without a token has none', async () => {
  const { session, clock } = standalone({ expiresInMs: HOUR })
  const status = await session.status()
  expect(status).toMatchObject({
    client: 'fake',
    state: 'active',
    renewable: true,
    expiresAt: clock.now() + HOUR,
    scope: ['read'],
  })
  expect(JSON.stringify(status)).not.toMatch(/at-f-0|rt-f-0/)
  const empty = new OAuth2Session(standalone().client)
  await expect(empty.status()).rejects.toBeInstanceOf(GrantNotFoundError)
  await expect(empty.token()).rejects.toBeInstanceOf(GrantNotFoundError)
})

test('the first token call of a session with an unexpired token needs no network', async () => {
  const { server, session } = standalone({ expiresInMs: HOUR })
  expect(await session.accessToken()).toBe('at-f-0')
  expect(server.requests).toHaveLength(0)
})

test('a closed session refuses to refresh', async () => {
  const { session, clock } = standalone({ expiresInMs: HOUR })
  await session.token()
  await session.close()
  await clock.advance(HOUR)
  await expect(settled(clock, session.token())).rejects.toBeInstanceOf(ConfigError)
})

test('a manual refresh of an ended session rejects with its reason', async () => {
  const { clock, server, session } = standalone()
  const told: string[] = []
  const stop = session.on('reauthorization_required', ({ reason }) => void told.push(reason))
  server.kill()
  await expect(settled(clock, session.refresh())).rejects.toBeInstanceOf(ReauthorizationRequiredError)
  await expect(settled(clock, session.refresh())).rejects.toBeInstanceOf(ReauthorizationRequiredError)
  stop()
  expect(told).toEqual(['revoked'])
  expect(server.redemptions).toBe(1)
})

test('a policy that cannot work is refused at construction', () => {
  const { client } = standalone()
  expect(() => new OAuth2Session(client, { policy: { earlyMs: -1 } })).toThrow(/policy\.earlyMs/)
  expect(() => new OAuth2Session(client, { policy: { leaseMs: 1000 } })).toThrow(/leaseMs.*timeoutMs/)
  expect(() => new OAuth2Session(client, { token: { nothing: 'known' } })).toThrow(ConfigError)
})

test('an updater that is no function is refused at construction: no refresh token may be used for it', () => {
  expect(() => standalone({ onToken: 'save' as never })).toThrow('Expected onToken to be a function, got string.')
})
