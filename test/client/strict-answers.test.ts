import { expect, test } from 'vitest'
import { TokenRequestError, TokenResponseError } from '../../src/model/errors.ts'
import { MAX_LIFETIME_MS } from '../../src/model/lifetime.ts'
import type { Provider } from '../../src/model/provider.ts'
import type { Token } from '../../src/model/token.ts'
import { json, makeClient, makeOldToken, NOW, rejection, scripted } from './setup.ts'

/** The result of a refresh with one response. */
async function refreshed(
  answer: Response,
  provider: Partial<Provider> = {},
  previous: Token = makeOldToken(),
): Promise<Token> {
  return makeClient(scripted(answer).fetch, {}, provider).refresh(previous)
}

const refused = async (answer: Response, provider: Partial<Provider> = {}): Promise<Error & Record<string, unknown>> =>
  rejection(refreshed(answer, provider))

const success = (members: Record<string, unknown> = {}): Record<string, unknown> => ({
  access_token: 'new-access-token',
  token_type: 'Bearer',
  ...members,
})

test.each(['BEARER', 'bearer', 'Bearer', '', ' ', null, 5, undefined])(
  'token_type %j is a bearer token',
  async (token_type) => {
    expect((await refreshed(json(success({ token_type })))).tokenType).toBe('bearer')
  },
)

test('token_type of its own kind is a bearer token when the provider’s data says so', async () => {
  const provider = { tokenTypes: ['user', 'Application Access Token'] }
  expect((await refreshed(json(success({ token_type: 'User' })), provider)).tokenType).toBe('bearer')
  expect((await refreshed(json(success({ token_type: 'application access token' })), provider)).tokenType).toBe(
    'bearer',
  )
})

test('token_type that is the new token itself is masked', async () => {
  const error = await refused(json(success({ access_token: 'New-Access-1', token_type: 'New-Access-1' })))
  expect(error.message).toContain("token_type is '[redacted]'")
})

test('token_type that is long is not repeated: it may be the token itself', async () => {
  const token_type = 'secret'.repeat(10)
  expect((await refused(json(success({ token_type })))).message).not.toContain('secret')
})

test.each(['mac', 'user', 'DPoP'])(
  'token_type %s is refused, and a rotated refresh token is not lost',
  async (token_type) => {
    const error = await refused(json(success({ token_type, refresh_token: 'new-refresh-token' })))
    expect(error).toBeInstanceOf(TokenResponseError)
    expect(error).toMatchObject({ problem: 'token_type', status: 200, retryable: false })
    expect(error.message).toContain(`'${token_type}'`)
    expect(error.token).toMatchObject({ accessToken: 'old-access-token', refreshToken: 'new-refresh-token' })
  },
)

const table: readonly [members: Record<string, unknown>, lifetimeMs: number | undefined][] = [
  [{ expires_in: 3600 }, 3_600_000],
  [{ expires_in: '3600' }, 3_600_000],
  [{ expires_in: ' 3600 ' }, 3_600_000],
  [{ expires_in: 1.5 }, 1500],
  [{ expires_in: 0 }, 0],
  [{ expires_in: '0' }, 0],
  [{ expires_in: -1 }, 0],
  [{ expires_in: '-1' }, 0],
  [{ expires_in: 1e300 }, MAX_LIFETIME_MS],
  [{ expires_in: '9'.repeat(400) }, MAX_LIFETIME_MS],
  [{ expires_in: null }, undefined],
  [{ expires_in: '' }, undefined],
  [{ expires_in: 'soon' }, undefined],
  [{ expires_in: true }, undefined],
  [{ expires_in: {} }, undefined],
  [{}, undefined],
  [{ expires_in_ms: 90_000 }, 90_000],
  [{ expires_in_ms: '90000' }, 90_000],
  [{ expiresIn: 60 }, 60_000],
  [{ expires: 3600 }, 3_600_000],
  [{ expires: '3600' }, 3_600_000],
  [{ expires: NOW / 1000 + 60 }, 60_000],
  [{ expires: '2026-01-01T00:01:00Z' }, 60_000],
  [{ expires: 'never' }, undefined],
  [{ expires_at: NOW / 1000 + 60 }, 60_000],
  [{ expires_at: NOW + 60_000 }, 60_000],
  [{ expires_at: '2026-01-01T00:01:00Z' }, 60_000],
  [{ expiresAt: '2026-01-01T00:01:00.000Z' }, 60_000],
  [{ accessTokenExpiresAt: '2026-01-01T00:01:00Z' }, 60_000],
  [{ expires_at: NOW / 1000 - 60 }, 0],
  [{ expires_at: null }, undefined],
  [{ expires_in: 10, expires_at: NOW / 1000 + 60 }, 10_000],
  [{ expires_in: null, expires_at: NOW / 1000 + 60 }, 60_000],
]
test.each(table)('the lifetime of a token response with %j is %s ms', async (members, lifetime) => {
  const token = await refreshed(json(success(members)))
  expect(token.expiresAt).toBe(lifetime === undefined ? undefined : NOW + lifetime)
  // What became the expiry is not kept a second time, where it would grow stale.
  expect(token.extra).toBeUndefined()
})

