import type Provider from 'oidc-provider'
import type { StatsCounter } from './stats.ts'

/** Counts the events of oidc-provider. */
export function watchProvider(provider: Provider, stats: StatsCounter): void {
  provider.on('grant.success', (ctx) => {
    if (ctx.oidc.params?.['grant_type'] === 'refresh_token') stats.count('redemptions', ctx.oidc.client?.clientId)
  })
  provider.on('grant.error', (ctx) => {
    if (ctx.oidc.refreshToken?.consumed) stats.count('reuseDetections', ctx.oidc.client?.clientId)
  })
  provider.on('grant.revoked', (ctx) => {
    if (ctx.oidc.route === 'token') stats.count('revocations', ctx.oidc.client?.clientId)
  })
}
