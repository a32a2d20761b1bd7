import * as client from 'openid-client'

import { openKeep } from './keeping.ts'
import { drained, naiveHolder } from './naive.ts'
import type { KeptToken, Open, ServerPlace } from './rival.ts'

/** How openid-client redeems a refresh token; the one that was used is kept where the answer brings none. */
export function openidRefresh(server: ServerPlace): (token: KeptToken) => Promise<KeptToken> {
  const config = configuration(server)
  return async ({ refreshToken }) => {
    if (refreshToken === undefined) throw new Error('There is no refresh token.')
    const receivedAt = Date.now()
    const tokens = await client.refreshTokenGrant(config, refreshToken)
    return {
      accessToken: tokens.access_token,
      refreshToken: tokens.refresh_token ?? refreshToken,
      receivedAt,
      expiresAt: Date.now() + (tokens.expires_in ?? 0) * 1000,
    }
  }
}

function configuration({ clientId, clientSecret, issuer, tokenEndpoint }: ServerPlace): client.Configuration {
  const config = new client.Configuration({ issuer, token_endpoint: tokenEndpoint }, clientId, clientSecret)
  client.allowInsecureRequests(config)
  return config
}

export const openOpenidClient: Open = async (server, keeping, seed) => {
  const config = configuration(server)
  return naiveHolder({
    keep: await openKeep(keeping, seed),
    refresh: openidRefresh(server),
    get: async (url, accessToken) =>
      drained(await client.fetchProtectedResource(config, accessToken, new URL(url), 'GET')),
  })
}
