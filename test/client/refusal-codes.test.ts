import { expect, test } from 'vitest'
import { json, makeClient, makeOldToken, rejection, scripted } from './setup.ts'

const refused = (body: unknown, status: number): Promise<Error & Record<string, unknown>> =>
  rejection(makeClient(scripted(json(body, { status })).fetch).refresh(makeOldToken()))

test.each<[unknown, string | undefined, string | undefined]>([
  [{ error: 'invalid_request', error_description: 'x' }, 'invalid_request', 'x'],
  [{ error: 5 }, '5', undefined],
  [{ error: 400, message: 'Bad Request' }, '400', 'Bad Request'],
  [{ error: { code: 'expired', type: 'T' } }, 'expired', undefined],
  [{ error: { code: 190, type: 'OAuthException', message: 'm' } }, '190', 'm'],
  [{ error: { code: 102, type: 'OAuthException', message: 'm' } }, '102', 'm'],
  [{ error: { code: 200, type: 'OAuthException', message: 'm' } }, '200', 'm'],
  [{ error: { code: 400, status: 'INVALID_ARGUMENT' } }, 'INVALID_ARGUMENT', undefined],
  [{ error: { code: 400, message: 'm' }, code: 20026 }, '20026', 'm'],
  [{ error: { code: 400, message: 'm' } }, '400', 'm'],
  [{ error: { type: 'auth_error', message: 'm' } }, 'auth_error', 'm'],
  [{ errors: [{ errorType: 'expired_token', message: 'm' }] }, 'expired_token', 'm'],
  [{ message: 'Bad Request', errors: [{ resource: 'RefreshToken', code: 'invalid' }] }, 'invalid', 'Bad Request'],
  [{ errors: ['gone'] }, 'gone', undefined],
  [{ errors: [401] }, '401', undefined],
  // HubSpot, Lark, WeChat and the like.
  [{ status: 'BAD_REFRESH_TOKEN', message: 'm' }, 'invalid_grant', 'BAD_REFRESH_TOKEN: m'],
  [{ status: 'error', code: 'EXPIRED_AUTHENTICATION', msg: 'm' }, 'EXPIRED_AUTHENTICATION', 'm'],
  [{ status: 400, code: 20026, msg: 'm' }, '20026', 'm'],
  [{ code: '20026', msg: 'm' }, '20026', 'm'],
  [{ errcode: 40030, errmsg: 'm' }, '40030', 'm'],
  [{ code: 0, errcode: 40030 }, '40030', undefined],
  [{ reason: 'token_revoked' }, 'token_revoked', undefined],
  [{ code: 7, reason: 'because' }, '7', 'because'],
  [{ error: 'x', error_message: 'm' }, 'x', 'm'],
  // An HTTP status as a code adds nothing to the status.
  [{ status: 400, message: 'Invalid refresh token' }, undefined, 'Invalid refresh token'],
  [{ statusCode: 400, code: 401, message: 'm' }, undefined, 'm'],
  [{ code: '403' }, undefined, undefined],
  [{ status: 'error' }, undefined, undefined],
  [{ error: true, message: 'm' }, undefined, 'm'],
  [{ error: 0, code: 0, status: '0' }, undefined, undefined],
  // Every object has these.
  [{ error: 'constructor' }, 'constructor', undefined],
  [{ error: '__proto__' }, '__proto__', undefined],
  [{ code: 'hasOwnProperty' }, 'hasOwnProperty', undefined],
  [{ error: { code: 'toString' } }, 'toString', undefined],
])('the code of a refusal of %j is %j', async (body, code, description) => {
  const error = await refused(body, 400)
  expect(error).toMatchObject({ name: 'TokenRequestError', status: 400 })
  expect(error.error).toBe(code)
  expect(error.errorDescription).toBe(description)
  expect(error.retryable).toBe(code === undefined)
})

test.each([
  ['bad_client_secret', 'invalid_client'],
  ['BAD_CLIENT_ID', 'invalid_client'],
  ['invalid_client_secret', 'invalid_client'],
  ['invalid_client_id', 'invalid_client'],
  ['incorrect_client_credentials', 'invalid_client'],
  ['invalid_client_credentials', 'invalid_client'],
  ['Bad_Refresh_Token', 'invalid_grant'],
])('the code of a refusal %s is %s', async (code, registered) => {
  for (const body of [{ error: code }, { status: code }, { errors: [{ code }] }])
    expect(await refused(body, 400)).toMatchObject({ error: registered, errorDescription: code })
})

