import { OAuth2Client, OAuth2Fetch, type OAuth2Token } from '@badgateway/oauth2-client'

import type { ServerPlace } from '../rivals/rival.ts'
import type { Minted } from '../server/protocol.ts'
import { grantAt, read, type Library } from './library.ts'

const clientOf = ({ clientId, clientSecret, issuer, tokenEndpoint }: ServerPlace): OAuth2Client =>
  new OAuth2Client({ server: issuer, tokenEndpoint, clientId, clientSecret })

const tokenOf = ({ access_token, expires_at, refresh_token }: Minted): OAuth2Token => ({
  accessToken: access_token,
  refreshToken: refresh_token,
  expiresAt: expires_at * 1000,
})

function wrapperOf(server: ServerPlace, grant: Minted): OAuth2Fetch {
  return new OAuth2Fetch({
    client: clientOf(server),
    getNewToken: () => null,
    getStoredToken: () => tokenOf(grant),
  })
}

export const badgateway = {
  request: async (server, grant) => {
    const wrapper = wrapperOf(server, grant)
    return async () => read(await wrapper.fetch(server.resource))
  },
  token: async (server, grant) => {
    const wrapper = wrapperOf(server, grant)
    return { kind: 'promise', call: () => wrapper.getAccessToken() }
  },
  refresh: async (server) => {
    const client = clientOf(server)
    return async (grants) => {
      const tokens = grants.map(tokenOf)
      return (index) => client.refreshToken(grantAt(tokens, index))
    }
  },
} as const satisfies Library
