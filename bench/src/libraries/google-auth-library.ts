import type { ServerPlace, Token } from '../server/protocol.ts'
import { openKeep } from './keep.ts'
import type { Library } from './library.ts'

export const googleAuthLibrary: Library = {
  name: 'google-auth-library',
  how: 'OAuth2Client with its tokens event and forceRefreshOnFailure',
  // Its own default of `eagerRefreshThresholdMillis`.
  marginMs: 300_000,
  calls: {
    request: 'google-auth-library: client.request',
    token: 'google-auth-library: getAccessToken()',
    refresh: 'google-auth-library: getAccessToken',
  },
  load: async () => {
    const { OAuth2Client } = await import('google-auth-library')
    const clientOf = ({ clientId, clientSecret, tokenEndpoint }: ServerPlace, token: Token) => {
      const endpoints = { oauth2TokenUrl: tokenEndpoint }
      const client = new OAuth2Client({ clientId, clientSecret, endpoints, forceRefreshOnFailure: true })
      const { accessToken, expiresAt, refreshToken } = token
      client.setCredentials({ access_token: accessToken, refresh_token: refreshToken, expiry_date: expiresAt })
      return client
    }
    return {
      open: async (server, keeping, seed) => {
        const { load, save, setSaving } = await openKeep(keeping, seed)
        let kept = await load()
        const client = clientOf(server, kept)
        client.on('tokens', (tokens) => {
          kept = {
            accessToken: tokens.access_token ?? kept.accessToken,
            refreshToken: tokens.refresh_token ?? kept.refreshToken,
            receivedAt: Date.now(),
            expiresAt: tokens.expiry_date ?? 0,
          }
          // The library does not wait for a listener.
          save(kept).catch(() => undefined)
        })
        return {
          token: async () => (await client.getAccessToken()).token ?? '',
          get: async (url) => (await client.request({ url })).status,
          save,
          setSaving,
        }
      },
      token: async (server, token) => {
        const client = clientOf(server, token)
        return { kind: 'promise', call: () => client.getAccessToken() }
      },
    }
  },
}
