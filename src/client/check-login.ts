import { ConfigError } from '../model/errors.ts'
import type { Provider } from '../model/provider.ts'

/** Without an issuer an ID token cannot be checked. */
export function openidWithoutIssuer(client: string): ConfigError {
  return new ConfigError(
    `Client '${client}' requests scope 'openid', but its server has no issuer to compare ID tokens with. Add issuer to provider.server, or leave out 'openid'.`,
  )
}

/** RFC 6749 section 3.1.2: an absolute URI without fragment. Some providers use a name of their own in its place. */
export function assertRedirectUri(
  redirectUri: unknown,
  provider: Pick<Provider, 'opaqueRedirectUri'>,
): asserts redirectUri is string {
  if (provider.opaqueRedirectUri === true && typeof redirectUri === 'string' && redirectUri !== '') return
  if (typeof redirectUri !== 'string' || !URL.canParse(redirectUri) || redirectUri.includes('#')) {
    throw new ConfigError(
      'Expected redirectUri to be an absolute URL without a fragment, exactly as registered at the provider.',
    )
  }
}
