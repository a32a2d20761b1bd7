import { expect, onTestFinished, test, vi } from 'vitest'
import {
  ConfigError,
  ProviderUnavailableError,
  ReauthorizationRequiredError,
  TokenRequestError,
  TokenResponseError,
} from '../../src/model/errors.ts'
import { deferred } from '../../src/util/async.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import type { GrantStore } from '../../src/stores/store.ts'
import { fakeClock } from '../../src/testing/fake-clock.ts'
import { json, networkError } from './fake-server.ts'
import { connected, HOUR, key, settled, world, wrapStore } from './setup.ts'

const reset = () => ({ reject: networkError('ECONNRESET') })

test('invalid_grant for a grant that the store has unchanged ends it, emits one event, and fails later calls without a request', async () => {
  const { clock, server, process, told, store } = world()
  const grants = process()
  await connected(grants, server, clock, 0)
  server.kill()
  const session = grants.session('acme', 'f')
  const failed = await settled(clock, Promise.allSettled([session.token(), session.token()]))
  for (const each of failed) {
    expect(each).toMatchObject({ status: 'rejected', reason: { code: 'reauthorization_required', reason: 'revoked' } })
  }
  await expect(session.token()).rejects.toBeInstanceOf(ReauthorizationRequiredError)
  await expect(session.refresh()).rejects.toBeInstanceOf(ReauthorizationRequiredError)
  expect(server.redemptions).toBe(1)
  expect(told.filter(({ name }) => name === 'reauthorization_required')).toHaveLength(1)
  expect((await store.read(key())).record).toMatchObject({
    state: 'reauthorization_required',
    reason: 'revoked',
    version: 2,
  })
})

test('the callers of the refresh that ended the grant get what the provider said as the cause', async () => {
  const { clock, server, process } = world()
  const grants = process()
  await connected(grants, server, clock, 0)
  server.faults.push({
    answer: () => json({ error: 'invalid_grant', error_description: 'password changed: rt-f-0' }, 400),
  })
  const error = (await settled(clock, grants.session('acme', 'f').token(), 1).catch(
    (reason: unknown) => reason,
  )) as Error
  expect(error).toBeInstanceOf(ReauthorizationRequiredError)
  expect(error.cause).toMatchObject({
    code: 'token_request_error',
    error: 'invalid_grant',
    errorDescription: 'password changed: [redacted]',
  })
})

test('a secret that is longer than what is shown of a provider’s text is masked before the text is cut', async () => {
  const { clock, server, process } = world()
  const grants = process()
  const long = `rt-${'x'.repeat(805)}`
  await grants.save('acme', 'f', { access_token: 'a', token_type: 'Bearer', expires_in: 0, refresh_token: long })
  server.faults.push({
    answer: () => json({ error: 'invalid_request', error_description: `The token ${long} has expired` }, 400),
  })
  const error = (await settled(clock, grants.session('acme', 'f').token(), 1).catch(
    (reason: unknown) => reason,
  )) as Error
  expect(error.message).toContain('The token [redacted] has expired')
})

test('an ended grant returns its access token until it expires; a rejected token fails at once', async () => {
  const { clock, server, process } = world()
  const grants = process()
  await connected(grants, server, clock)
  server.kill()
  const session = grants.session('acme', 'f')
  await session.token()
  await clock.advance(100_000)
  await expect(settled(clock, session.token({ rejected: 'at-f-0' }))).rejects.toBeInstanceOf(
    ReauthorizationRequiredError,
  )
  expect((await session.token()).accessToken).toBe('at-f-0')
  await clock.advance(HOUR)
  await expect(session.token()).rejects.toBeInstanceOf(ReauthorizationRequiredError)
  expect(server.redemptions).toBe(1)
})

