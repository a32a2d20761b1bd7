/** Tokens in the documented form of libraries that are not installed here, imported and refreshed once. */
import { expect, test } from 'vitest'

import type { TokenAnswer } from '../../provider/src/index.ts'
import { importToken } from '../../src/index.ts'
import { asJson, moveAndRefresh, rotating } from './setup.ts'

/** As arctic's `OAuth2Tokens`: the response in `data`, and methods with the names of a token's members. */
class ArcticTokens {
  readonly data: object
  constructor(data: object) {
    this.data = data
  }
  accessToken(): string {
    return (this.data as TokenAnswer).access_token
  }
  refreshToken(): string | undefined {
    return (this.data as TokenAnswer).refresh_token
  }
}

const seconds = Math.floor(Date.now() / 1000)
const end = (seconds + 1800) * 1000

/** What is stored, by library, and when it ends; undefined: the lifetime counts from the import. */
const stored: Readonly<Record<string, (response: TokenAnswer) => { readonly value: object; readonly end?: number }>> = {
  'client-oauth2: the response and the expiry of a token': (response) => ({
    value: { ...response, expires_at: new Date(end) },
    end,
  }),
  'client-oauth2: the token': ({ access_token: accessToken, refresh_token: refreshToken, ...data }) => ({
    value: {
      client: { options: { clientId: 'id', clientSecret: 'secret' } },
      data: { access_token: accessToken, refresh_token: refreshToken, ...data },
      tokenType: 'bearer',
      accessToken,
      refreshToken,
      expires: new Date(end),
    },
    end,
  }),
  'arctic: OAuth2Tokens': (response) => ({ value: new ArcticTokens(response) }),
  'arctic: columns with a date': ({ access_token: accessToken, refresh_token: refreshToken }) => ({
    value: { userId: 'alice', accessToken, refreshToken, accessTokenExpiresAt: new Date(end) },
    end,
  }),
  'passport-oauth2: the arguments of the verify function': ({ refresh_token, ...params }) => ({
    value: { ...params, refresh_token },
  }),
  'Auth.js: a row of accounts': ({ access_token, refresh_token, scope, id_token }) => ({
    value: {
      id: 'row',
      userId: 'alice',
      type: 'oidc',
      provider: 'acme',
      providerAccountId: '1234567890',
      refresh_token,
      access_token,
      expires_at: seconds + 1800,
      token_type: 'bearer',
      scope,
      id_token: id_token ?? null,
      session_state: null,
    },
    end,
  }),
  'requests-oauthlib: the token': ({ scope, ...response }) => ({
    value: { ...response, scope: scope.split(' '), expires_at: seconds + 1800.25 },
    end: end + 250,
  }),
}

test.each(Object.keys(stored))('%s', async (name) => {
  const provider = await rotating()
  const [response] = await provider.mint({ user: 'alice' })
  const { value, end: expected } = stored[name]!(response!)
  if (expected !== undefined)
    for (const form of [value, asJson(value)]) expect(importToken(form).expiresAt).toBe(expected)
  const imported = await moveAndRefresh(provider, value)
  expect(imported.refreshToken).toBe(response!.refresh_token)
  // No client of another library and no other column of a table comes along.
  for (const name of ['client', 'provider', 'userId']) expect(imported.extra ?? {}).not.toHaveProperty(name)
})
