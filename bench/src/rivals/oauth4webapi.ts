import * as oauth from 'oauth4webapi'

import { openKeep } from './keeping.ts'
import { drained, naiveHolder } from './naive.ts'
import type { Open } from './rival.ts'

const INSECURE = { [oauth.allowInsecureRequests]: true }

export const openOauth4webapi: Open = async ({ clientId, clientSecret, issuer, tokenEndpoint }, keeping, seed) => {
  const server: oauth.AuthorizationServer = { issuer, token_endpoint: tokenEndpoint }
  const client: oauth.Client = { client_id: clientId }
  const clientAuth = oauth.ClientSecretPost(clientSecret)
  return naiveHolder({
    keep: await openKeep(keeping, seed),
    refresh: async ({ refreshToken }) => {
      if (refreshToken === undefined) throw new Error('There is no refresh token.')
      const receivedAt = Date.now()
      const response = await oauth.refreshTokenGrantRequest(server, client, clientAuth, refreshToken, INSECURE)
      const answer = await oauth.processRefreshTokenResponse(server, client, response)
      return {
        accessToken: answer.access_token,
        refreshToken: answer.refresh_token ?? refreshToken,
        receivedAt,
        expiresAt: Date.now() + (answer.expires_in ?? 0) * 1000,
      }
    },
    get: async (url, accessToken) =>
      drained(await oauth.protectedResourceRequest(accessToken, 'GET', new URL(url), undefined, undefined, INSECURE)),
  })
}