test('invalid_grant after another process refreshed the grant does not end it: the newer token is used', async () => {
  const base = world()
  const { clock, server, process, store } = base
  const grants = process()
  await connected(grants, server, clock, 0)
  const gate = deferred()
  server.gate = gate.promise
  server.faults.push({ answer: () => json({ error: 'invalid_grant' }, 400) })
  const waiting = grants.session('acme', 'f').token()
  await clock.advance(10)
  // What a process that redeemed before and was slow to save would do.
  const { record } = await store.read(key())
  const donor = process()
  await donor.save('acme', 'other', { access_token: 'unused', refresh_token: 'unused' })
  await store.commit(key(), {
    id: record!.id,
    version: record!.version,
    state: 'active',
    sealed: JSON.stringify({
      v: 1,
      token: {
        accessToken: 'at-late',
        tokenType: 'bearer',
        receivedAt: clock.now(),
        refreshToken: 'rt-late',
        expiresAt: clock.now() + HOUR,
      },
    }),
    renewable: true,
    expiresAt: clock.now() + HOUR,
  })
  gate.resolve()
  expect((await settled(clock, waiting)).accessToken).toBe('at-late')
  expect((await store.read(key())).record).toMatchObject({ state: 'active', version: 2 })
})

test('a 503 fails no caller while the access token is valid; after its expiry callers get a retryable error with a time', async () => {
  const { clock, server, process, told } = world()
  const grants = process()
  await connected(grants, server, clock)
  const session = grants.session('acme', 'f')
  await session.token()
  server.faults.push(
    { answer: () => json({ error: 'server_error' }, 503) },
    { answer: () => new Response('down', { status: 503 }) },
  )
  await clock.advance(HOUR - 5000)
  expect((await settled(clock, session.token())).accessToken).toBe('at-f-0')
  expect(told).toEqual([
    { name: 'refresh_failed', event: expect.objectContaining({ code: 'provider_unavailable', retryable: true }) },
  ])
  await clock.advance(5000)
  const error = await settled(clock, session.token()).catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(ProviderUnavailableError)
  const again = (await settled(clock, session.token()).catch((reason: unknown) => reason)) as ProviderUnavailableError
  expect(again.retryAfterMs).toBeGreaterThan(1000)
  expect(server.redemptions).toBe(2)
  await clock.advance(again.retryAfterMs!)
  expect((await settled(clock, session.token())).accessToken).toBe('at-f-1')
})

test('the back-off doubles from one second to five minutes, ±20 %, and every process respects it', async () => {
  const { clock, server, process, store } = world()
  const [a, b] = [process(), process()]
  await connected(a, server, clock, 0)
  const delays: number[] = []
  for (let attempt = 0; attempt < 12; attempt += 1) {
    server.faults.push({ answer: () => json({}, 503) })
    await expect(settled(clock, a.session('acme', 'f').token(), 1)).rejects.toThrow()
    await expect(settled(clock, b.session('acme', 'f').token(), 1)).rejects.toThrow()
    const { failures } = (await store.read(key())).record!
    expect(failures!.count).toBe(attempt + 1)
    delays.push(failures!.notBefore - failures!.lastAt)
    await clock.advance(failures!.notBefore - clock.now())
  }
  expect(server.redemptions).toBe(12)
  expect(delays[0]).toBeGreaterThanOrEqual(800)
  expect(delays[0]).toBeLessThanOrEqual(1200)
  expect(delays[11]).toBeGreaterThanOrEqual(240_000)
  expect(Math.max(...delays)).toBeLessThanOrEqual(360_000)
})

test('a manual refresh respects Retry-After, and ignores the back-off once', async () => {
  const { clock, server, process } = world()
  const grants = process()
  await connected(grants, server, clock, 0)
  const session = grants.session('acme', 'f')
  server.faults.push({ answer: () => json({}, 503) })
  await expect(settled(clock, session.token(), 1)).rejects.toThrow()
  server.faults.push({ answer: () => json({}, 429, { 'retry-after': '120' }) })
  await expect(settled(clock, session.refresh(), 1)).rejects.toMatchObject({
    code: 'provider_unavailable',
    retryAfterMs: 120_000,
  })
  expect(server.redemptions).toBe(2)
  await expect(settled(clock, session.refresh(), 1)).rejects.toMatchObject({ retryable: true })
  expect(server.redemptions).toBe(2)
  await clock.advance(120_000)
  expect((await settled(clock, session.refresh())).accessToken).toBe('at-f-1')
})

