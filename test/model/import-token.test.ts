import { inspect } from 'node:util'

import { describe, expect, test } from 'vitest'

import { ConfigError } from '../../src/model/errors.ts'
import { importToken } from '../../src/model/import-token.ts'
import { MAX_LIFETIME_MS } from '../../src/model/lifetime.ts'
import { makeToken } from '../../src/model/token.ts'

const now = Date.UTC(2026, 0, 1)
const seconds = now / 1000
const hour = 3_600_000

/** The tokens of each library in its own form, and the result of their import. */
const shapes: Record<string, { given: object; token: object }> = {
  'a response of a token endpoint': {
    given: {
      access_token: 'at',
      token_type: 'Bearer',
      expires_in: 3600,
      refresh_token: 'rt',
      scope: 'openid email',
      id_token: 'it',
      instance_url: 'https://eu.example',
      nested: { a: [1, null, true] },
    },
    token: {
      expiresAt: now + hour,
      refreshToken: 'rt',
      scope: ['openid', 'email'],
      idToken: 'it',
      extra: { instance_url: 'https://eu.example', nested: { a: [1, null, true] } },
    },
  },
  'a token of requests-oauthlib': {
    given: {
      access_token: 'at',
      expires_in: 3599,
      refresh_token: 'rt',
      scope: ['openid', 'email'],
      token_type: 'Bearer',
      expires_at: seconds + 1800.5,
    },
    token: { expiresAt: now + 1_800_500, refreshToken: 'rt', scope: ['openid', 'email'] },
  },
  'a token of Authlib': {
    given: { access_token: 'at', token_type: 'Bearer', expires_in: 3600, expires_at: seconds + 60 },
    token: { expiresAt: now + 60_000 },
  },
  'a token of simple-oauth2, as JSON': {
    given: { access_token: 'at', refresh_token: 'rt', expires_in: '3600', expires_at: '2026-01-01T00:30:00.000Z' },
    token: { expiresAt: now + hour / 2, refreshToken: 'rt' },
  },
  'an AccessToken of simple-oauth2': {
    given: { config: {}, token: { access_token: 'at', refresh_token: 'rt', expires_at: new Date(now + hour) } },
    token: { expiresAt: now + hour, refreshToken: 'rt' },
  },
  'credentials of google-auth-library': {
    given: {
      access_token: 'at',
      refresh_token: 'rt',
      scope: 'https://www.googleapis.com/auth/userinfo.email openid',
      token_type: 'Bearer',
      id_token: 'it',
      expiry_date: now + hour,
    },
    token: {
      expiresAt: now + hour,
      refreshToken: 'rt',
      idToken: 'it',
      scope: ['https://www.googleapis.com/auth/userinfo.email', 'openid'],
    },
  },
  'an account row of Auth.js': {
    given: {
      id: 'row',
      userId: 'user',
      type: 'oidc',
      provider: 'google',
      providerAccountId: '123',
      access_token: 'at',
      expires_at: seconds + 3600,
      refresh_token: 'rt',
      scope: 'openid email',
      id_token: 'it',
      token_type: 'bearer',
      session_state: null,
    },
    token: { expiresAt: now + hour, refreshToken: 'rt', scope: ['openid', 'email'], idToken: 'it' },
  },
  'an account row of Better Auth': {
    given: {
      id: 'row',
      accountId: '123',
      providerId: 'github',
      userId: 'user',
      accessToken: 'at',
      refreshToken: 'rt',
      idToken: null,
      accessTokenExpiresAt: new Date(now + hour),
      refreshTokenExpiresAt: new Date(now + 24 * hour),
      scope: 'read:user,user:email',
      password: 'hash',
      createdAt: new Date(now - hour),
      updatedAt: new Date(now),
    },
    token: {
      expiresAt: now + hour,
      refreshToken: 'rt',
      refreshTokenExpiresAt: now + 24 * hour,
      scope: ['read:user', 'user:email'],
    },
  },
  'an account row of Better Auth, as JSON': {
    given: { accessToken: 'at', accessTokenExpiresAt: '2026-01-01T01:00:00.000Z', scope: 'openid profile' },
    token: { expiresAt: now + hour, scope: ['openid', 'profile'] },
  },
  'an account row of Better Auth, with a number': {
    given: { accessToken: 'at', accessTokenExpiresAt: now + hour },
    token: { expiresAt: now + hour },
  },
  'a token of golang.org/x/oauth2': {
    given: {
      access_token: 'at',
      token_type: 'Bearer',
      refresh_token: 'rt',
      expiry: '2026-01-01T02:00:00.123456789+01:00',
      expires_in: 3599,
    },
    token: { expiresAt: now + hour + 123, refreshToken: 'rt' },
  },
  'a token of golang.org/x/oauth2 that never expires': {
    given: { access_token: 'at', token_type: 'Bearer', expiry: '0001-01-01T00:00:00Z' },
    token: {},
  },
  'a token of badgateway/oauth2-client': {
    given: { accessToken: 'at', refreshToken: null, expiresAt: now + hour },
    token: { expiresAt: now + hour },
  },
  'a response with a lifetime of its refresh token': {
    given: { access_token: 'at', refresh_token: 'rt', refresh_token_expires_in: 86_400 },
    token: { refreshToken: 'rt', refreshTokenExpiresAt: now + 24 * hour },
  },
  'a response of Keycloak with an offline token': {
    given: { access_token: 'at', refresh_token: 'rt', refresh_expires_in: 0 },
    token: { refreshToken: 'rt' },
  },
}

