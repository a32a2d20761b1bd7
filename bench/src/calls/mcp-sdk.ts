import type { OAuthClientProvider } from '@modelcontextprotocol/sdk/client/auth.js'
import { withOAuth } from '@modelcontextprotocol/sdk/client/middleware.js'

import { read, type Library } from './library.ts'

export const mcpSdk = {
  request: async ({ clientId, clientSecret, issuer, resource }, grant) => {
    const tokens = { access_token: grant.access_token, refresh_token: grant.refresh_token, token_type: 'Bearer' }
    const provider: OAuthClientProvider = {
      redirectUrl: 'http://localhost/callback',
      clientMetadata: { redirect_uris: ['http://localhost/callback'] },
      clientInformation: () => ({ client_id: clientId, client_secret: clientSecret }),
      tokens: () => tokens,
      saveTokens: () => undefined,
      redirectToAuthorization: () => undefined,
      saveCodeVerifier: () => undefined,
      codeVerifier: () => '',
    }
    const authorized = withOAuth(provider, issuer)(fetch)
    return async () => read(await authorized(resource))
  },
} as const satisfies Library
