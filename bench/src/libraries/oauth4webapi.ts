import { drained, type Library } from './library.ts'
import { endOf, naive, USUAL } from './naive.ts'

export const oauth4webapi: Library = {
  name: 'oauth4webapi',
  how: USUAL,
  calls: { request: 'oauth4webapi: protectedResourceRequest', refresh: 'oauth4webapi: refreshTokenGrantRequest' },
  load: async () => {
    const oauth = await import('oauth4webapi')
    const insecure = { [oauth.allowInsecureRequests]: true }
    return naive(({ clientId, clientSecret, issuer, tokenEndpoint }) => {
      const server = { issuer, token_endpoint: tokenEndpoint }
      const client = { client_id: clientId }
      const auth = oauth.ClientSecretPost(clientSecret)
      return {
        refresh: async ({ refreshToken }) => {
          const response = await oauth.refreshTokenGrantRequest(server, client, auth, refreshToken, insecure)
          const { access_token, expires_in, refresh_token } = await oauth.processRefreshTokenResponse(
            server,
            client,
            response,
          )
          return { accessToken: access_token, refreshToken: refresh_token, expiresAt: endOf(expires_in) }
        },
        get: async (url, accessToken) =>
          drained(
            await oauth.protectedResourceRequest(accessToken, 'GET', new URL(url), undefined, undefined, insecure),
          ),
      }
    })
  },
}
