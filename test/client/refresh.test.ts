import { expect, test, vi } from 'vitest'
import { ConfigError, ProviderUnavailableError, TokenResponseError } from '../../src/model/errors.ts'
import { coreOf } from '../../src/client/oauth2-client.ts'
import { makeToken, type Token } from '../../src/model/token.ts'
import { issuer, json, makeClient, makeIdToken, makeOldToken, metadata, NOW, rejection, scripted } from './setup.ts'

const seconds = NOW / 1000
const answer = { body: { access_token: 'new-access-token', token_type: 'Bearer', expires_in: 60 } }

test('refresh sends grant type, refresh token and the client’s authentication, and nothing else', async () => {
  const { fetch, requests, last } = scripted(answer)
  await makeClient(fetch, { scope: 'read write' }).refresh(makeOldToken())
  expect(requests).toHaveLength(1)
  expect(last()).toMatchObject({ method: 'POST', url: metadata.token_endpoint })
  expect(Object.fromEntries(last().body)).toEqual({ grant_type: 'refresh_token', refresh_token: 'old-refresh-token' })
  expect(last().headers.get('authorization')).toMatch(/^Basic /)
  expect(last().url).not.toContain('client-secret-value')
})

test('refresh keeps the token endpoint’s query', async () => {
  const { fetch, last } = scripted(answer)
  await makeClient(fetch, {}, { server: { ...metadata, token_endpoint: `${issuer}/token?tenant=a` } }).refresh(
    makeOldToken(),
  )
  expect(last().url).toBe(`${issuer}/token?tenant=a`)
})

test('refresh keeps what the response leaves out: refresh token, ID token, scope, extras', async () => {
  const previous = makeOldToken({
    idToken: 'old.id.token',
    refreshTokenExpiresAt: NOW + 1000,
    extra: { instance_url: 'https://eu1.example' },
  })
  const token = await makeClient(scripted(answer).fetch).refresh(previous)
  expect(JSON.parse(JSON.stringify(token))).toEqual({
    accessToken: 'new-access-token',
    tokenType: 'bearer',
    receivedAt: NOW,
    expiresAt: NOW + 60_000,
    refreshToken: 'old-refresh-token',
    refreshTokenExpiresAt: NOW + 1000,
    scope: ['read', 'write'],
    idToken: 'old.id.token',
    extra: { instance_url: 'https://eu1.example' },
  })
  expect(previous.accessToken).toBe('old-access-token')
})

test('refresh takes a new refresh token in the old one’s place, five times over', async () => {
  let serial = 0
  const { fetch, requests } = scripted(() => {
    serial += 1
    return json({ access_token: `access-${serial}`, token_type: 'Bearer', refresh_token: `refresh-${serial}` })
  })
  const client = makeClient(fetch)
  let token = makeOldToken()
  for (let i = 0; i < 5; i += 1) token = await client.refresh(token)
  expect(token.refreshToken).toBe('refresh-5')
  expect(requests.map((request) => request.body.get('refresh_token'))).toEqual([
    'old-refresh-token',
    'refresh-1',
    'refresh-2',
    'refresh-3',
    'refresh-4',
  ])
})

test('refresh needs a refresh token, and says so before anything is sent', async () => {
  const { fetch, requests } = scripted(answer)
  const client = makeClient(fetch)
  for (const refreshToken of [undefined, '', null as never]) {
    await expect(client.refresh(makeOldToken({ refreshToken }))).rejects.toThrow(ConfigError)
  }
  expect(requests).toEqual([])
})

test('refresh can ask for a part of the scope, and never for more than was granted', async () => {
  const { fetch, requests, last } = scripted(answer)
  const client = makeClient(fetch)
  const token = await client.refresh(makeOldToken(), { scope: 'read' })
  expect(last().body.get('scope')).toBe('read')
  expect(token.scope).toEqual(['read'])
  await expect(client.refresh(makeOldToken(), { scope: ['read', 'admin'] })).rejects.toThrow(
    /'admin' is not in the token's scope/,
  )
  await expect(client.refresh(makeOldToken(), { scope: 'READ' })).rejects.toThrow(ConfigError)
  expect(requests).toHaveLength(1)
  await client.refresh(makeOldToken({ scope: undefined }), { scope: 'anything' })
  expect(last().body.get('scope')).toBe('anything')
})