describe('importToken() accepts', () => {
  for (const [name, { given, token }] of Object.entries(shapes)) {
    test(name, () => {
      expect(importToken(given, { now })).toEqual(makeToken({ accessToken: 'at', receivedAt: now, ...token }))
    })
  }

  test('a token of this library, also after JSON, with small times too', () => {
    const token = makeToken({
      accessToken: 'at',
      tokenType: 'dpop',
      receivedAt: 1000,
      expiresAt: 4_600,
      refreshToken: 'rt',
      refreshTokenExpiresAt: 9_000,
      scope: ['a', 'b'],
      idToken: 'it',
      extra: { n: 1 },
    })
    expect(importToken(token, { now: 5 })).toEqual(token)
    expect(importToken(JSON.parse(JSON.stringify(token)) as object)).toEqual(token)
  })

  test('a response without a time, whose lifetime counts from now', () => {
    const before = Date.now()
    const { receivedAt } = importToken({ access_token: 'at' })
    expect(receivedAt).toBeGreaterThanOrEqual(before)
    expect(receivedAt).toBeLessThanOrEqual(Date.now())
  })
})

test('the token is frozen, and shows no secret', () => {
  const token = importToken({ access_token: 'the-secret', refresh_token: 'the-secret-too' }, { now })
  expect(Object.isFrozen(token)).toBe(true)
  expect(inspect(token)).not.toContain('the-secret')
})

test('members that JSON has no form for, and __proto__, do not become extras', () => {
  const circular: Record<string, unknown> = {}
  circular['self'] = circular
  const given = JSON.parse('{ "access_token": "at", "__proto__": { "polluted": true }, "kept": 1 }') as object
  const token = importToken({ ...given, circular, big: 1n, run: () => 1, nothing: undefined }, { now })
  expect(token.extra).toEqual({ kept: 1 })
  expect(Object.getPrototypeOf(token.extra)).toBe(null)
  expect(({} as { polluted?: boolean }).polluted).toBe(undefined)
})

describe('importToken() takes empty members as absent', () => {
  test.each([null, '', undefined])('%o', (empty) => {
    const given = {
      access_token: 'at',
      token_type: empty,
      refresh_token: empty,
      id_token: empty,
      scope: empty,
      expires_at: empty,
    }
    expect(importToken(given, { now })).toEqual(makeToken({ accessToken: 'at', receivedAt: now }))
  })
})

/** `expires_in` is read as the original library does, unless that ignored or rejected it by mistake. */
describe('a lifetime in seconds', () => {
  test.each([
    [3600, hour],
    [3600.12, 3_600_120],
    ['3600', hour],
    ['3600.5', 3_600_500],
    [' 3600 ', hour],
    [0, 0],
    ['0', 0],
    [-5, 0],
    ['-5', 0],
    [0.4, 400],
    [1e300, MAX_LIFETIME_MS],
    ['1e300', MAX_LIFETIME_MS],
    [Number.POSITIVE_INFINITY, MAX_LIFETIME_MS],
    [null, undefined],
    [undefined, undefined],
    ['', undefined],
    [' ', undefined],
    ['abc', undefined],
    ['3600s', undefined],
    ['0x10', undefined],
    ['Infinity', undefined],
    [true, undefined],
    [false, undefined],
    [Number.NaN, undefined],
    [[3600], undefined],
    [{}, undefined],
  ])('%o', (given, lifetime) => {
    const { expiresAt } = importToken({ access_token: 'at', refresh_token: 'rt', expires_in: given }, { now })
    expect(expiresAt).toBe(lifetime === undefined ? undefined : now + lifetime)
  })
})

