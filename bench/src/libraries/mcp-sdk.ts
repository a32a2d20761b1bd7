import type { OAuthClientProvider } from '@modelcontextprotocol/sdk/client/auth.js'
import type { FetchLike } from '@modelcontextprotocol/sdk/shared/transport.js'

import type { ServerPlace, Token } from '../server/protocol.ts'
import { openKeep, type Keep } from './keep.ts'
import { drained, granted, isExpired, type Library } from './library.ts'
import { endOf } from './naive.ts'

/** An API in this process: it rejects expired tokens, as the library learns only by a 401 that a token has expired. */
const HERE = 'http://localhost/in-process'

export const mcpSdk: Library = {
  name: 'MCP SDK',
  how: 'withOAuth over an OAuthClientProvider',
  calls: { request: 'MCP SDK: withOAuth' },
  load: async () => {
    const { withOAuth } = await import('@modelcontextprotocol/sdk/client/middleware.js')
    return {
      open: async (server, keeping, seed) => {
        const keep = await openKeep(keeping, seed)
        const seen = new Map<string, Token>()
        const load = async (): Promise<Token> => {
          const token = await keep.load()
          seen.set(token.accessToken, token)
          return token
        }
        const send: FetchLike = async (url, init) => {
          if (String(url) !== HERE) return fetch(url, init)
          const accessToken = (new Headers(init?.headers).get('authorization') ?? '').replace('Bearer ', '')
          const token = seen.get(accessToken)
          return new Response(accessToken, { status: token === undefined || isExpired(token) ? 401 : 200 })
        }
        const authorized = withOAuth(oauthProvider(server, { load, save: keep.save }), server.issuer)(send)
        return {
          token: async () => (await authorized(HERE)).text(),
          get: async (url) => drained(await authorized(url)),
          save: keep.save,
          setSaving: keep.setSaving,
        }
      },
      request: async (server, token) => {
        const provider = oauthProvider(server, { load: async () => token, save: async () => undefined })
        const authorized = withOAuth(provider, server.issuer)(fetch)
        return async () => granted(await drained(await authorized(server.resource)))
      },
    }
  },
}

function oauthProvider(
  { clientId, clientSecret, issuer, tokenEndpoint }: ServerPlace,
  { load, save }: Pick<Keep, 'load' | 'save'>,
): OAuthClientProvider {
  const metadata = {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: tokenEndpoint,
    response_types_supported: ['code'],
    token_endpoint_auth_methods_supported: ['client_secret_post'],
  }
  return {
    redirectUrl: 'http://localhost/callback',
    clientMetadata: { redirect_uris: ['http://localhost/callback'] },
    clientInformation: () => ({ client_id: clientId, client_secret: clientSecret, issuer }),
    // Discovered once and kept, as the interface offers it.
    discoveryState: () => ({
      authorizationServerUrl: issuer,
      authorizationServerMetadata: metadata,
      resourceMetadata: { resource: issuer, authorization_servers: [issuer] },
    }),
    tokens: async () => {
      const { accessToken, refreshToken } = await load()
      return { access_token: accessToken, token_type: 'Bearer', issuer, refresh_token: refreshToken }
    },
    saveTokens: ({ access_token, expires_in, refresh_token = '' }) =>
      save({
        accessToken: access_token,
        refreshToken: refresh_token,
        receivedAt: Date.now(),
        expiresAt: endOf(expires_in),
      }),
    redirectToAuthorization: () => undefined,
    saveCodeVerifier: () => undefined,
    codeVerifier: () => '',
  }
}