test('the lifetime that the response leaves out is the provider’s default, where there is one', async () => {
  const provider = { refresh: { defaultLifetimeMs: 7_200_000 } }
  expect((await refreshed(json(success()), provider)).expiresAt).toBe(NOW + 7_200_000)
  expect((await refreshed(json(success({ expires_in: 60 })), provider)).expiresAt).toBe(NOW + 60_000)
})

test.each([
  [{ refresh_token_expires_in: 60 }, 60_000],
  [{ refresh_expires_in: '60' }, 60_000],
  [{ x_refresh_token_expires_in: 60 }, 60_000],
  [{ refresh_token_expires_at: NOW / 1000 + 60 }, 60_000],
  [{ refreshTokenExpiresAt: '2026-01-01T00:01:00Z' }, 60_000],
  // Keycloak's offline tokens: they don't end.
  [{ refresh_expires_in: 0 }, undefined],
  [{ refresh_token_expires_in: null }, undefined],
  [{}, undefined],
])('the lifetime of the refresh token of %j is %s ms', async (members, lifetime) => {
  const token = await refreshed(json(success({ refresh_token: 'new-refresh-token', ...members })))
  expect(token.refreshTokenExpiresAt).toBe(lifetime === undefined ? undefined : NOW + lifetime)
})

test.each([
  ['a b', ['a', 'b']],
  [' a  b ', ['a', 'b']],
  [
    ['a', 'b c', 5],
    ['a', 'b', 'c'],
  ],
  [null, ['read', 'write']],
  ['', ['read', 'write']],
  [[], ['read', 'write']],
  [5, ['read', 'write']],
  [undefined, ['read', 'write']],
  ['a,b', ['a,b']],
])('scope %j is %j', async (scope, expected) => {
  expect((await refreshed(json(success({ scope })))).scope).toEqual(expected)
})

test('scope with commas is split where the provider separates so', async () => {
  expect((await refreshed(json(success({ scope: 'repo,gist user' })), { scopeSeparator: ',' })).scope).toEqual([
    'repo',
    'gist',
    'user',
  ])
})

test.each([null, '', 5, {}, undefined])(
  'refresh_token and id_token %j are as good as missing: the earlier ones stay',
  async (value) => {
    const previous = makeOldToken({ idToken: 'old.id.token' })
    const token = await refreshed(json(success({ refresh_token: value, id_token: value })), {}, previous)
    expect(token).toMatchObject({ refreshToken: 'old-refresh-token', idToken: 'old.id.token' })
  },
)

test.each([null, '', 5, undefined])(
  'access_token %j is an error that says so, and a rotated refresh token is not lost',
  async (access_token) => {
    const error = await refused(json(success({ access_token, refresh_token: 'new-refresh-token', id_token: 'x' })))
    expect(error).toMatchObject({ name: 'TokenResponseError', problem: 'no_access_token', retryable: false })
    expect(error.token).toMatchObject({ accessToken: 'old-access-token', refreshToken: 'new-refresh-token' })
  },
)

test.each(['with\nnewline', 'snow☃man', ' padded ', 'tab\t'])(
  'access_token %j can’t stand in a header',
  async (access_token) => {
    const error = await refused(json(success({ access_token, refresh_token: 'new-refresh-token' })))
    expect(error).toMatchObject({ problem: 'invalid' })
    expect(error.token).toMatchObject({ refreshToken: 'new-refresh-token' })
  },
)

test('access_token that is unusable leaves nothing to save where no refresh token came', async () => {
  expect((await refused(json({}))).token).toBeUndefined()
})

test.each(['text/plain', 'text/html', 'application/x-www-form-urlencoded', ''])(
  'the form of a success JSON as %j is read',
  async (type) => {
    const answer = new Response(JSON.stringify(success()), { headers: { 'content-type': type } })
    expect((await refreshed(answer)).accessToken).toBe('new-access-token')
  },
)