test.each<[unknown, string | undefined, string | undefined]>([
  [{ code: 20026, msg: 'refresh token not found' }, '20026', 'refresh token not found'],
  [{ code: '20026', message: 'm', data: {} }, '20026', 'm'],
  [{ errcode: 40030, errmsg: 'invalid refresh_token' }, '40030', 'invalid refresh_token'],
  [{ status: 601, reason: 'r' }, '601', 'r'],
  [{ status: '-1', message: 'm' }, '-1', 'm'],
  [{ code: 'INVALID', msg: 'm' }, 'INVALID', 'm'],
  [{ errcode: 'E1' }, 'E1', undefined],
  [{ status: 400, code: 40105, message: 'm' }, '40105', 'm'],
  [{ code: 401, message: 'm' }, '401', 'm'],
  [{ error: 7 }, '7', undefined],
  [{ error: { code: 9, message: 'm' } }, '9', 'm'],
  [{ ok: false, error: 'token_revoked' }, 'token_revoked', undefined],
  [{ ok: false, message: 'm' }, undefined, 'm'],
  [{ code: 0, data: {}, error: 'x' }, 'x', undefined],
  [{ code: 12345678901234567890n.toString() }, '12345678901234567890', undefined],
])('a 200 response without an access token (%j) is a refusal with code %j', async (body, code, description) => {
  const error = await refused(body, 200)
  expect(error).toMatchObject({ name: 'TokenRequestError', status: 400 })
  expect(error.error).toBe(code)
  expect(error.errorDescription).toBe(description)
})

test.each([
  { code: 0 },
  { code: '0', msg: 'ok' },
  { status: 'ok' },
  { status: 'error' },
  { errcode: 0, errmsg: 'ok' },
  { ok: true },
  { reason: 'x' },
  {},
])('a 200 response without an access token (%j) has neither code nor token', async (body) => {
  expect(await refused(body, 200)).toMatchObject({ name: 'TokenResponseError', problem: 'no_access_token' })
})

test.each([{ code: 20000 }, { error: 'none' }, { ok: false }, { status: 1 }, { errcode: '7' }])(
  'a response of 200 with an access token is no rejection, even with %j',
  async (members) => {
    const client = makeClient(scripted(json({ access_token: 'at', ...members })).fetch)
    expect((await client.refresh(makeOldToken())).accessToken).toBe('at')
    const wrapped = makeClient(scripted(json({ ...members, data: { access_token: 'at' } })).fetch)
    expect((await wrapped.refresh(makeOldToken())).accessToken).toBe('at')
  },
)

test('the member `token` of a 200 response is the access token unless there is an error', async () => {
  const answer = (body: object) => makeClient(scripted(json(body)).fetch).refresh(makeOldToken())
  expect((await answer({ token: 'at', status: 200, code: '0' })).accessToken).toBe('at')
  expect(await rejection(answer({ token: 'at', error: 'invalid_grant' }))).toMatchObject({ error: 'invalid_grant' })
  expect(await rejection(answer({ token: 'at', code: 40105 }))).toMatchObject({ error: '40105' })
})

test.each([200, 400, 401, 403, 404])('Retry-After is respected at status %i', async (status) => {
  const answer = json({ error: 'rate_limit_exceeded' }, { status, headers: { 'retry-after': '120' } })
  expect(await rejection(makeClient(scripted(answer).fetch).refresh(makeOldToken()))).toMatchObject({
    name: 'TokenRequestError',
    retryAfterMs: 120_000,
    retryable: true,
  })
})

test('Retry-After does not make a refusal temporary that only the user or the registration can fix', async () => {
  for (const error of ['invalid_grant', 'invalid_client', 'consent_required']) {
    const answer = json({ error }, { status: 400, headers: { 'retry-after': '120' } })
    expect(await rejection(makeClient(scripted(answer).fetch).refresh(makeOldToken()))).toMatchObject({
      error,
      retryable: false,
      retryAfterMs: 120_000,
    })
  }
})

test('Retry-After is respected at the revocation endpoint too', async () => {
  const answer = json({ error: 'slow_down' }, { status: 403, headers: { 'retry-after': '5' } })
  expect(await rejection(makeClient(scripted(answer).fetch).revoke('some-token'))).toMatchObject({
    retryAfterMs: 5000,
  })
})

test('the next secret is tried when the client is refused, by whatever name', async () => {
  for (const error of ['invalid_client', 'unauthorized_client', 'bad_client_secret']) {
    const { fetch, requests } = scripted(json({ error }, { status: 400 }), json({ access_token: 'at' }))
    const client = makeClient(fetch, { clientSecret: ['old-secret', 'new-secret'] })
    expect((await client.refresh(makeOldToken())).accessToken).toBe('at')
    expect(requests).toHaveLength(2)
  }
})

test('whatever JSON the provider responds with, the call ends in a token or an error of the library', async () => {
  const values = ['null', '0', '""', '[]', '{}', '[[]]', '[{}]', 'true', '"x"', '1e999', '{"__proto__":1}']
  const names = [
    'access_token',
    'error',
    'errors',
    'data',
    'token',
    'scope',
    'expires_in',
    'code',
    'refresh_token',
    'authed_user',
    '__proto__',
  ]
  for (const name of names) {
    for (const value of values) {
      for (const status of [200, 400]) {
        for (const text of [`{"${name}":${value}}`, `{"data":{"${name}":${value}}}`, `[{"${name}":${value}}]`]) {
          const answer = new Response(text, { status })
          const ended = await makeClient(scripted(answer).fetch)
            .refresh(makeOldToken())
            .then(
              () => 'token',
              (error: Error) => error.name,
            )
          expect(['token', 'TokenRequestError', 'TokenResponseError'], `${status} ${text}`).toContain(ended)
        }
      }
    }
  }
})
