import type { Library } from './library.ts'
import { drained } from './library.ts'
import { endOf, naive, USUAL, type NaiveParts } from './naive.ts'
import type { ServerPlace } from '../server/protocol.ts'

export const openidClient: Library = {
  name: 'openid-client',
  how: USUAL,
  calls: { request: 'openid-client: fetchProtectedResource', refresh: 'openid-client: refreshTokenGrant' },
  load: async () => naive(await openidParts()),
}

export async function openidParts(): Promise<(server: ServerPlace) => NaiveParts> {
  const client = await import('openid-client')
  return ({ clientId, clientSecret, issuer, tokenEndpoint }) => {
    const config = new client.Configuration({ issuer, token_endpoint: tokenEndpoint }, clientId, clientSecret)
    client.allowInsecureRequests(config)
    return {
      refresh: async ({ refreshToken }) => {
        const { access_token, expires_in, refresh_token } = await client.refreshTokenGrant(config, refreshToken)
        return { accessToken: access_token, refreshToken: refresh_token, expiresAt: endOf(expires_in) }
      },
      get: async (url, accessToken) =>
        drained(await client.fetchProtectedResource(config, accessToken, new URL(url), 'GET')),
    }
  }
}
