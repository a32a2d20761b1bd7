import type { Provider } from '../model/provider.ts'

const DAY_MS = 86_400_000

/**
 * GitHub, for OAuth apps and for GitHub Apps acting for a user.
 * https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/refreshing-user-access-tokens
 *
 * User tokens of a GitHub App last eight hours and their refresh tokens six months. A refresh ends the old refresh
 * token and the old access token at once. Tokens of an OAuth app do not expire and have no refresh token. Errors come
 * with status 200. Revocation does not follow RFC 7009, so there is no revocation endpoint.
 */
export const github: Provider = {
  name: 'github',
  title: 'GitHub',
  documentation: 'https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps',
  server: {
    authorization_endpoint: 'https://github.com/login/oauth/authorize',
    token_endpoint: 'https://github.com/login/oauth/access_token',
    userinfo_endpoint: 'https://api.github.com/user',
    device_authorization_endpoint: 'https://github.com/login/device/code',
  },
  clientAuth: 'client_secret_post',
  // Responses separate scopes by commas. Requests are accepted with commas too.
  scopeSeparator: ',',
  resourceOrigins: ['https://api.github.com', 'https://uploads.github.com'],
  refresh: {
    rotates: true,
    endsAccessToken: true,
    idleLifetimeMs: 184 * DAY_MS,
    deadGrantErrors: ['bad_refresh_token'],
  },
}
