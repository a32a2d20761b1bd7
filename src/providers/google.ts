import type { Provider } from '../model/provider.ts'

const DAY_MS = 86_400_000

/**
 * Google: https://developers.google.com/identity/protocols/oauth2
 *
 * Offline access and consent are requested, because Google issues a refresh token only on consent. Refresh tokens do
 * not rotate. They end after six months without use, or after seven days while the application's publishing status is
 * "Testing". If a user has more than 100 of one client, the oldest one ends.
 */
export const google: Provider = {
  name: 'google',
  title: 'Google',
  documentation: 'https://developers.google.com/identity/protocols/oauth2',
  server: {
    issuer: 'https://accounts.google.com',
    authorization_endpoint: 'https://accounts.google.com/o/oauth2/v2/auth',
    token_endpoint: 'https://oauth2.googleapis.com/token',
    revocation_endpoint: 'https://oauth2.googleapis.com/revoke',
    userinfo_endpoint: 'https://openidconnect.googleapis.com/v1/userinfo',
    device_authorization_endpoint: 'https://oauth2.googleapis.com/device/code',
    jwks_uri: 'https://www.googleapis.com/oauth2/v3/certs',
    token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic'],
    code_challenge_methods_supported: ['plain', 'S256'],
    id_token_signing_alg_values_supported: ['RS256'],
  },
  offline: { params: { access_type: 'offline' } },
  consentParams: { prompt: 'consent' },
  // Google's ID tokens may name it without the scheme.
  formerIssuers: ['accounts.google.com'],
  resourceOrigins: ['https://www.googleapis.com', 'https://*.googleapis.com'],
  refresh: { rotates: false, idleLifetimeMs: 182 * DAY_MS },
}