test.each(['application/x-www-form-urlencoded', 'text/plain', 'application/json'])(
  'the form of a success a form as %j is read',
  async (type) => {
    const form = 'access_token=new-access-token&scope=repo%2Cgist&token_type=bearer&expires_in=60'
    const token = await refreshed(new Response(form, { headers: { 'content-type': type } }), { scopeSeparator: ',' })
    expect(token).toMatchObject({ accessToken: 'new-access-token', scope: ['repo', 'gist'], expiresAt: NOW + 60_000 })
  },
)

test('a token response of JSON after a byte order mark and white space is read', async () => {
  const bytes = new TextEncoder().encode(`\uFEFF\n ${JSON.stringify(success())}\n`)
  expect((await refreshed(new Response(bytes))).accessToken).toBe('new-access-token')
})

test.each([200, 201, 202, 203])('a token response of status %i is a success', async (status) => {
  expect((await refreshed(json(success(), { status }))).accessToken).toBe('new-access-token')
})

test('token response members in camel case are read', async () => {
  const token = await refreshed(
    json({ accessToken: 'new-access-token', refreshToken: 'new-refresh-token', expiresIn: 60, tokenType: 'Bearer' }),
  )
  expect(token).toMatchObject({
    accessToken: 'new-access-token',
    refreshToken: 'new-refresh-token',
    expiresAt: NOW + 60_000,
  })
  expect(token.extra).toBeUndefined()
  expect((await refreshed(json(success({ accessToken: 'other' })))).extra).toEqual({ accessToken: 'other' })
})

test('a token response inside `data` or `authed_user` is lifted, its neighbours kept', async () => {
  const inData = await refreshed(
    json({ message: 'ok', data: success({ refresh_token: 'new-refresh-token', open_id: 'x' }) }),
  )
  expect(inData).toMatchObject({
    accessToken: 'new-access-token',
    refreshToken: 'new-refresh-token',
    extra: { message: 'ok', open_id: 'x' },
  })
  const inUser = await refreshed(json({ ok: true, team: { id: 'T1' }, authed_user: { ...success(), id: 'U1' } }))
  expect(inUser).toMatchObject({ accessToken: 'new-access-token', extra: { ok: true, team: { id: 'T1' }, id: 'U1' } })
  const bot = await refreshed(json({ ...success(), authed_user: success({ access_token: 'user-token' }) }))
  expect(bot.accessToken).toBe('new-access-token')
  expect(await refused(json({ data: { id: 1 } }))).toMatchObject({ problem: 'no_access_token' })
})

test('unknown members of a token response are kept, `__proto__` is not', async () => {
  const body = '{"access_token":"new-access-token","instance_url":"https://x.example","__proto__":{"polluted":true}}'
  const { extra } = await refreshed(new Response(body))
  expect(extra).toEqual({ instance_url: 'https://x.example' })
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
})

test.each(['', 'null', '[]', '"token"', '<html>access_token=1</html>', '{"access_token":"x"', 'a=b', 'Login required'])(
  'the form of a success %j can’t be read: an error without any part of it',
  async (text) => {
    const error = await refused(new Response(text, { headers: { 'content-type': 'application/json' } }))
    expect(error).toMatchObject({ name: 'TokenResponseError', problem: 'unreadable', status: 200, retryable: false })
    expect(error.cause).toBeUndefined()
  },
)

test('a token response without content (204) cannot be read', async () => {
  expect(await refused(new Response(null, { status: 204 }))).toMatchObject({ problem: 'unreadable' })
})

test('a token response longer than 1 MiB is not read', async () => {
  const answer = json(success({ padding: 'x'.repeat(1_048_576) }))
  const error = await refused(answer)
  expect(error).toMatchObject({ problem: 'unreadable' })
  expect(error.message).toContain('1 MiB')
})

test('a request whose token response cannot be used may be repeated within the provider’s grace period', async () => {
  expect(await refused(new Response('?'), { refresh: { rotates: false } })).toMatchObject({ retryable: true })
  expect(await refused(new Response('?'), { refresh: { rotates: true, reuseGraceMs: 30_000 } })).toMatchObject({
    retryable: true,
  })
  expect(await refused(new Response('?'), { refresh: { rotates: true } })).toMatchObject({ retryable: false })
})