test('refresh sends extra parameters of the provider and of the call, reserved ones never', async () => {
  const { fetch, last } = scripted(answer)
  const client = makeClient(fetch, {}, { refreshParams: { type: 'refresh', scope: 'always' } })
  await client.refresh(makeOldToken(), { params: { audience: 'api', type: '' } })
  expect(Object.fromEntries(last().body)).toEqual({
    grant_type: 'refresh_token',
    refresh_token: 'old-refresh-token',
    audience: 'api',
    scope: 'always',
  })
  await client.refresh(makeOldToken(), { scope: 'read' })
  expect(last().body.get('scope')).toBe('read')
  for (const name of ['refresh_token', 'grant_type', 'client_id', 'client_secret', 'scope']) {
    await expect(client.refresh(makeOldToken(), { params: { [name]: 'x' } })).rejects.toThrow(ConfigError)
  }
})

test('refresh counts the lifetime from the moment before the request was sent', async () => {
  let now = NOW
  const { fetch } = scripted(() => {
    now += 2000
    return json(answer.body)
  })
  const token = await makeClient(fetch, { clock: { now: () => now } }).refresh(makeOldToken())
  expect(token).toMatchObject({ receivedAt: NOW, expiresAt: NOW + 60_000 })
})

test('refresh takes a token that came through JSON', async () => {
  const stored = JSON.parse(JSON.stringify(makeOldToken())) as Token
  await expect(makeClient(scripted(answer).fetch).refresh(stored)).resolves.toMatchObject({
    refreshToken: 'old-refresh-token',
  })
})

const hanging: typeof fetch = () => new Promise(() => {})

test('a refresh that takes too long ends at the client’s deadline with an error that says that it may have been processed', async () => {
  let pass = (): void => {}
  const waited: number[] = []
  const delay = (ms: number): Promise<void> => {
    waited.push(ms)
    return new Promise((resolve) => {
      pass = resolve
    })
  }
  const client = makeClient(hanging, { timeoutMs: 1234, clock: { now: () => NOW, delay } })
  const ending = rejection(client.refresh(makeOldToken()))
  await vi.waitFor(() => expect(waited).toEqual([1234]))
  pass()
  const error = await ending
  expect(error).toBeInstanceOf(ProviderUnavailableError)
  expect(error).toMatchObject({ maybeProcessed: true, retryable: true })
  expect(error.message).toContain('1234 ms')
})

test('a refresh leaves no timer behind when the response came in time', async () => {
  let timer: AbortSignal | undefined
  const delay = (_ms: number, signal?: AbortSignal): Promise<void> => {
    timer = signal
    return new Promise(() => {})
  }
  await makeClient(scripted(answer).fetch, { clock: { now: () => NOW, delay } }).refresh(makeOldToken())
  expect(timer!.aborted).toBe(true)
})

test('a refresh ends at the caller’s own abort with the signal’s reason', async () => {
  const controller = new AbortController()
  const ending = rejection(makeClient(hanging).refresh(makeOldToken(), { signal: controller.signal }))
  const reason = new Error('enough')
  controller.abort(reason)
  expect(await ending).toBe(reason)
})

test('a refresh is not begun when the caller’s signal is aborted already', async () => {
  const { fetch, requests } = scripted(answer)
  const reason = new Error('enough')
  expect(await rejection(makeClient(fetch).refresh(makeOldToken(), { signal: AbortSignal.abort(reason) }))).toBe(reason)
  expect(requests).toEqual([])
})

