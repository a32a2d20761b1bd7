import { Provider, type Adapter } from 'oidc-provider'
import type { ReusePolicy } from './reuse-policy.ts'
import type { StatsCounter } from './stats.ts'
import { MapAdapter, RefreshTokenAdapter } from './storage.ts'

/** Makes one adapter for each of oidc-provider's models, the refresh tokens' with the reuse policy. */
export function adapterFactory(reuse: ReusePolicy, stats: StatsCounter): (model: string) => Adapter {
  const countRefusedReuse = (): void => {
    const ctx = Provider.ctx
    if (ctx?.oidc.route === 'token') stats.count('reuseDetections', ctx.oidc.client?.clientId)
  }
  return (model) => (model === 'RefreshToken' ? new RefreshTokenAdapter(reuse, countRefusedReuse) : new MapAdapter())
}
