import { OAuth2Client } from 'google-auth-library'

import type { ServerPlace } from '../rivals/rival.ts'
import type { Minted } from '../server/protocol.ts'
import { grantAt, type Library } from './library.ts'

function clientOf({ clientId, clientSecret, tokenEndpoint }: ServerPlace, grant: Minted): OAuth2Client {
  const client = new OAuth2Client({ clientId, clientSecret, endpoints: { oauth2TokenUrl: tokenEndpoint } })
  const { access_token, expires_at, refresh_token } = grant
  client.setCredentials({ access_token, refresh_token, expiry_date: expires_at * 1000 })
  return client
}

export const googleAuthLibrary = {
  request: async (server, grant) => {
    const client = clientOf(server, grant)
    return () => client.request({ url: server.resource })
  },
  token: async (server, grant) => {
    const client = clientOf(server, grant)
    return { kind: 'promise', call: () => client.getAccessToken() }
  },
  // A client holds one grant.
  refresh: async (server) => async (grants) => {
    const clients = grants.map((grant) => clientOf(server, grant))
    return (index) => grantAt(clients, index).getAccessToken()
  },
} as const satisfies Library
