import { google } from 'evergrant/providers'
import type { UpstreamChoice } from '../settings.ts'
import type { Upstream } from './upstream.ts'

/** Google itself, with a client registered there. */
export function googleUpstream({ clientId, clientSecret }: UpstreamChoice & { readonly kind: 'google' }): Upstream {
  return {
    name: 'google',
    title: 'Google',
    client: { provider: google, clientId, clientSecret, scope: ['openid', 'email', 'profile'] },
    userInfoUrl: 'https://www.googleapis.com/oauth2/v1/userinfo',
    validation: { kind: 'tokeninfo', url: 'https://www.googleapis.com/oauth2/v1/tokeninfo' },
    embedded: undefined,
  }
}
