import { describe, expect, test } from 'vitest'
import { OAuth2Client } from '../../src/client/oauth2-client.ts'
import { Grants } from '../../src/grants.ts'
import { importToken } from '../../src/model/import-token.ts'
import { OAuth2Session } from '../../src/session.ts'
import { fakeClock, scriptedProvider } from '../../src/testing/index.ts'
import { makeToken } from '../../src/model/token.ts'

const now = Date.UTC(2026, 0, 1)
const seconds = now / 1000
const day = 86_400_000
const base = { access_token: 'at', refresh_token: 'rt' }

describe('a kept lifetime', () => {
  test.each<[object, number, number]>([
    [{ created_at: seconds - 60 }, now - 60_000, now + 3_540_000],
    [{ createdAt: now - 60_000 }, now - 60_000, now + 3_540_000],
    [{ issued_at: String(now - day) }, now - day, now - day + 3_600_000],
    [{ issuedAt: '2025-12-31T23:00:00Z' }, now - 3_600_000, now],
    [{ created_at: new Date(now - 1000) }, now - 1000, now + 3_599_000],
    // A time in the future was written by another clock. An unreadable time is ignored.
    [{ created_at: seconds + 60 }, now, now + 3_600_000],
    [{ created_at: 0 }, now, now + 3_600_000],
    [{ created_at: 'yesterday', issued_at: seconds - 60 }, now - 60_000, now + 3_540_000],
    [{}, now, now + 3_600_000],
  ])('with %j began at %s and ends at %s', (members, receivedAt, expiresAt) => {
    expect(importToken({ ...base, expires_in: 3600, ...members }, { now })).toMatchObject({ receivedAt, expiresAt })
  })

  test('of the refresh token begins then too', () => {
    const token = importToken({ ...base, created_at: seconds - 60, refresh_token_expires_in: 3600 }, { now })
    expect(token.refreshTokenExpiresAt).toBe(now + 3_540_000)
  })

  test('is ignored if there is a time of expiry', () => {
    const given = {
      ...base,
      created_at: seconds - 60,
      expires_in: 3600,
      expires_at: seconds + 5,
      refresh_token_expires_in: 60,
      refresh_token_expires_at: seconds + 9,
    }
    expect(importToken(given, { now })).toMatchObject({
      receivedAt: now,
      expiresAt: now + 5000,
      refreshTokenExpiresAt: now + 9000,
    })
  })
})

test('an expiry of 0 counts if the token is refreshed without a refresh token', () => {
  const given = { access_token: 'at', expires_in: 0 }
  expect(importToken(given, { now }).expiresAt).toBeUndefined()
  expect(importToken(given, { now, renewable: true }).expiresAt).toBe(now)
})

test('OmniAuth, GitHub App installations and Slack are read', () => {
  const omniauth = { token: 'at', refresh_token: 'r', expires_at: seconds + 60, expires: true }
  expect(importToken(omniauth, { now })).toEqual(
    makeToken({ accessToken: 'at', refreshToken: 'r', receivedAt: now, expiresAt: now + 60_000 }),
  )
  const installation = { token: 'ghs_x', expires_at: '2026-01-01T01:00:00Z', permissions: { contents: 'read' } }
  expect(importToken(installation, { now })).toMatchObject({ accessToken: 'ghs_x', expiresAt: now + 3_600_000 })
  const slack = { ok: true, authed_user: { id: 'U', access_token: 'xoxp', refresh_token: 'xoxe', expires_in: 43_200 } }
  expect(importToken(slack, { now })).toMatchObject({
    accessToken: 'xoxp',
    refreshToken: 'xoxe',
    expiresAt: now + 43_200_000,
  })
})

test('what another library keeps around a token is not imported, because it may include a client’s secret', () => {
  const given = { config: { client: { id: 'c', secret: 's' } }, token: { ...base, instance_url: 'u' } }
  expect(importToken(given, { now }).extra).toEqual({ instance_url: 'u' })
})

test('rows keep their other columns, for every name of the token', () => {
  for (const row of [
    { accessToken: 'at', password: 'hash', user: { refresh_token: 'of another application' } },
    { token: 'at', password: 'hash', refresh: { refreshToken: 'of another application' } },
    { access_token: 'at', providerAccountId: '1', password: 'hash' },
  ]) {
    const token = importToken(row, { now })
    expect(token).toEqual(makeToken({ accessToken: 'at', receivedAt: now }))
  }
})

test('the extraParams of @badgateway/oauth2-client become the extra, without lifetimes and tokens', () => {
  const extraParams = { instance_url: 'u', refresh_token_expires_in: 60, nested: { refresh_token: 'rt', kept: 1 } }
  const given = { accessToken: 'at', refreshToken: 'rt', expiresAt: now + 1000, extraParams, password: 'hash' }
  const token = importToken(given, { now })
  expect(token.extra).toEqual({ instance_url: 'u', nested: { kept: 1 } })
  expect(token.refreshTokenExpiresAt).toBeUndefined()
  expect(importToken({ ...given, extraParams: 'text' }, { now }).extra).toBeUndefined()
})

test('rows that are instances of a class are read by its accessors', () => {
  class Row {
    readonly #values = { accessToken: 'at', refreshToken: 'rt', accessTokenExpiresAt: new Date(now + 1000) }
    get accessToken(): string {
      return this.#values.accessToken
    }
    get refreshToken(): string {
      return this.#values.refreshToken
    }
    get accessTokenExpiresAt(): Date {
      return this.#values.accessTokenExpiresAt
    }
  }
  expect(importToken(new Row(), { now })).toMatchObject({
    accessToken: 'at',
    refreshToken: 'rt',
    expiresAt: now + 1000,
  })
})

test('a Token is also recognized inside `token`, and after JSON', () => {
  const token = makeToken({
    accessToken: 'at',
    receivedAt: 1000,
    expiresAt: 4600,
    refreshToken: 'r',
    extra: { authed_user: makeToken({ accessToken: 'b', receivedAt: 7 }) as never },
  })
  for (const given of [token, { token }, JSON.parse(JSON.stringify({ token })) as object])
    expect(importToken(given, { now })).toEqual(token)
  expect(importToken({ access_token: 'outer', token }, { now }).accessToken).toBe('outer')
})

test('objects with other objects’ members are no tokens', () => {
  expect(() => importToken({ data: [{ access_token: 'a' }, { access_token: 'b' }] })).toThrow(
    'got an object with neither',
  )
  expect(() => importToken({ data: { token: { refresh_token: 'r' } } })).toThrow('got an object with neither')
  expect(() => importToken({ data: { data: { data: { access_token: 'a' } } } })).toThrow('got an object with neither')
})

test('sessions and Grants read an imported token with the data of its provider', async () => {
  const clock = fakeClock()
  const provider = {
    ...scriptedProvider({ clock }).provider,
    answerPath: ['response', 'oauth'],
    tokenTypes: ['user'],
    scopeSeparator: '|',
  }
  const client = new OAuth2Client({ provider, clientId: 'c', clientSecret: 'secret', clock })
  const kept = {
    data: { access_token: 'other' },
    response: { oauth: { access_token: 'at', expires_in: 60, scope: 'a|b', token_type: 'User' } },
  }
  const own = new OAuth2Session(client, { token: kept })
  const grants = new Grants({ clients: { acme: client }, clock })
  const stored = await grants.save('acme', 'ann', kept)
  for (const session of [own, stored])
    expect(await session.token()).toMatchObject({ accessToken: 'at', tokenType: 'bearer', scope: ['a', 'b'] })
  await grants.close()
})
