import { inspect } from 'node:util'

import { describe, expect, test } from 'vitest'

import { accessTokenOf, isVisibleAscii, makeToken, mergeRefreshed, scopeDiffers } from '../../src/model/token.ts'

const full = {
  accessToken: 'secret-access',
  tokenType: 'bearer',
  receivedAt: 1,
  expiresAt: 2,
  refreshToken: 'secret-refresh',
  refreshTokenExpiresAt: 3,
  scope: ['a', 'b'],
  idToken: 'secret-id',
  extra: { deep: { list: [1, { x: null }] } },
}

test('a token survives JSON', () => {
  expect(JSON.parse(JSON.stringify(makeToken(full)))).toEqual(full)
})

test('a token is frozen through and through', () => {
  const token = makeToken(full)
  const { extra } = token as unknown as { extra: { deep: { list: unknown[] } } }
  for (const part of [token, token.scope, extra, extra.deep, extra.deep.list, extra.deep.list[1]]) {
    expect(Object.isFrozen(part)).toBe(true)
  }
})

test('a token keeps a copy of the scope that it was made of', () => {
  const scope = ['a']
  const token = makeToken({ accessToken: 'x', receivedAt: 0, scope })
  scope.push('b')
  expect(token.scope).toEqual(['a'])
})

test('absent members are not set to undefined', () => {
  const token = makeToken({ accessToken: 'x', receivedAt: 0, scope: undefined, extra: {} })
  expect(Object.keys(token)).toEqual(['accessToken', 'tokenType', 'receivedAt'])
  expect(token.tokenType).toBe('bearer')
})

/** As a template literal or a careless log line writes a value. */
function text(value: unknown): string {
  return ''.concat(value as string)
}

test('neither inspect nor String() shows a secret, wherever the token lies', () => {
  const token = makeToken({ ...full, expiresAt: Date.UTC(2026, 0, 1) })
  const access = accessTokenOf(token)
  const shown = [inspect(token), inspect({ list: [token, access] }, { depth: 9 }), text(token), text(access)]
  expect(shown.join()).not.toContain('secret')
  expect(inspect(token)).toBe("OAuth2Token { bearer, expires 2026-01-01T00:00:00.000Z, scope 'a b', renewable }")
  expect(inspect(makeToken({ accessToken: 'x', receivedAt: 0 }))).toBe('OAuth2Token { bearer, lifetime unknown }')
  expect(text(token)).toBe('[OAuth 2 token]')
  expect(Object.prototype.toString.call(token)).toBe('[object OAuth2Token]')
})

test('the token that a session returns has nothing to refresh with', () => {
  const access = accessTokenOf(makeToken(full))
  expect({ ...access }).toEqual({ accessToken: 'secret-access', tokenType: 'bearer', expiresAt: 2, scope: ['a', 'b'] })
  expect(Object.isFrozen(access)).toBe(true)
  expect(JSON.stringify(access)).not.toContain('refresh')
})

test('extras have no prototype, and no member of them becomes one', () => {
  const extra = JSON.parse('{ "__proto__": { "polluted": 1 }, "constructor": "c" }') as Record<string, string>
  const token = makeToken({ accessToken: 'x', receivedAt: 0, extra })
  expect(Object.getPrototypeOf(token.extra)).toBe(null)
  expect(Object.keys(token.extra!)).toEqual(['constructor'])
})

describe('the token after a refresh', () => {
  const previous = makeToken(full)

  test('keeps refresh token and its expiry, ID token, scope and extras that the response leaves out', () => {
    const merged = mergeRefreshed(previous, makeToken({ accessToken: 'new', receivedAt: 5, expiresAt: 6 }))
    expect(merged).toEqual(makeToken({ ...full, accessToken: 'new', receivedAt: 5, expiresAt: 6 }))
  })

  test('does not keep the expiry of the old access token', () => {
    expect(mergeRefreshed(previous, makeToken({ accessToken: 'new', receivedAt: 5 })).expiresAt).toBe(undefined)
  })

  test('takes what the response contains, and no old expiry for a new refresh token', () => {
    const answer = makeToken({
      accessToken: 'new',
      receivedAt: 5,
      refreshToken: 'other',
      idToken: 'id2',
      scope: ['c'],
      extra: { more: 1 },
    })
    expect(mergeRefreshed(previous, answer)).toEqual(makeToken({ ...answer, extra: { ...full.extra, more: 1 } }))
    const told = makeToken({ ...answer, refreshTokenExpiresAt: 9 })
    expect(mergeRefreshed(previous, told).refreshTokenExpiresAt).toBe(9)
  })

  test('keeps the expiry of a refresh token that is returned again', () => {
    const answer = makeToken({ accessToken: 'new', receivedAt: 5, refreshToken: full.refreshToken })
    expect(mergeRefreshed(previous, answer).refreshTokenExpiresAt).toBe(3)
  })
})

test('scopes are sets: order does not matter, but case does, and an unknown scope is not an empty one', () => {
  expect(scopeDiffers(['a', 'b'], ['b', 'a'])).toBe(false)
  expect(scopeDiffers(['a', 'a'], ['a'])).toBe(false)
  expect(scopeDiffers(['a'], ['A'])).toBe(true)
  expect(scopeDiffers(['a'], ['a', 'b'])).toBe(true)
  expect(scopeDiffers(['a', 'b'], ['a'])).toBe(true)
  expect(scopeDiffers(undefined, ['a'])).toBe(false)
  expect(scopeDiffers(['a'], undefined)).toBe(false)
})

describe('what may stand in an Authorization header', () => {
  test.each(['a', 'a b', 'aA0-._~+/=', '!"#$%&'])('%o', (text) => expect(isVisibleAscii(text)).toBe(true))
  test.each(['', ' a', 'a ', 'a\n', 'a\tb', 'é', '\u007f', 5, null, undefined])('not %o', (text) =>
    expect(isVisibleAscii(text)).toBe(false),
  )
})
