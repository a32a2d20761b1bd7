import * as client from 'openid-client'

import { grantAt, read, type Library } from './library.ts'
import type { ServerPlace } from '../rivals/rival.ts'

function configuration({ clientId, clientSecret, issuer, tokenEndpoint }: ServerPlace): client.Configuration {
  const config = new client.Configuration({ issuer, token_endpoint: tokenEndpoint }, clientId, clientSecret)
  client.allowInsecureRequests(config)
  return config
}

export const openidClient = {
  request: async (server, { access_token }) => {
    const config = configuration(server)
    const url = new URL(server.resource)
    return async () => read(await client.fetchProtectedResource(config, access_token, url, 'GET'))
  },
  refresh: async (server) => {
    const config = configuration(server)
    return async (grants) => (index) => client.refreshTokenGrant(config, grantAt(grants, index).refresh_token)
  },
} as const satisfies Library
