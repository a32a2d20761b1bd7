import type { DevelopmentProvider } from '@evergrant/provider'
import type { Upstream } from './upstream.ts'

/** The provider that runs beside the demo. */
export function embeddedUpstream(provider: DevelopmentProvider): Upstream {
  return {
    name: 'provider',
    title: 'the development provider',
    client: {
      provider: {
        name: 'provider',
        server: provider.url,
        authorizationParams: { access_type: 'offline' },
        refresh: { rotates: true },
      },
      clientId: provider.clientId,
      clientSecret: provider.clientSecret,
      scope: ['openid', 'email', 'profile'],
    },
    userInfoUrl: provider.metadata.userinfo_endpoint,
    tokenInfoUrl: provider.metadata.tokeninfo_endpoint,
    embedded: provider,
  }
}
