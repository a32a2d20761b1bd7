import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import type { Provider } from '../../src/model/provider.ts'
import { importToken } from '../../src/model/import-token.ts'
import { makeToken, withoutRefreshTokens, type Token } from '../../src/model/token.ts'
import { beginLogin, json, makeClient, makeOldToken, NOW, rejection, scripted } from './setup.ts'

const refreshed = (body: unknown, provider: Partial<Provider> = {}): Promise<Token> =>
  makeClient(scripted(json(body)).fetch, {}, provider).refresh(makeOldToken())
const imported = (body: object, provider: Partial<Provider> = {}): Token =>
  importToken(body, { now: NOW, provider: { ...provider } })

const base = { access_token: 'at', refresh_token: 'r2' }
const seconds = NOW / 1000

/** Token responses and stored tokens have the same reader. */
describe.each([
  ['from the wire', refreshed],
  ['stored', async (body: object, provider?: Partial<Provider>) => imported(body, provider)],
])('%s', (_where, read) => {
  test.each<[object, number | undefined]>([
    [{ expires_in: 3_600_000, expires_in_sec: 3600 }, 3_600_000],
    [{ expires_in_sec: '60', expires_in: 60_000 }, 60_000],
    [{ expires_in_sec: 60 }, 60_000],
    [{ expires_in_sec: null, expires_in: 60 }, 60_000],
    [{ expireIn: 7200 }, 7_200_000],
    [{ expire_in: '14400' }, 14_400_000],
    [{ expires_in_ms: 60_000 }, 60_000],
    [{ expiresInMs: '500' }, 500],
    [{ expires: 60 }, 60_000],
    [{ expires: seconds + 60 }, 60_000],
    [{ expires: NOW + 60_000 }, 60_000],
    [{ expires: true, expires_at: seconds + 60 }, 60_000],
    [{ access_token_expire_in: seconds + 60 }, 60_000],
    [{ access_token_expire_in: 60 }, 60_000],
    [{ expires_on: String(seconds + 1800) }, 1_800_000],
    [{ expires_on: NOW + 1_800_000 }, 1_800_000],
    [{ expiresOn: '2026-01-01T00:01:00Z' }, 60_000],
    [{ expires_at: 'Thu, 01 Jan 2026 00:01:00 GMT' }, 60_000],
    [{ expires_at: 'Thursday, 01-Jan-26 00:01:00 GMT' }, 60_000],
    [{ expires_at: 'Thu Jan  1 00:01:00 2026' }, 60_000],
    [{ expires: 'Thu, 01 Jan 2026 00:01:00 +0000' }, 60_000],
    [{ expiry: '2026-01-01T00:01:00.5Z' }, 60_500],
    [{ expiry_date: NOW + 60_000 }, 60_000],
    [{ expiry_date: seconds + 60 }, 60_000],
    [{ accessTokenExpiresAt: NOW + 60_000 }, 60_000],
    [{ expires_at: 'Thu, 99 Jan 2026 00:01:00 GMT' }, undefined],
    [{ expires: 'never', expiry: '0001-01-01T00:00:00Z' }, undefined],
    [{ expires_in: 17841405793187219n.toString() }, 315_360_000_000],
  ])('%j gives %s ms', async (members, lifetime) => {
    const token = await read({ ...base, ...members })
    expect(token.expiresAt).toBe(lifetime === undefined ? undefined : NOW + lifetime)
    expect(token.extra).toBeUndefined()
  })

  test.each<[object, number | undefined]>([
    [{ refresh_token_expires_in: 60 }, 60_000],
    [{ x_refresh_token_expires_in: 8_726_400 }, 8_726_400_000],
    [{ refreshTokenExpiresIn: '60' }, 60_000],
    [{ refresh_expires_in: 0 }, undefined],
    [{ refresh_token_expire_in: seconds + 60 }, 60_000],
    [{ refresh_token_expire_in: 60 }, 60_000],
    [{ refresh_token_expires_on: '2026-01-01T00:01:00Z' }, 60_000],
    [{ refreshTokenExpiresOn: NOW + 60_000 }, 60_000],
  ])('the refresh token of %j ends after %s ms', async (members, lifetime) => {
    const token = await read({ ...base, ...members })
    expect(token.refreshTokenExpiresAt).toBe(lifetime === undefined ? undefined : NOW + lifetime)
    expect(token.extra).toBeUndefined()
  })

  const inner = { access_token: 'at', refresh_token: 'r2', expires_in: 60, open_id: 'o' }
  const found = { accessToken: 'at', refreshToken: 'r2', expiresAt: NOW + 60_000 }
  test.each<[string, object, string[]?]>([
    ['data', { data: inner }],
    ['a list of one in data', { data: [inner], message: 'ok' }],
    ['body', { body: inner }],
    ['result', { result: inner }],
    ['authed_user', { ok: true, authed_user: inner }],
    ['data in data', { data: { data: inner } }],
    ['result in a list in data', { data: [{ result: inner }] }],
    ['camel case in data', { data: { accessToken: 'at', refreshToken: 'r2', expiresIn: 60, open_id: 'o' } }],
    ['a token in token', { token: inner }],
    ['the path that the data names', { response: { oauth: [inner] } }, ['response', 'oauth']],
    ['the path, though there is another', { data: { access_token: 'other' }, mine: inner }, ['mine']],
    ['a path that leads nowhere', { data: inner }, ['mine', 'oauth']],
    ['a path to a text', { data: inner, mine: 'x' }, ['mine', 'constructor']],
  ])('the tokens lie in %s', async (_name, body, answerPath) => {
    expect(await read(body, answerPath && { answerPath })).toMatchObject(found)
  })

  test.each([{ token: 'at', refresh_token: 'r2' }, { data: { token: 'at', refresh_token: 'r2' } }])(
    '%j has its access token as `token`',
    async (body) => {
      expect(await read({ ...body })).toMatchObject({ accessToken: 'at', refreshToken: 'r2' })
    },
  )

  test('`token` is no access token if there is one by another name', async () => {
    expect((await read({ token: 'x', data: { access_token: 'at' } })).accessToken).toBe('at')
    expect((await read({ token: 'x', accessToken: 'at' })).accessToken).toBe('at')
  })

  test('a second complete token (Slack: bot and user) can be saved, and shows no secret', async () => {
    const user = {
      id: 'U1',
      access_token: 'xoxp-secret',
      refresh_token: 'xoxe-secret',
      expires_in: 60,
      scope: 'a b',
      token_type: 'user',
    }
    const { accessToken, extra, refreshToken } = await read({
      access_token: 'xoxb',
      refresh_token: 'r',
      team: { id: 'T' },
      authed_user: user,
    })
    expect({ accessToken, refreshToken }).toEqual({ accessToken: 'xoxb', refreshToken: 'r' })
    const second = extra!['authed_user'] as unknown as Token
    expect(second).toEqual(
      makeToken({
        accessToken: 'xoxp-secret',
        tokenType: 'user',
        receivedAt: NOW,
        expiresAt: NOW + 60_000,
        refreshToken: 'xoxe-secret',
        scope: ['a', 'b'],
        extra: { id: 'U1' },
      }),
    )
    expect(inspect(extra, { depth: 9 })).not.toContain('secret')
    expect(
      inspect(importToken(JSON.parse(JSON.stringify({ accessToken: 'a', receivedAt: 1, extra })) as object).extra),
    ).not.toContain('secret')
    expect(importToken(second, { now: NOW })).toEqual(second)
    const known = await read({ ...base, authed_user: user }, { tokenTypes: ['user'] })
    expect((known.extra!['authed_user'] as unknown as Token).tokenType).toBe('bearer')
  })

  test.each<[string, object]>([
    ['under any name', { bot: { access_token: 'a-secret', refresh_token: 'r-secret', id: 'B' } }],
    ['in a list', { data: [{ access_token: 'a-secret', refresh_token: 'r-secret' }, { id: 'B' }] }],
    ['deeper', { a: { b: { accessToken: 'a-secret', refreshToken: 'r-secret' } } }],
  ])('a token %s shows nothing of itself, also after it was kept', async (_, members) => {
    const token = await read({ ...base, ...members })
    expect(token.refreshToken).toBe('r2')
    expect(JSON.stringify(token.extra)).toContain('"accessToken":"a-secret"')
    expect(inspect(token.extra, { depth: 9 })).not.toContain('secret')
    const kept = importToken(JSON.parse(JSON.stringify(token)) as object)
    expect(inspect(kept.extra, { depth: 9 })).not.toContain('secret')
    expect(JSON.stringify(withoutRefreshTokens(kept.extra ?? {}))).not.toContain('r-secret')
  })

  test('the refresh token of a second token is not that of the first', async () => {
    const body = { access_token: 'xoxb', authed_user: { access_token: 'xoxp', refresh_token: 'xoxe' } }
    expect((await read(body)).refreshToken).not.toBe('xoxe')
  })

  test('a member that nothing can walk through costs nothing but itself', async () => {
    const deep = JSON.parse(`${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`) as object
    const token = await read(JSON.parse(JSON.stringify({ ...base, kept: { a: 1 } })) as object)
    expect(token.extra).toEqual({ kept: { a: 1 } })
    expect(importToken({ ...base, deep, kept: 1 }, { now: NOW }).extra).toEqual({ kept: 1 })
    expect(makeToken({ accessToken: 'a', receivedAt: 0, extra: { deep: deep as never, kept: 1 } }).extra).toEqual({
      kept: 1,
    })
  })

  test('an inherited property is no member of a response', async () => {
    for (const name of ['constructor', 'toString', 'hasOwnProperty', '__proto__'])
      expect(await read({ ...base }, { answerPath: [name] })).toMatchObject({ accessToken: 'at' })
  })
})