test('after a refused connection, the next attempt needs no settle time', async () => {
  const { clock, server, process } = world()
  const grants = process()
  await connected(grants, server, clock, 0)
  server.faults.push({ reject: networkError('ECONNREFUSED'), consumed: false })
  const session = grants.session('acme', 'f')
  await expect(settled(clock, session.token(), 1)).rejects.toMatchObject({
    code: 'provider_unavailable',
    maybeProcessed: false,
  })
  await clock.advance(1300)
  expect((await settled(clock, session.token(), 1)).accessToken).toBe('at-f-1')
})

test('after a connection that broke before the rotation, the refresh token is sent again only after the settle time, and the grant goes on', async () => {
  const { clock, server, process } = world()
  const [a, b] = [process(), process()]
  await connected(a, server, clock, 0)
  server.faults.push({ ...reset(), consumed: false })
  const failedAt = clock.now()
  await expect(settled(clock, a.session('acme', 'f').token(), 1)).rejects.toMatchObject({
    code: 'provider_unavailable',
    maybeProcessed: true,
  })
  for (const grants of [a, b]) {
    const error = (await settled(clock, grants.session('acme', 'f').token(), 1).catch(
      (reason: unknown) => reason,
    )) as ProviderUnavailableError
    expect(error.retryAfterMs).toBeGreaterThan(15_000)
  }
  expect(server.redemptions).toBe(1)
  await clock.advance(failedAt + 20_001 - clock.now())
  expect((await settled(clock, b.session('acme', 'f').token(), 1)).accessToken).toBe('at-f-1')
  expect((await settled(clock, a.session('acme', 'f').token(), 1)).accessToken).toBe('at-f-1')
})

test('a response lost after the rotation ends the grant with the reason answer_lost, never revoked', async () => {
  const { clock, server, process } = world()
  const grants = process()
  await connected(grants, server, clock, 0)
  server.faults.push(reset())
  const session = grants.session('acme', 'f')
  await expect(settled(clock, session.token(), 1)).rejects.toThrow()
  await clock.advance(21_000)
  await expect(settled(clock, session.token(), 1)).rejects.toMatchObject({
    code: 'reauthorization_required',
    reason: 'answer_lost',
  })
})

test('a response that arrives after the deadline is saved', async () => {
  const { clock, server, process, told } = world()
  const grants = process()
  await connected(grants, server, clock, 0)
  const late = deferred()
  server.faults.push({ hangUntil: late.promise })
  const session = grants.session('acme', 'f')
  await expect(settled(clock, session.token())).rejects.toMatchObject({
    code: 'provider_unavailable',
    maybeProcessed: true,
  })
  late.resolve()
  await clock.advance(100)
  expect((await session.token()).accessToken).toBe('at-f-1')
  expect(server.redemptions).toBe(1)
  expect(told.map(({ name }) => name)).toContain('refreshed')
})

test('close() waits for a late response, and saves it', async () => {
  const { clock, server, process, store } = world()
  const grants = process()
  const session = await connected(grants, server, clock, 0)
  const late = deferred()
  server.faults.push({ hangUntil: late.promise })
  await expect(settled(clock, session.token())).rejects.toMatchObject({ maybeProcessed: true })
  let isClosed = false
  const closing = grants.close().then(() => (isClosed = true))
  await clock.advance(1000)
  expect(isClosed).toBe(false)
  late.resolve()
  await settled(clock, closing)
  expect((await store.read(key())).record).toMatchObject({ version: 2, lease: undefined })
})

