import { describe, expect, test } from 'vitest'
import { accessTokenOf, makeToken } from '../../src/model/token.ts'
import { json } from './fake-server.ts'
import { connected, HOUR, key, settled, world } from './setup.ts'

const once = async (answer: Response, refresh: object = {}) => {
  const on = world({ refresh })
  const grants = on.process()
  await connected(grants, on.server, on.clock, 0)
  on.server.faults.push({ answer: () => answer })
  const session = grants.session('acme', 'f')
  const error = (await settled(on.clock, session.token(), 1).catch((reason: unknown) => reason)) as Error &
    Record<string, unknown>
  const { record } = await on.store.read(key())
  return { ...on, grants, session, error, record: record! }
}

test.each(['interaction_required', 'login_required', 'consent_required'])(
  '%s ends the grant with the reason interaction_required',
  async (code) => {
    const { error, record, told } = await once(json({ error: code, error_description: 'second factor' }, 400))
    expect(error).toMatchObject({ code: 'reauthorization_required', reason: 'interaction_required' })
    expect(error.message).toContain('second factor')
    expect(record).toMatchObject({ state: 'reauthorization_required', reason: 'interaction_required' })
    expect(told).toEqual([
      { name: 'reauthorization_required', event: expect.objectContaining({ reason: 'interaction_required' }) },
    ])
  },
)

test.each<[string, object, object, number]>([
  ['dead', { description: 'gone' }, { message: 'it is GONE' }, 400],
  ['dead', { status: 200 }, { code: 20026 }, 200],
  ['dead', { status: 500, body: { fatal: true } }, { fatal: true }, 500],
])('a refusal rule of %s ends the grant (%j)', async (means, when, body, status) => {
  const { error, record } = await once(json(body, status), { refusals: [{ when, means }] })
  expect(error).toMatchObject({ code: 'reauthorization_required', reason: 'revoked' })
  expect(record.state).toBe('reauthorization_required')
})

test.each(['later', 'request'])('a refusal rule of %s does not end the grant, which backs off', async (means) => {
  const { error, record } = await once(json({ error: 'invalid_grant' }, 400), {
    refusals: [{ when: { error: 'invalid_grant' }, means }],
  })
  expect(error).toMatchObject({ code: 'token_request_error', retryable: means === 'later' })
  expect(record).toMatchObject({
    state: 'active',
    failures: { code: 'invalid_grant', count: 1 },
    intent: { open: false, everUnknown: false },
  })
})

test('an invalid_grant that says that the request is being processed ends no grant and is retried', async () => {
  const { clock, record, session } = await once(
    json({ error: 'invalid_grant', error_description: 'token request is already being processed' }, 400),
  )
  expect(record.state).toBe('active')
  await clock.advance(1300)
  expect((await settled(clock, session.token(), 1)).accessToken).toBe('at-f-1')
})

describe.each(['invalid_target', 'rate_limit_exceeded', 'token_inactive', '40105'])(
  '%s, which no specification registers for a refresh,',
  (code) => {
    test('is settled, tried once more, and a later invalid_grant is answer_lost', async () => {
      const { clock, error, record, server, session } = await once(json({ error: code }, 400))
      expect(error).toMatchObject({ code: 'token_request_error', error: code })
      expect(record).toMatchObject({ state: 'active', intent: { open: false, everUnknown: true } })
      server.kill()
      await clock.advance(1300)
      await expect(settled(clock, session.token(), 1)).rejects.toMatchObject({ reason: 'answer_lost' })
    })
  },
)

test('where no refresh token was sent, none was used up, whatever the code', async () => {
  const { clock, process, server, store } = world()
  const grants = process({ obtain: { acme: (client) => client.clientCredentials() } })
  await grants.save('acme', 'f', { access_token: 'a', expires_at: 1 })
  server.faults.push({ answer: () => json({ error: 'access_denied' }, 400) })
  await expect(settled(clock, grants.session('acme', 'f').token(), 1)).rejects.toMatchObject({ error: 'access_denied' })
  expect((await store.read(key())).record).toMatchObject({
    state: 'active',
    intent: { open: false, everUnknown: false },
  })
})

test.each(['invalid_scope', 'invalid_request', 'unsupported_grant_type'])(
  '%s consumed nothing: a later invalid_grant is revoked',
  async (code) => {
    const { clock, server, session } = await once(json({ error: code }, 400))
    server.kill()
    await clock.advance(1300)
    await expect(settled(clock, session.token(), 1)).rejects.toMatchObject({ reason: 'revoked' })
  },
)

test.each([
  [403, { error: 'rate_limit_exceeded' }],
  [400, { error: 'invalid_request' }],
  [403, {}],
  [200, { code: 99 }],
])('Retry-After of status %i %j is respected, also by a manual refresh', async (status, body) => {
  const { clock, error, record, server, session } = await once(json(body, status, { 'retry-after': '120' }))
  expect(error.retryAfterMs).toBe(120_000)
  expect(record.failures).toMatchObject({ mandatory: true })
  await expect(settled(clock, session.refresh(), 1)).rejects.toMatchObject({ retryable: true })
  expect(server.redemptions).toBe(1)
  await clock.advance(120_000)
  expect((await settled(clock, session.refresh(), 1)).accessToken).toBe('at-f-1')
})

test('a new refresh token that comes with an error is saved', async () => {
  const { clock, server, session } = await once(
    json({ error: 'server_said_no', result: { oauth: { refresh_token: 'rt-f-9' } } }),
  )
  await clock.advance(1300)
  await settled(clock, session.token(), 1).catch(() => undefined)
  expect(server.requests.map((request) => request.get('refresh_token'))).toEqual(['rt-f-0', 'rt-f-9'])
})

const extra = {
  instance_url: 'https://eu.example',
  other: 1,
  authed_user: makeToken({ accessToken: 'b', receivedAt: 0, refreshToken: 'r' }) as never,
}

test('an access token has the members of extra that are named, and nothing that can renew', () => {
  const token = makeToken({ accessToken: 'a', receivedAt: 0, refreshToken: 'r', extra })
  expect(accessTokenOf(token).extra).toBeUndefined()
  expect(accessTokenOf(token, ['missing', 'constructor']).extra).toBeUndefined()
  const access = accessTokenOf(token, ['instance_url', 'authed_user', 'missing'])
  expect(JSON.parse(JSON.stringify(access.extra))).toEqual({
    instance_url: 'https://eu.example',
    authed_user: { accessToken: 'b', tokenType: 'bearer' },
  })
  expect(Object.isFrozen(access.extra)).toBe(true)
})

test('what API calls need in addition to the token is returned with it, after the login and after each refresh', async () => {
  const { clock, process, server } = world()
  const token = makeToken({ accessToken: 'a', receivedAt: clock.now(), expiresAt: clock.now() + HOUR, extra })
  const grants = process()
  await grants.save('acme', 'f', token)
  expect((await grants.session('acme', 'f').token()).extra).toBeUndefined()

  const handing = world({ clock, client: { provider: { ...server.provider, handOut: ['instance_url'] } } })
  const [first, second] = [handing.process(), handing.process()]
  await first.save('acme', 'f', token)
  for (const each of [first, second])
    expect((await each.session('acme', 'f').token()).extra).toEqual({ instance_url: 'https://eu.example' })
  handing.server.extra = { instance_url: 'https://us.example' }
  await connected(first, handing.server, clock, 0)
  expect((await settled(clock, first.session('acme', 'f').token())).extra).toEqual({
    instance_url: 'https://us.example',
  })
})
