/** Tokens that the libraries themselves made, imported as the pages of docs/migration say. */
import { OAuth2Client as BadgatewayClient, type OAuth2Token } from '@badgateway/oauth2-client'
import { OAuth2Client as GoogleClient, type Credentials } from 'google-auth-library'
import { AuthorizationCode, type AccessToken } from 'simple-oauth2'
import { describe, expect, test } from 'vitest'

import type { DevelopmentProvider } from '../../provider/src/index.ts'
import { importToken } from '../../src/index.ts'
import { HOUR, provide } from '../integration/setup.ts'
import { asJson, moveAndRefresh, rotating } from './setup.ts'

const within = (expiresAt: number | undefined): boolean =>
  expiresAt !== undefined && Math.abs(expiresAt - Date.now() - HOUR) < 30_000

describe('simple-oauth2', () => {
  /** A token that it has refreshed once. */
  async function refreshed({ clientId, clientSecret, metadata, mint }: DevelopmentProvider): Promise<AccessToken> {
    const { origin, pathname } = new URL(metadata.token_endpoint)
    const auth = { tokenHost: origin, tokenPath: pathname }
    const client = new AuthorizationCode({ client: { id: clientId, secret: clientSecret }, auth })
    const [minted] = await mint({ user: 'alice' })
    return client.createToken({ ...minted }).refresh()
  }

  test.each(['the AccessToken', 'its JSON'])('%s is imported and refreshed', async (form) => {
    const provider = await rotating()
    const token = await refreshed(provider)
    const imported = await moveAndRefresh(provider, form === 'its JSON' ? asJson(token) : token)
    expect(within(imported.expiresAt)).toBe(true)
    expect(imported.extra ?? {}).not.toHaveProperty('expires_at')
  })

  // Version 5.1 reads the earlier refresh token from the wrong object.
  test('loses the refresh token at a provider that does not repeat it; the original one is put back', async () => {
    const provider = await provide({ accessTokenLifetimeMs: HOUR })
    const [minted] = await provider.mint({ user: 'alice' })
    const stored = asJson(await refreshed({ ...provider, mint: async () => [minted!] }))
    expect(importToken(stored).refreshToken).toBeUndefined()
    const { refreshToken } = await moveAndRefresh(provider, { ...stored, refresh_token: minted!.refresh_token })
    expect(refreshToken).toBe(minted!.refresh_token)
  })
})

describe('@badgateway/oauth2-client', () => {
  async function refreshed({ url, clientId, clientSecret, metadata, mint }: DevelopmentProvider): Promise<OAuth2Token> {
    const tokenEndpoint = metadata.token_endpoint
    const client = new BadgatewayClient({ server: url, tokenEndpoint, clientId, clientSecret })
    const [minted] = await mint({ user: 'alice' })
    return client.refreshToken({
      accessToken: minted!.access_token,
      refreshToken: minted!.refresh_token,
      expiresAt: 0,
    })
  }

  test('the token is imported and refreshed', async () => {
    const provider = await rotating()
    const token = await refreshed(provider)
    expect(Object.keys(token)).toEqual(expect.arrayContaining(['accessToken', 'expiresAt', 'refreshToken', 'scope']))
    const imported = await moveAndRefresh(provider, asJson(token))
    expect(imported).toMatchObject({ scope: token.scope, expiresAt: token.expiresAt })
  })
})

describe('google-auth-library', () => {
  const clientOf = ({ clientId, clientSecret, metadata }: DevelopmentProvider): GoogleClient =>
    new GoogleClient({ clientId, clientSecret, endpoints: { oauth2TokenUrl: metadata.token_endpoint } })

  test('the credentials of a client are imported and refreshed', async () => {
    const provider = await provide({ accessTokenLifetimeMs: HOUR })
    const [minted] = await provider.mint({ user: 'alice' })
    const client = clientOf(provider)
    const events: Credentials[] = []
    client.on('tokens', (tokens) => void events.push(asJson(tokens)))
    client.setCredentials({ refresh_token: minted!.refresh_token })
    await client.getAccessToken()

    const imported = await moveAndRefresh(provider, asJson(client.credentials))
    expect(imported).toMatchObject({ refreshToken: minted!.refresh_token, expiresAt: client.credentials.expiry_date })
    expect(within(imported.expiresAt)).toBe(true)
    // The library adds the refresh token after its event: what a listener has stored lacks it.
    expect(importToken(events[0]!).refreshToken).toBeUndefined()
    const stored = { ...events[0], refresh_token: minted!.refresh_token }
    expect((await moveAndRefresh(provider, stored)).expiresAt).toBe(imported.expiresAt)
  })

  test('a refresh token alone becomes a token that has expired', async () => {
    const provider = await rotating()
    const [minted] = await provider.mint({ user: 'alice' })
    const stored = { refresh_token: minted!.refresh_token }
    expect(() => importToken(stored)).toThrow('got an object with neither')
    const imported = await moveAndRefresh(provider, { access_token: 'none', expires_in: 0, ...stored })
    expect(imported.expiresAt).toBe(imported.receivedAt)
  })
})
