import type { OAuth2Token } from '@badgateway/oauth2-client'

import type { Token } from '../server/protocol.ts'
import { openKeep } from './keep.ts'
import { at, drained, type Library } from './library.ts'

const foreign = ({ accessToken, expiresAt, refreshToken }: Token): OAuth2Token => ({
  accessToken,
  expiresAt,
  refreshToken,
})

export const badgateway: Library = {
  name: '@badgateway/oauth2-client',
  how: 'OAuth2Fetch with getStoredToken and storeToken',
  calls: {
    request: '@badgateway/oauth2-client: OAuth2Fetch',
    token: '@badgateway/oauth2-client: getAccessToken()',
    refresh: '@badgateway/oauth2-client: refreshToken',
  },
  load: async () => {
    const { OAuth2Client, OAuth2Fetch } = await import('@badgateway/oauth2-client')
    return {
      open: async ({ clientId, clientSecret, issuer, tokenEndpoint }, keeping, seed) => {
        const { load, save, setSaving } = await openKeep(keeping, seed)
        const wrapper = new OAuth2Fetch({
          client: new OAuth2Client({ server: issuer, tokenEndpoint, clientId, clientSecret }),
          // The user would have to log in again.
          getNewToken: () => null,
          getStoredToken: async () => foreign(await load()),
          // The library does not wait for it.
          storeToken: ({ accessToken, expiresAt, refreshToken }) => {
            const token = {
              accessToken,
              refreshToken: refreshToken ?? '',
              receivedAt: Date.now(),
              expiresAt: expiresAt ?? 0,
            }
            save(token).catch(() => undefined)
          },
        })
        return {
          token: () => wrapper.getAccessToken(),
          get: async (url) => drained(await wrapper.fetch(url)),
          save,
          setSaving,
        }
      },
      refresh: async ({ clientId, clientSecret, issuer, tokenEndpoint }) => {
        const client = new OAuth2Client({ server: issuer, tokenEndpoint, clientId, clientSecret })
        return async (tokens) => (index) => client.refreshToken(foreign(at(tokens, index)))
      },
    }
  },
}