test('the secrets of a second token are masked like those of the first', async () => {
  for (const name of ['access_token', 'refresh_token', 'id_token']) {
    const authed_user = { access_token: 'the-other-access', [name]: 'The-Other-Secret' }
    const error = await rejection(refreshed({ ...base, token_type: 'The-Other-Secret', authed_user }))
    expect(error.message).toContain("token_type is '[redacted]'")
    const deep = await rejection(refreshed({ ...base, token_type: 'The-Other-Secret', bots: { a: [authed_user] } }))
    expect(deep.message).toContain("token_type is '[redacted]'")
  }
})

test.each(['[', '{"a":'])('nesting of %s deep in a response leaves its other members as they are', async (open) => {
  const member =
    open === '[' ? `${'['.repeat(50_000)}${']'.repeat(50_000)}` : `${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`
  for (const text of [
    `{"access_token":"at","refresh_token":"r2","x":${member},"kept":1}`,
    `{"data":{"access_token":"at","refresh_token":"r2","kept":1},"x":${member}}`,
    `{"x":${member},"result":{"access_token":"at","kept":1,"scope":${member}},"refresh_token":"r2"}`,
  ]) {
    const token = await makeClient(scripted(new Response(text)).fetch).refresh(makeOldToken())
    expect(token).toMatchObject({ accessToken: 'at', refreshToken: 'r2', extra: { kept: 1 } })
    expect(JSON.parse(JSON.stringify(token))).toEqual({ ...token })
  }
})

