import { startProvider } from '../../provider/src/index.ts'
import type { ServerMetadata } from '../../src/model/provider.ts'
import { serverOf } from './world.ts'

/** The authorization server at which workers redeem the grants that they share. It must rotate, and end a grant whose refresh token comes twice. */
export interface SharingProvider {
  readonly server: ServerMetadata
  readonly clientId: string
  readonly clientSecret: string
  /** So many new grants whose access tokens are spent. */
  mint(count: number): Promise<readonly SpentGrant[]>
  /** What it has counted since it runs. */
  counts(): Promise<ProviderCounts>
  close(): Promise<void>
}

/** A token endpoint's answer of long ago. */
export interface SpentGrant {
  readonly access_token: string
  readonly refresh_token: string
}

export interface ProviderCounts {
  readonly redemptions: number
  /** Refresh tokens that came a second time. */
  readonly reused: number
}

/** The development provider, with access tokens that live for longer than any proof. */
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
