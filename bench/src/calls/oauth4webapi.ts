import * as oauth from 'oauth4webapi'

import { grantAt, read, type Library } from './library.ts'

const INSECURE = { [oauth.allowInsecureRequests]: true }

export const oauth4webapi = {
  request: async ({ resource }, { access_token }) => {
    const url = new URL(resource)
    return async () =>
      read(await oauth.protectedResourceRequest(access_token, 'GET', url, undefined, undefined, INSECURE))
  },
  refresh: async ({ clientId, clientSecret, issuer, tokenEndpoint }) => {
    const server: oauth.AuthorizationServer = { issuer, token_endpoint: tokenEndpoint }
    const client: oauth.Client = { client_id: clientId }
    const auth = oauth.ClientSecretPost(clientSecret)
    return async (grants) => async (index) => {
      const { refresh_token } = grantAt(grants, index)
      const response = await oauth.refreshTokenGrantRequest(server, client, auth, refresh_token, INSECURE)
      return oauth.processRefreshTokenResponse(server, client, response)
    }
  },
} as const satisfies Library