describe('a moment', () => {
  test.each([
    [seconds + 200, now + 200_000],
    [seconds + 200.42, now + 200_420],
    [String(seconds + 200), now + 200_000],
    [`${seconds}.42`, now + 420],
    [now + hour, now + hour],
    [String(now + hour), now + hour],
    ['2026-01-01T01:00:00Z', now + hour],
    ['2026-01-01', now],
    [new Date(now + hour), now + hour],
    [0, 0],
    [-1, 0],
    [1e300, now + MAX_LIFETIME_MS],
    [Number.POSITIVE_INFINITY, now + MAX_LIFETIME_MS],
    ['9999-12-31T23:59:59Z', now + MAX_LIFETIME_MS],
    [null, undefined],
    ['', undefined],
    ['abc', undefined],
    ['next week', undefined],
    ['2026-99-99', undefined],
    [true, undefined],
    [Number.NaN, undefined],
    [new Date(Number.NaN), undefined],
    [{}, undefined],
  ])('%o', (given, expiresAt) => {
    expect(importToken({ access_token: 'at', refresh_token: 'rt', expires_at: given }, { now }).expiresAt).toBe(
      expiresAt,
    )
  })
})

describe('a time of expiry takes precedence over a lifetime', () => {
  test.each([null, 3600, 3600.12, '3600', 'abc'])('expires_in %o', (lifetime) => {
    for (const moment of [seconds + 200, seconds + 200.42, String(seconds + 200), `${seconds}.42`]) {
      const { expiresAt } = importToken({ access_token: 'at', expires_in: lifetime, expires_at: moment }, { now })
      expect(expiresAt).toBe(Math.round(Number(moment) * 1000))
    }
  })

  test('unless it cannot be read', () => {
    for (const moment of [null, '', 'abc', true]) {
      const { expiresAt } = importToken({ access_token: 'at', expires_in: 60, expires_at: moment }, { now })
      expect(expiresAt).toBe(now + 60_000)
    }
  })
})

test('only a number says when a token was received', () => {
  const given = { accessToken: 'at', expiresAt: now + hour, receivedAt: '1000' }
  expect(importToken(given, { now })).toEqual(makeToken({ accessToken: 'at', receivedAt: now, expiresAt: now + hour }))
  expect(importToken({ accessToken: 'at', receivedAt: 0 }, { now }).receivedAt).toBe(0)
})

describe('the error of importToken() names what it got', () => {
  test.each([
    [undefined, 'got undefined'],
    [null, 'got null'],
    ['text', 'got string'],
    [[], 'got an array'],
    [{}, 'got an object with neither'],
  ])('%o', (given, message) => {
    expect(() => importToken(given as object)).toThrow(message)
  })
})

describe('importToken() refuses', () => {
  test.each([
    ['nothing', undefined],
    ['null', null],
    ['a string', 'the-secret'],
    ['a number', 42],
    ['an array', ['the-secret']],
    ['an object with a refresh token alone', { refresh_token: 'the-secret' }],
    ['an empty access token', { access_token: '', refresh_token: 'the-secret' }],
    ['an access token that is no string', { access_token: { value: 'the-secret' } }],
    ['a wrapper around nothing', { token: { refresh_token: 'the-secret' } }],
    ['an access token with a line break', { access_token: 'the-secret\r\nx: y' }],
    ['an access token with spaces around it', { access_token: ' the-secret ' }],
    ['an access token beyond ASCII', { accessToken: 'the-secrét', receivedAt: 1 }],
  ])('%s', (_name, given) => {
    const refused = (): unknown => importToken(given as object, { now })
    expect(refused).toThrow(ConfigError)
    expect(refused).toThrow(/access_token or accessToken|Authorization header/)
    expect(refused).not.toThrow(/the-secr/)
  })
})