test('a request that never ends is aborted after the settle time, and the refresh token is tried again', async () => {
  const { clock, server, process } = world()
  const grants = process({ policy: { waitMs: 120_000 } })
  await connected(grants, server, clock, 0)
  server.faults.push({ hangUntil: new Promise(() => undefined), consumed: false })
  const session = grants.session('acme', 'f')
  await expect(settled(clock, session.token())).rejects.toThrow()
  // Callers wait for the request in flight. When it is aborted, their error says when to retry.
  const waiting = await settled(clock, session.token()).catch((error: unknown) => error)
  if (waiting instanceof Error) {
    await clock.advance((waiting as ProviderUnavailableError).retryAfterMs ?? 0)
    expect((await settled(clock, session.token())).accessToken).toBe('at-f-1')
  }
  expect(server.redemptions).toBe(2)
  expect(server.mostUnderway).toBe(1)
})

test('an unreadable 200 is tried again under a new claim, and a later invalid_grant is answer_lost', async () => {
  const { clock, server, process, store } = world()
  const grants = process()
  await connected(grants, server, clock, 0)
  const session = grants.session('acme', 'f')
  server.faults.push({ answer: () => new Response('<html>hello</html>', { headers: { 'content-type': 'text/html' } }) })
  await expect(settled(clock, session.token(), 1)).rejects.toBeInstanceOf(TokenResponseError)
  expect((await store.read(key())).record!.intent).toMatchObject({ open: false, everUnknown: true })
  await clock.advance(1300)
  server.kill()
  await expect(settled(clock, session.token(), 1)).rejects.toMatchObject({ reason: 'answer_lost' })
})

test('a refresh token that may have been used is tried again only when the access token is about to expire, where the provider detects reuse', async () => {
  const { clock, server, process } = world()
  const grants = process()
  await connected(grants, server, clock)
  const session = grants.session('acme', 'f')
  await session.token()
  server.faults.push({ ...reset(), consumed: false })
  await clock.advance(HOUR - 200_000)
  await session.token()
  await clock.advance(60_000)
  await session.token()
  await clock.advance(60_000)
  expect(server.redemptions).toBe(1)
  await clock.advance(75_000)
  expect((await settled(clock, session.token())).accessToken).toBe('at-f-1')
})

test('the process that sent a refresh token that may have been used does not send it again before its next read of the store', async () => {
  // The back-off in the record is then shorter than the pause in memory.
  vi.spyOn(Math, 'random').mockReturnValue(0)
  onTestFinished(() => void vi.restoreAllMocks())
  for (const fault of [{ ...reset(), consumed: false }, { answer: () => new Response('<html>') }]) {
    const { clock, server, process } = world()
    const grants = process({ policy: { revalidateMs: 2 * HOUR } })
    const session = await connected(grants, server, clock)
    await session.token()
    await clock.advance(HOUR - 200_000)
    server.faults.push(fault)
    for (let second = 0; second < 150; second += 1) {
      expect((await session.token()).accessToken).toBe('at-f-0')
      await clock.advance(1000)
    }
    expect(server.redemptions).toBe(1)
  }
})

test('a response with a new refresh token and no access token loses neither grant nor refresh token', async () => {
  const { clock, server, process } = world()
  const grants = process()
  await connected(grants, server, clock, 0)
  const session = grants.session('acme', 'f')
  server.extra = { access_token: undefined }
  await expect(settled(clock, session.token(), 1)).rejects.toBeInstanceOf(TokenResponseError)
  server.extra = {}
  await clock.advance(1300)
  expect((await settled(clock, session.token(), 1)).accessToken).toBe('at-f-2')
  expect(server.requests.map((request) => request.get('refresh_token'))).toEqual(['rt-f-0', 'rt-f-1'])
  expect(server.reuses).toBe(0)
})

