import type { AccessToken } from 'simple-oauth2'

import type { ServerPlace, Token } from '../server/protocol.ts'
import { bearerGet, granted, type Library } from './library.ts'
import { naive, USUAL } from './naive.ts'

/** It has no request of its own: its documentation has the application check whether the token has expired. */
function freshOne(token: AccessToken): string {
  if (token.expired()) throw new Error('Expected a fresh token.')
  return token.token['access_token'] as string
}

export const simpleOAuth2: Library = {
  name: 'simple-oauth2',
  how: USUAL,
  calls: {
    request: 'simple-oauth2: expired(), then fetch',
    token: 'simple-oauth2: expired(), then the field',
    refresh: 'simple-oauth2: refresh',
  },
  load: async () => {
    const { AuthorizationCode } = await import('simple-oauth2')
    const opener = ({ clientId, clientSecret, tokenEndpoint }: ServerPlace): ((token: Token) => AccessToken) => {
      const { origin, pathname } = new URL(tokenEndpoint)
      const auth = { tokenHost: origin, tokenPath: pathname }
      const client = new AuthorizationCode({ client: { id: clientId, secret: clientSecret }, auth })
      return ({ accessToken, expiresAt, refreshToken }) => {
        const end = new Date(expiresAt).toISOString()
        return client.createToken({ access_token: accessToken, refresh_token: refreshToken, expires_at: end })
      }
    }
    return {
      ...naive((server) => {
        const open = opener(server)
        return {
          refresh: async (kept) => {
            const { access_token, expires_at, refresh_token } = (await open(kept).refresh()).token
            const expiresAt = (expires_at as Date).getTime()
            return { accessToken: access_token as string, refreshToken: refresh_token as string | undefined, expiresAt }
          },
        }
      }),
      request: async (server, kept) => {
        const token = opener(server)(kept)
        return () => granted(bearerGet(server.resource, freshOne(token)))
      },
      token: async (server, kept) => {
        const token = opener(server)(kept)
        return { kind: 'value', call: () => freshOne(token) }
      },
    }
  },
}
