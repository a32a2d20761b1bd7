import { AuthorizationCode } from 'simple-oauth2'

import { openKeep } from './keeping.ts'
import { naiveHolder } from './naive.ts'
import type { KeptToken, Open } from './rival.ts'

export const openSimpleOAuth2: Open = async ({ clientId, clientSecret, tokenEndpoint }, keeping, seed) => {
  const { origin, pathname } = new URL(tokenEndpoint)
  const client = new AuthorizationCode({
    client: { id: clientId, secret: clientSecret },
    auth: { tokenHost: origin, tokenPath: pathname },
  })
  const restore = ({ accessToken, expiresAt, refreshToken }: KeptToken) =>
    client.createToken({
      access_token: accessToken,
      refresh_token: refreshToken,
      expires_at: new Date(expiresAt).toISOString(),
    })
  return naiveHolder({
    keep: await openKeep(keeping, seed),
    refresh: async (kept) => {
      const receivedAt = Date.now()
      const { token } = await restore(kept).refresh()
      return {
        accessToken: String(token['access_token']),
        refreshToken: token['refresh_token'] as string | undefined,
        receivedAt,
        expiresAt: (token['expires_at'] as Date).getTime(),
      }
    },
  })
}