test('invalid_client ends no grant: it backs off, and the client when different ones are refused, until the client is fixed', async () => {
  const { clock, server, process, store, told } = world()
  const grants = process()
  await connected(grants, server, clock, 0)
  await connected(grants, server, clock, 0, 'other')
  server.faults.push({ answer: () => json({ error: 'invalid_client' }, 401) })
  await expect(settled(clock, grants.session('acme', 'other').token(), 1)).rejects.toMatchObject({
    error: 'invalid_client',
  })
  const session = grants.session('acme', 'f')
  for (let attempt = 0; attempt < 3; attempt += 1) {
    server.faults.push({ answer: () => json({ error: 'invalid_client' }, 401) })
    await expect(settled(clock, session.token(), 1)).rejects.toMatchObject({
      code: 'token_request_error',
      error: 'invalid_client',
    })
    const backingOff = (await settled(clock, session.token(), 1).catch(
      (error: unknown) => error,
    )) as ProviderUnavailableError
    expect(backingOff).toBeInstanceOf(ProviderUnavailableError)
    await clock.advance(backingOff.retryAfterMs!)
  }
  const { record } = await store.read(key())
  expect(record).toMatchObject({ state: 'active', version: 1 })
  expect(record!.failures).toMatchObject({ code: 'invalid_client', count: 3 })
  expect(told.filter(({ name }) => name === 'client_suspect')).toHaveLength(1)
  expect((await settled(clock, session.token(), 1)).accessToken).toBe('at-f-1')
})

test('while a client backs off, a manual refresh is tried, and its success ends the back-off', async () => {
  const { clock, server, process } = world()
  const grants = process()
  for (const subject of ['a', 'b', 'c', 'd', 'e']) await connected(grants, server, clock, 0, subject)
  for (const subject of ['a', 'b', 'c', 'd']) {
    server.faults.push({ answer: () => json({ error: 'invalid_client' }, 401) })
    await settled(clock, grants.session('acme', subject).token(), 1).catch(() => undefined)
  }
  server.faults.length = 0
  const sent = server.requests.length
  await expect(grants.session('acme', 'e').token()).rejects.toThrow(/rejects client 'acme' itself/)
  expect(server.requests).toHaveLength(sent)
  expect((await settled(clock, grants.session('acme', 'a').refresh(), 1)).accessToken).toMatch(/^at-a-[1-9]/)
  expect((await settled(clock, grants.session('acme', 'e').token(), 1)).accessToken).toMatch(/^at-e-[1-9]/)
})

test('when many grants end at once without one success, the client is suspected and no further grant is marked as ended', async () => {
  const { clock, server, process, told } = world()
  const grants = process()
  for (let index = 0; index < 20; index += 1) {
    await connected(grants, server, clock, 0, `u${index}`)
    server.kill(`u${index}`)
  }
  for (let index = 0; index < 20; index += 1)
    await settled(clock, grants.session('acme', `u${index}`).token(), 1).catch(() => undefined)
  const dead = []
  for await (const status of grants.list({ state: 'reauthorization_required' })) dead.push(status.subject)
  expect(dead).toHaveLength(10)
  expect(told.filter(({ name }) => name === 'client_suspect')).toHaveLength(1)
})

test('invalid_scope does not end the grant, which backs off', async () => {
  const { clock, server, process, store } = world()
  const grants = process()
  await connected(grants, server, clock, 0)
  server.faults.push({ answer: () => json({ error: 'invalid_scope' }, 400) })
  await expect(settled(clock, grants.session('acme', 'f').token(), 1)).rejects.toBeInstanceOf(TokenRequestError)
  expect((await store.read(key())).record).toMatchObject({
    state: 'active',
    failures: { code: 'invalid_scope', count: 1 },
  })
})