test('second tokens inside second tokens are read to a limited depth', async () => {
  const text = `${'{"access_token":"at","authed_user":'.repeat(20_000)}1${'}'.repeat(20_000)}`
  expect((await makeClient(scripted(new Response(text)).fetch).refresh(makeOldToken())).accessToken).toBe('at')
})

test('wrappers around a token are read three levels deep', async () => {
  const text = `${'{"data":'.repeat(20_000)}1${'}'.repeat(20_000)}`
  expect(await rejection(makeClient(scripted(new Response(text)).fetch).refresh(makeOldToken()))).toMatchObject({
    problem: 'no_access_token',
  })
})

test('digits that no JavaScript number holds are kept from the wire', async () => {
  const text =
    '{"access_token":"at","user_id":17841405793187219,"nested":{"ids":[1,90071992547409931]},"expires_in":60}'
  const token = await makeClient(scripted(new Response(text)).fetch).refresh(makeOldToken())
  expect(token).toMatchObject({
    expiresAt: NOW + 60_000,
    extra: { user_id: '17841405793187219', nested: { ids: [1, '90071992547409931'] } },
  })
})

test.each<[string, unknown]>([
  ['without an access token', { refresh_token: 'r2' }],
  ['in camel case', { refreshToken: 'r2' }],
  ['one level down', { oauth: { refresh_token: 'r2' } }],
  ['two levels down', { result: { oauth: { refresh_token: 'r2' } } }],
  ['in a list', { items: [{ id: 1 }, { refreshToken: 'r2' }] }],
  ['in a response that is a list', [{ id: 1 }, { refresh_token: 'r2' }]],
  ['next to an error', { error: 'server_said_no', refresh_token: 'r2' }],
  ['next to a code', { code: 500, msg: 'x', data: { refresh_token: 'r2' } }],
  ['next to ok: false', { ok: false, refresh_token: 'r2' }],
  ['next to an empty access token', { access_token: '', refresh_token: 'r2' }],
  ['next to an access token that a header cannot contain', { access_token: 'a\nb', data: { refresh_token: 'r2' } }],
  ['next to a token of another type', { access_token: 'at', token_type: 'mac', tokens: { refresh_token: 'r2' } }],
  ['in a form', 'refresh_token=r2&scope=x'],
  ['with its access token, under an unknown name', { pop_response: { access_token: 'at', refresh_token: 'r2' } }],
  ['with its access token, two levels down', { result: { x: { accessToken: 'at', refreshToken: 'r2' } } }],
  ['in one of several tokens', { data: [{ access_token: 'at', refresh_token: 'r2' }, { access_token: 'b' }] }],
])('a new refresh token is captured before anything else is judged: %s', async (_name, body) => {
  const error = await rejection(refreshed(body))
  expect(error).toMatchObject({ name: 'TokenResponseError' })
  expect(error.token).toMatchObject({ accessToken: 'old-access-token', refreshToken: 'r2' })
})

