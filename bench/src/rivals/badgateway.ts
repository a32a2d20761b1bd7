import { OAuth2Client, OAuth2Fetch, type OAuth2Token } from '@badgateway/oauth2-client'

import { openKeep } from './keeping.ts'
import { drained } from './naive.ts'
import type { Open } from './rival.ts'

export const openBadgateway: Open = async ({ clientId, clientSecret, issuer, tokenEndpoint }, keeping, seed) => {
  const keep = await openKeep(keeping, seed)
  const client = new OAuth2Client({ server: issuer, tokenEndpoint, clientId, clientSecret })
  const wrapper = new OAuth2Fetch({
    client,
    // The user would have to log in again.
    getNewToken: () => null,
    getStoredToken: async (): Promise<OAuth2Token> => {
      const { accessToken, expiresAt, refreshToken = null } = await keep.load()
      return { accessToken, expiresAt, refreshToken }
    },
    // The library does not wait for it.
    storeToken: ({ accessToken, expiresAt, refreshToken }) => {
      const token = {
        accessToken,
        refreshToken: refreshToken ?? undefined,
        receivedAt: Date.now(),
        expiresAt: expiresAt ?? 0,
      }
      keep.save(token).catch(() => undefined)
    },
  })
  return {
    token: () => wrapper.getAccessToken(),
    get: async (url) => drained(await wrapper.fetch(url)),
    save: keep.save,
    setSaving: keep.setSaving,
  }
}