test('refusals without a readable error end the grant after ten of them over a day, with the reason refused', async () => {
  const { clock, server, process } = world()
  const grants = process()
  await connected(grants, server, clock, 0)
  const session = grants.session('acme', 'f')
  let refusals = 0
  for (; refusals < 40; refusals += 1) {
    server.faults.push({ answer: () => new Response(null, { status: 400 }) })
    const error = await settled(clock, session.token(), 1).catch((reason: unknown) => reason)
    if (error instanceof ReauthorizationRequiredError) {
      expect(error.reason).toBe('refused')
      break
    }
    expect(error).toMatchObject({ code: 'token_request_error', retryable: true })
    await clock.advance(HOUR)
  }
  expect(refusals).toBe(24)
})

test('a provider’s own error for an ended grant counts as invalid_grant', async () => {
  const { clock, server, process } = world({ refresh: { deadGrantErrors: ['bad_refresh_token'] } })
  const grants = process()
  await connected(grants, server, clock, 0)
  server.faults.push({ answer: () => json({ error: 'bad_refresh_token' }, 400) })
  await expect(settled(clock, grants.session('acme', 'f').token(), 1)).rejects.toMatchObject({ reason: 'revoked' })
})

test('invalid_grant after the end that the provider had stated ends the grant with the reason expired', async () => {
  const { clock, server, process } = world()
  const grants = process()
  const issued = server.issue()
  await grants.save('acme', 'f', { ...issued, expires_at: clock.now() / 1000, refresh_token_expires_in: 60 })
  await clock.advance(61_000)
  server.kill()
  await expect(settled(clock, grants.session('acme', 'f').token(), 1)).rejects.toMatchObject({ reason: 'expired' })
})

test('a grant without a refresh token returns its token until it expires, then ends with the reason no_refresh_token', async () => {
  const { clock, process, server, store } = world()
  const grants = process()
  await grants.save('acme', 'f', {
    access_token: 'only',
    token_type: 'Bearer',
    expires_at: (clock.now() + 60_000) / 1000,
  })
  const session = grants.session('acme', 'f')
  await clock.advance(59_500)
  expect((await session.token()).accessToken).toBe('only')
  expect((await session.token({ rejected: 'only' })).accessToken).toBe('only')
  await clock.advance(500)
  await expect(settled(clock, session.token(), 1)).rejects.toMatchObject({ reason: 'no_refresh_token' })
  expect((await store.read(key())).record).toMatchObject({
    state: 'reauthorization_required',
    reason: 'no_refresh_token',
  })
  expect(server.requests).toHaveLength(0)
})

test('recheck tries an ended grant once more, and the grant is active when the provider accepts it', async () => {
  const { clock, server, process } = world()
  const grants = process()
  await connected(grants, server, clock, 0)
  server.faults.push({ answer: () => json({ error: 'invalid_grant' }, 400) })
  const session = grants.session('acme', 'f')
  await expect(settled(clock, session.token(), 1)).rejects.toBeInstanceOf(ReauthorizationRequiredError)
  expect(await settled(clock, grants.recheck({ client: 'acme' }), 1)).toBe(1)
  expect((await session.token()).accessToken).toBe('at-f-1')
  expect((await grants.status('acme', 'f'))!.state).toBe('active')
  server.kill()
  await clock.advance(HOUR)
  await expect(settled(clock, session.token(), 1)).rejects.toThrow()
  expect(await settled(clock, grants.recheck(), 1)).toBe(0)
})

test('an ended grant that is disconnected while many are rechecked is no failure', async () => {
  const clock = fakeClock()
  const inner = memoryStore({ clock })
  const store = wrapStore(inner)
  const { server, process } = world({ clock, store })
  const grants = process()
  for (const subject of ['a', 'b']) {
    await connected(grants, server, clock, 0, subject)
    server.kill(subject)
    await settled(clock, grants.session('acme', subject).token(), 1).catch(() => undefined)
  }
  server.issue('b')
  Object.assign(store, {
    list: async function* (filter: Parameters<GrantStore['list']>[0]) {
      for await (const record of inner.list(filter)) {
        if (record.key.subject === 'a') await inner.delete(record.key, { id: record.id })
        yield record
      }
    },
  })
  expect(await settled(clock, grants.recheck(), 1)).toBe(1)
})

