import { withOAuth } from '@modelcontextprotocol/sdk/client/middleware.js'
import type { OAuthClientProvider } from '@modelcontextprotocol/sdk/client/auth.js'
import type { FetchLike } from '@modelcontextprotocol/sdk/shared/transport.js'

import { openKeep, type Keep } from './keeping.ts'
import { drained } from './naive.ts'
import { isExpired, type KeptToken, type Open, type ServerPlace } from './rival.ts'

/** An API in this process: it refuses spent tokens, as the library learns only by a 401 that a token is spent. */
const HERE = 'http://localhost/in-process'

export const openMcpSdk: Open = async (server, keeping, seed) => {
  const keep = await openKeep(keeping, seed)
  const seen = new Map<string, KeptToken>()
  const inProcess = (accessToken: string): Response => {
    const token = seen.get(accessToken)
    return new Response(accessToken, { status: token === undefined || isExpired(token) ? 401 : 200 })
  }
  const send: FetchLike = async (url, init) => {
    if (String(url) !== HERE) return fetch(url, init)
    return inProcess((new Headers(init?.headers).get('authorization') ?? '').replace('Bearer ', ''))
  }
  const provider = oauthProvider(server, keep, (token) => seen.set(token.accessToken, token))
  const authorized = withOAuth(provider, server.issuer)(send)
  return {
    token: async () => (await authorized(HERE)).text(),
    get: async (url) => drained(await authorized(url)),
    save: keep.save,
    setSaving: keep.setSaving,
  }
}

function oauthProvider(
  { clientId, clientSecret, issuer, tokenEndpoint }: ServerPlace,
  keep: Keep,
  see: (token: KeptToken) => void,
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
      const token = await keep.load()
      see(token)
      const { accessToken, refreshToken } = token
      return {
        access_token: accessToken,
        token_type: 'Bearer',
        issuer,
        ...(refreshToken !== undefined && { refresh_token: refreshToken }),
      }
    },
    saveTokens: ({ access_token, expires_in = 0, refresh_token }) =>
      keep.save({
        accessToken: access_token,
        refreshToken: refresh_token,
        receivedAt: Date.now(),
        expiresAt: Date.now() + expires_in * 1000,
      }),
    redirectToAuthorization: () => undefined,
    saveCodeVerifier: () => undefined,
    codeVerifier: () => '',
  }
}