test('a refresh that takes too long aborts its request, where the fetch listens', async () => {
  const controller = new AbortController()
  const aborted = vi.fn()
  const listening: typeof fetch = (_, init) =>
    new Promise((_resolve, reject) => {
      init!.signal!.addEventListener('abort', () => {
        aborted()
        reject(init!.signal!.reason as Error)
      })
      controller.abort(new Error('enough'))
    })
  expect(await rejection(makeClient(listening).refresh(makeOldToken(), { signal: controller.signal }))).toMatchObject({
    message: 'enough',
  })
  expect(aborted).toHaveBeenCalledOnce()
})

test('the core’s redemption has no deadline of its own, and reports a change of scope', async () => {
  const delay = vi.fn(() => new Promise<void>(() => {}))
  const { fetch } = scripted({ body: { ...answer.body, scope: 'read' } })
  const redeem = await coreOf(makeClient(fetch, { clock: { now: () => NOW, delay } })).prepareRedemption(makeOldToken())
  const redeemed = await redeem()
  expect(redeemed).toMatchObject({ scopeChanged: true, idTokenDropped: false })
  expect(redeemed.token.scope).toEqual(['read'])
  expect(delay).not.toHaveBeenCalled()
})

test('the core’s redemption sends nothing while it is prepared, and fails there when the secret cannot be loaded', async () => {
  const { fetch, requests } = scripted(answer)
  const secret = vi.fn(() => Promise.reject(new Error('vault is sealed')))
  const core = coreOf(makeClient(fetch, { clientSecret: secret }))
  const error = await rejection(core.prepareRedemption(makeOldToken()))
  expect(error).toBeInstanceOf(ConfigError)
  expect((error.cause as Error).message).toBe('vault is sealed')
  expect(requests).toEqual([])
})

test('the core’s redemption rejects with the reason of the caller’s signal', async () => {
  const redeem = await coreOf(makeClient(() => new Promise(() => {}))).prepareRedemption(makeOldToken())
  const controller = new AbortController()
  const ending = rejection(redeem({ signal: controller.signal }))
  controller.abort(new Error('enough'))
  expect((await ending).message).toBe('enough')
})

test('the core’s redemption reports no change where the same scope comes in another order', async () => {
  const { fetch } = scripted({ body: { ...answer.body, scope: 'write read' } })
  const redeem = await coreOf(makeClient(fetch)).prepareRedemption(makeOldToken())
  expect((await redeem()).scopeChanged).toBe(false)
})

const first = { nonce: 'first-nonce', auth_time: seconds - 3600, azp: 'web' }

async function redeem(claims: Record<string, unknown>, previous: Record<string, unknown> | null = first, header = {}) {
  const idToken = makeIdToken(claims, header)
  const { fetch } = scripted({ body: { ...answer.body, refresh_token: 'new-refresh-token', id_token: idToken } })
  const old = makeOldToken({
    idToken: previous === null ? undefined : makeIdToken({ exp: seconds - 3000, ...previous }),
  })
  const redeemed = await (await coreOf(makeClient(fetch)).prepareRedemption(old))()
  return { ...redeemed, kept: redeemed.token.idToken === old.idToken, taken: redeemed.token.idToken === idToken }
}

test('the ID token of a refresh (OpenID Connect Core section 12.2) takes the earlier one’s place when it is of the same identity', async () => {
  expect(await redeem({ azp: 'web' })).toMatchObject({ taken: true, idTokenDropped: false })
  expect(await redeem({ azp: 'web', nonce: 'first-nonce', auth_time: seconds - 3600 })).toMatchObject({ taken: true })
  expect(await redeem({}, { azp: undefined })).toMatchObject({ taken: true })
  expect(await redeem({ azp: 'web', auth_time: 5 }, { azp: 'web' })).toMatchObject({ taken: true })
  expect(await redeem({ azp: 'web', aud: ['web', 'api'] }, { aud: ['web'], azp: 'web' })).toMatchObject({
    taken: true,
  })
  expect(await redeem({}, null)).toMatchObject({ taken: true })
})

const unusable: Record<
  string,
  [claims: Record<string, unknown>, previous?: Record<string, unknown> | null, header?: object]