test('a new refresh token is captured when the access token is in another place', async () => {
  expect(await refreshed({ access_token: 'at', tokens: { next: { refresh_token: 'r2' } } })).toMatchObject({
    accessToken: 'at',
    refreshToken: 'r2',
  })
  const { extra } = await refreshed({ access_token: 'at', tokens: { kept: 1, next: { refresh_token: 'r2' } } })
  expect(extra).toEqual({ tokens: { kept: 1, next: {} } })
  expect(await refreshed({ data: { access_token: 'at' }, refresh_token: 'r2' })).toMatchObject({ refreshToken: 'r2' })
  expect(await refreshed({ data: { access_token: 'at', more: { refreshToken: 'r2' } } })).toMatchObject({
    refreshToken: 'r2',
  })
})

test('no refresh token is captured four levels down, nor the old one that an error repeats', async () => {
  expect((await rejection(refreshed({ a: { b: { c: { refresh_token: 'r2' } } } }))).token).toBeUndefined()
  expect(
    await rejection(refreshed({ error: 'invalid_grant', request: { refresh_token: 'old-refresh-token' } })),
  ).toMatchObject({ error: 'invalid_grant' })
})

const atLogIn = async (body: object): Promise<Token> => {
  const client = makeClient(scripted(json(body)).fetch)
  const { pending, callback } = await beginLogin(client)
  return client.exchangeCode(callback, pending)
}

test.each([
  { expires_in: 0 },
  { expires_in: -1 },
  { expires_in: '0' },
  { expires: '0' },
  { expires_in_ms: 0 },
  { expireIn: -5 },
  { expires_at: 0 },
  { expires_at: '-1' },
])(
  'an expiry of 0 or less (%j) is unknown where nothing can renew the token, and over where something can',
  async (members) => {
    expect((await atLogIn({ access_token: 'at', ...members })).expiresAt).toBeUndefined()
    expect((await atLogIn({ ...base, ...members })).expiresAt).toBe(NOW)
    expect((await refreshed({ access_token: 'at', ...members })).expiresAt).toBe(NOW)
    expect(imported({ access_token: 'at', ...members }).expiresAt).toBeUndefined()
    expect(imported({ ...base, ...members }).expiresAt).toBeLessThanOrEqual(NOW)
    const own = await makeClient(scripted(json({ access_token: 'at', ...members })).fetch).clientCredentials()
    expect(own.expiresAt).toBe(NOW)
  },
)

test('an expiry of 0 or less gives way to another that is above 0', async () => {
  expect((await atLogIn({ access_token: 'at', expires_in: 0, expires_at: seconds + 60 })).expiresAt).toBe(NOW + 60_000)
  expect(imported({ access_token: 'at', expires_at: 0, expires_in: 60 }).expiresAt).toBe(NOW + 60_000)
})
