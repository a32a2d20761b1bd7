import { startProvider } from '../../provider/src/index.ts'
import type { ServerMetadata } from '../../src/model/provider.ts'
import { serverOf } from './world.ts'

/** The authorization server of the grants that workers share. It must rotate refresh tokens and detect reuse. */
export interface SharingProvider {
  readonly server: ServerMetadata
  readonly clientId: string
  readonly clientSecret: string
  /** Returns `count` new grants whose access tokens have expired. */
  mint(count: number): Promise<readonly SpentGrant[]>
  /** Its counts since its start. */
  counts(): Promise<ProviderCounts>
  close(): Promise<void>
}

/** An old token response. */
export interface SpentGrant {
  readonly access_token: string
  readonly refresh_token: string
}

export interface ProviderCounts {
  readonly redemptions: number
  /** Number of refresh tokens that were sent a second time. */
  readonly reused: number
}

/** The development provider, with access tokens that are valid for longer than any proof. */
export async function developmentProvider(): Promise<SharingProvider> {
  const provider = await startProvider({ rotate: true, reuse: 'revoke', accessTokenLifetimeMs: 86_400_000 })
  return {
    server: serverOf(provider),
    clientId: provider.clientId,
    clientSecret: provider.clientSecret,
    mint: (count) => provider.mint({ count, accessTokenExpired: true }),
    counts: async () => {
      const { redemptions, reuseDetections } = provider.stats()
      return { redemptions, reused: reuseDetections }
    },
    close: () => provider.close(),
  }
}
