import { OAuth2Client } from 'google-auth-library'

import { openKeep } from './keeping.ts'
import type { Open } from './rival.ts'

export const openGoogleAuthLibrary: Open = async ({ clientId, clientSecret, tokenEndpoint }, keeping, seed) => {
  const keep = await openKeep(keeping, seed)
  const client = new OAuth2Client({
    clientId,
    clientSecret,
    endpoints: { oauth2TokenUrl: tokenEndpoint },
    forceRefreshOnFailure: true,
  })
  let kept = await keep.load()
  client.on('tokens', (tokens) => {
    kept = {
      accessToken: tokens.access_token ?? kept.accessToken,
      refreshToken: tokens.refresh_token ?? kept.refreshToken,
      receivedAt: Date.now(),
      expiresAt: tokens.expiry_date ?? 0,
    }
    // Nobody waits for a listener.
    keep.save(kept).catch(() => undefined)
  })
  client.setCredentials({
    access_token: kept.accessToken,
    refresh_token: kept.refreshToken ?? null,
    expiry_date: kept.expiresAt,
  })
  return {
    token: async () => (await client.getAccessToken()).token ?? '',
    get: async (url) => (await client.request({ url })).status,
    save: keep.save,
    setSaving: keep.setSaving,
  }
}
