import { AuthorizationCode, type AccessToken } from 'simple-oauth2'

import type { ServerPlace } from '../rivals/rival.ts'
import type { Minted } from '../server/protocol.ts'
import { grantAt, read, type Library } from './library.ts'

function opener({ clientId, clientSecret, tokenEndpoint }: ServerPlace): (grant: Minted) => AccessToken {
  const { origin, pathname } = new URL(tokenEndpoint)
  const client = new AuthorizationCode({
    client: { id: clientId, secret: clientSecret },
    auth: { tokenHost: origin, tokenPath: pathname },
  })
  return ({ access_token, expires_at, refresh_token }) =>
    client.createToken({ access_token, refresh_token, expires_at: new Date(expires_at * 1000).toISOString() })
}

/** It has no request of its own: its documentation has the user look whether the token has expired. */
function freshOne(token: AccessToken): string {
  if (token.expired()) throw new Error('Expected a fresh token.')
  return token.token['access_token'] as string
}

export const simpleOAuth2 = {
  request: async (server, grant) => {
    const token = opener(server)(grant)
    return async () => read(await fetch(server.resource, { headers: { authorization: `Bearer ${freshOne(token)}` } }))
  },
  token: async (server, grant) => {
    const token = opener(server)(grant)
    return { kind: 'value', call: () => freshOne(token) }
  },
  refresh: async (server) => {
    const open = opener(server)
    return async (grants) => {
      const tokens = grants.map(open)
      return (index) => grantAt(tokens, index).refresh()
    }
  },
} as const satisfies Library
