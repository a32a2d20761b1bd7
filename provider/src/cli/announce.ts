import type { ProviderOptions } from '../options.ts'
import type { DevelopmentProvider } from '../provider.ts'
import { formatDuration } from './duration.ts'

/** The endpoints and the ready client as one line of JSON. */
export function describeAsJson({ metadata, clientId, clientSecret, redirectUris }: DevelopmentProvider): string {
  return JSON.stringify({
    issuer: metadata.issuer,
    authorization_endpoint: metadata.authorization_endpoint,
    token_endpoint: metadata.token_endpoint,
    revocation_endpoint: metadata.revocation_endpoint,
    introspection_endpoint: metadata.introspection_endpoint,
    userinfo_endpoint: metadata.userinfo_endpoint,
    tokeninfo_endpoint: metadata.tokeninfo_endpoint,
    device_authorization_endpoint: metadata.device_authorization_endpoint,
    client_id: clientId,
    client_secret: clientSecret,
    redirect_uris: redirectUris,
  })
}

/** The endpoints and the ready client as text. */
export function describeForPeople(provider: DevelopmentProvider, options: ProviderOptions): string {
  const { metadata, clientId, clientSecret, redirectUris } = provider
  const rows = [
    ['issuer', metadata.issuer],
    ['authorization', metadata.authorization_endpoint],
    ['token', metadata.token_endpoint],
    ['revocation', metadata.revocation_endpoint],
    ['introspection', metadata.introspection_endpoint],
    ['userinfo', metadata.userinfo_endpoint],
    ['tokeninfo', metadata.tokeninfo_endpoint],
    ['device', metadata.device_authorization_endpoint],
    ['client id', clientId],
    ['client secret', clientSecret],
    ...redirectUris.map((uri) => ['redirect URI', uri]),
  ]
  return [
    'Development authorization server: everything it holds is lost when it ends. Not for production.',
    '',
    ...rows.map(([name = '', value = '']) => `  ${name.padEnd(16)}${value}`),
    '',
    `Access tokens live ${formatDuration(options.accessTokenLifetimeMs ?? 60_000)}; refresh tokens ${describeRotation(options)}.`,
    'Log in as alice / wonderland or bob / builder. Ctrl+C ends it.',
  ].join('\n')
}

function describeRotation({ rotate, reuse = 'revoke' }: ProviderOptions): string {
  if (!rotate) return 'stay the same'
  if (reuse === 'revoke') return 'rotate, and using one twice ends the grant'
  if (reuse === 'refuse') return 'rotate, and a used one is rejected'
  return `rotate, and a used one is accepted for ${formatDuration(reuse)}`
}

/** Returns a warning if the network can reach the provider, or undefined on loopback. */
export function warnAboutHost(host: string): string | undefined {
  const isLoopback = host === 'localhost' || host === '::1' || host.startsWith('127.')
  return isLoopback
    ? undefined
    : `Warning: listening on ${host}. Everybody who reaches it can log in: the passwords are on the login page.`
}