> = {
  expired: [{ azp: 'web', exp: seconds - 65 }],
  'of an unlisted algorithm': [{ azp: 'web' }, first, { alg: 'none' }],
  'with another nonce': [{ azp: 'web', nonce: 'second-nonce' }],
  'with a nonce where there was none': [{ azp: 'web', nonce: 'x' }, { azp: 'web' }],
  'of another login time': [{ azp: 'web', auth_time: seconds }],
  'without azp where there was one': [{}],
  'with our azp where there was none': [{ azp: 'web' }, {}],
  'without an earlier audience': [
    { azp: 'web', aud: ['web'] },
    { ...first, aud: ['web', 'api'] },
  ],
  'without subject': [{ azp: 'web', sub: undefined }],
  'of another issuer, with nothing to compare with but the server': [{ iss: 'https://other.example' }, null],
  'for another client, with nothing to compare with': [{ aud: 'other' }, null],
}
test.each(Object.entries(unusable))(
  'the ID token of a refresh (OpenID Connect Core section 12.2) that is %s is dropped; the tokens and the earlier ID token are kept',
  async (_, [claims, previous, header]) => {
    const result = await redeem(claims, previous, header)
    expect(result.idTokenDropped).toBe(true)
    expect(result.taken).toBe(false)
    expect(result.kept).toBe(true)
    expect(result.token).toMatchObject({ accessToken: 'new-access-token', refreshToken: 'new-refresh-token' })
  },
)

test('the ID token of a refresh (OpenID Connect Core section 12.2) that is no JWT is dropped', async () => {
  for (const id_token of ['nonsense', 'a.b.c', `x.${btoa('[]')}.y`, 'a.b.c.d.e']) {
    const { fetch } = scripted({ body: { ...answer.body, id_token } })
    const redeemed = await (await coreOf(makeClient(fetch)).prepareRedemption(makeOldToken()))()
    expect(redeemed.idTokenDropped).toBe(true)
    expect(redeemed.token).not.toHaveProperty('idToken')
  }
})

test.each([
  ['sub', { azp: 'web', sub: 'user-2' }],
  ['iss', { azp: 'web', iss: 'https://other.example' }],
  ['aud', { azp: 'web', aud: 'other' }],
  ['azp', { azp: 'other' }],
  ['sub, expired besides', { azp: 'web', sub: 'user-2', exp: 1 }],
])(
  'the ID token of a refresh (OpenID Connect Core section 12.2) that names another %s is an error: the new access token is withheld, the new refresh token handed over to be saved',
  async (_, claims) => {
    const error = await rejection(redeem(claims))
    expect(error).toBeInstanceOf(TokenResponseError)
    expect(error).toMatchObject({ problem: 'identity_changed', retryable: false })
    expect(error.token).toMatchObject({
      accessToken: 'old-access-token',
      refreshToken: 'new-refresh-token',
      expiresAt: NOW,
    })
    expect(Object.keys(error)).not.toContain('token')
  },
)

test('the ID token of a refresh (OpenID Connect Core section 12.2) of another identity doesn’t give the new refresh token the end of the old one', async () => {
  const idToken = makeIdToken({ sub: 'user-2' })
  const old = makeOldToken({ idToken: makeIdToken(), refreshTokenExpiresAt: NOW + 5 })
  const { fetch } = scripted({ body: { ...answer.body, refresh_token: 'new-refresh-token', id_token: idToken } })
  const error = await rejection(makeClient(fetch).refresh(old))
  expect(error.token).not.toHaveProperty('refreshTokenExpiresAt')
})

test('the ID token of a refresh (OpenID Connect Core section 12.2) of another identity hands over the old refresh token where no new one came', async () => {
  const { fetch } = scripted({ body: { ...answer.body, id_token: makeIdToken({ sub: 'user-2' }) } })
  const old = makeOldToken({ idToken: makeIdToken(), refreshTokenExpiresAt: NOW + 5 })
  const error = await rejection(makeClient(fetch).refresh(old))
  expect(error.token).toEqual(makeToken(old))
})