test('an error with a success status is an error', async () => {
  const github = await refused(
    json({ error: 'bad_refresh_token', error_description: 'The refresh token is incorrect or expired.' }),
  )
  expect(github).toBeInstanceOf(TokenRequestError)
  expect(github).toMatchObject({
    status: 400,
    error: 'invalid_grant',
    errorDescription: 'bad_refresh_token: The refresh token is incorrect or expired.',
    retryable: false,
  })
  expect(await refused(json({ ok: false, error: 'invalid_refresh_token' }))).toMatchObject({ error: 'invalid_grant' })
  expect(await refused(json({ error: 'incorrect_client_credentials' }))).toMatchObject({ error: 'invalid_client' })
  expect(await refused(new Response('error=invalid_grant&error_description=gone'))).toMatchObject({
    error: 'invalid_grant',
  })
})

test('an error next to an access token is no error', async () => {
  expect((await refreshed(json(success({ error: 'none' })))).accessToken).toBe('new-access-token')
})

test.each([
  'text/plain',
  'text/html',
  'application/problem+json',
  'Application/JSON',
  'application/json ;charset=utf-8',
  '',
])('an error as %j is read: invalid_grant stays visible', async (type) => {
  const body = JSON.stringify({ error: 'invalid_grant' })
  const answer = new Response(body, { status: 400, headers: { 'content-type': type } })
  expect(await refused(answer)).toMatchObject({ status: 400, error: 'invalid_grant' })
})

test('an error next to a WWW-Authenticate header is read from the body', async () => {
  const answer = json({ error: 'invalid_client' }, { status: 401, headers: { 'www-authenticate': 'Basic realm="as"' } })
  expect(await refused(answer)).toMatchObject({ status: 401, error: 'invalid_client', retryable: false })
})

test.each([
  [{ error: { code: 'invalid_grant', message: 'gone' } }, 'invalid_grant', 'gone'],
  [{ error: { type: 'OAuthException', code: 190, message: 'x' } }, '190', 'x'],
  [{ error: { status: 'INVALID_ARGUMENT', code: 400 } }, 'INVALID_ARGUMENT', undefined],
  [{ errors: [{ errorType: 'invalid_grant', message: 'gone' }], success: false }, 'invalid_grant', 'gone'],
  [{ errors: ['invalid_grant'] }, 'invalid_grant', undefined],
  [{ error: { error: 'invalid_grant', error_description: 'gone' } }, 'invalid_grant', 'gone'],
  [{ error: 'BAD_REFRESH_TOKEN' }, 'invalid_grant', 'BAD_REFRESH_TOKEN'],
])('an error of the form %j is read', async (body, error, description) => {
  const refusal = await refused(json(body, { status: 400 }))
  expect(refusal.error).toBe(error)
  expect(refusal.errorDescription).toBe(description)
})

test.each([
  ['', 400],
  ['<html>', 403],
  ['{}', 400],
  ['{"error":""}', 401],
  ['{"error":true}', 404],
  ['{"error":{}}', 400],
  ['{"errors":[]}', 400],
  ['[]', 422],
])('an error that can’t be read (%j) has no code and may pass', async (text, status) => {
  const error = await refused(new Response(text, { status }))
  expect(error).toBeInstanceOf(TokenRequestError)
  expect(error).toMatchObject({ status, retryable: true })
  expect(error).not.toHaveProperty('error')
})

test.each([
  ['invalid_grant', false],
  ['invalid_client', false],
  ['unauthorized_client', false],
  ['invalid_scope', false],
  ['invalid_request', false],
  ['unsupported_grant_type', false],
  ['invalid_target', false],
  ['temporarily_unavailable', true],
  ['server_error', true],
  ['slow_down', true],
])('an error %s has retryable: %s', async (error, retryable) => {
  expect(await refused(json({ error }, { status: 400 }))).toMatchObject({ error, retryable })
})

test('an error text stays one line of bounded length', async () => {
  const error_description = `first\nsecond\u001b[31m\u2028${'x'.repeat(5000)}`
  const { errorDescription } = await refused(json({ error: 'invalid_grant', error_description }, { status: 400 }))
  expect(errorDescription).toMatch(/^first second \[31m x+…$/)
  expect((errorDescription as string).length).toBeLessThan(310)
})

test('an error longer than 1 MiB is an unreadable one', async () => {
  const answer = json({ error: 'invalid_grant', padding: 'x'.repeat(1_048_576) }, { status: 400 })
  const error = await refused(answer)
  expect(error).toMatchObject({ status: 400, retryable: true })
  expect(error).not.toHaveProperty('error')
})