test('rechecking many ended grants emits no second event, suspects no client, and goes on past one that fails', async () => {
  const { clock, server, process, told } = world()
  const grants = process()
  for (let index = 0; index < 15; index += 1) {
    await connected(grants, server, clock, 0, `u${index}`)
    server.kill(`u${index}`)
    await settled(clock, grants.session('acme', `u${index}`).token(), 1).catch(() => undefined)
    await clock.advance(10_000)
  }
  const before = told.length
  server.faults.push({ answer: () => json({}, 503) })
  await expect(settled(clock, grants.recheck(), 1)).rejects.toMatchObject({
    done: 0,
    errors: [{ code: 'provider_unavailable', key: { client: 'acme' } }],
  })
  expect(told.slice(before).map(({ name }) => name)).toEqual(['refresh_failed'])
  expect(server.redemptions).toBe(30)
  expect((await grants.status('acme', 'u3'))!.state).toBe('reauthorization_required')
})

test('the first caller that fails gets the time of the next attempt', async () => {
  const { clock, server, process } = world()
  const grants = process()
  await connected(grants, server, clock, 0)
  server.faults.push({ answer: () => json({}, 503) })
  const error = (await settled(clock, grants.session('acme', 'f').token(), 1).catch(
    (reason: unknown) => reason,
  )) as ProviderUnavailableError
  expect(error.retryAfterMs).toBeGreaterThanOrEqual(700)
  expect(error.retryAfterMs).toBeLessThanOrEqual(1200)
})

test('the status shows the end of a grant with an absolute lifetime, also after a rotation', async () => {
  const { clock, server, process } = world({ refresh: { absoluteLifetimeMs: 100 * HOUR } })
  const grants = process()
  await connected(grants, server, clock, 0)
  const end = clock.now() + 100 * HOUR
  expect((await grants.status('acme', 'f'))!.refreshTokenExpiresAt).toBe(end)
  await clock.advance(10_000)
  await settled(clock, grants.session('acme', 'f').token())
  expect((await grants.status('acme', 'f'))!.refreshTokenExpiresAt).toBe(end)
})

test.each([
  [200 * 3600, 100],
  [40 * 3600, 40],
  [undefined, 100],
])(
  'a response that says %j seconds does not move the end of an absolute lifetime further away',
  async (seconds, hours) => {
    const { clock, server, process } = world({ refresh: { absoluteLifetimeMs: 100 * HOUR } })
    const grants = process()
    await connected(grants, server, clock, 0)
    const began = clock.now()
    server.extra = { refresh_token_expires_in: seconds }
    await settled(clock, grants.session('acme', 'f').token(), 1)
    const end = (await grants.status('acme', 'f'))!.refreshTokenExpiresAt!
    expect(Math.abs(end - began - hours * HOUR)).toBeLessThan(1000)
  },
)

test('the tokens of a grant are never used for another client id or at another server than they came from', async () => {
  for (const expiresInMs of [0, HOUR]) {
    const { clock, server, process, store } = world()
    const grants = process()
    await connected(grants, server, clock, expiresInMs)
    const renamed = world({ store, clock, client: { clientId: 'another-id' } })
    const moved = world({
      store,
      clock,
      client: {
        provider: {
          ...server.provider,
          server: { issuer: 'https://other.example', token_endpoint: 'https://other.example/token' },
        },
      },
    })
    for (const other of [renamed, moved]) {
      await expect(settled(clock, other.process().session('acme', 'f').token(), 1)).rejects.toBeInstanceOf(ConfigError)
      expect(other.server.requests).toHaveLength(0)
    }
    expect((await settled(clock, grants.session('acme', 'f').token(), 1)).accessToken).toMatch(/^at-f-/)
  }
})
