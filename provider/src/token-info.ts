import type Provider from 'oidc-provider'
import { googleEmailScope, googleProfileScope } from './scopes.ts'
import { claimsOf, type UserClaims, type UserDirectory } from './users.ts'

type AccessToken = InstanceType<Provider['AccessToken']>

/** A valid access token with what it may show of its user. */
export interface InspectedToken {
  readonly token: AccessToken
  readonly scopes: ReadonlySet<string>
  readonly claims: UserClaims
}

/** Finds an access token. Returns undefined if it is unknown, expired or revoked, or has no user. */
export async function inspectAccessToken(
  provider: Provider,
  users: UserDirectory,
  value: string,
): Promise<InspectedToken | undefined> {
  const token = await provider.AccessToken.find(value)
  if (!token?.grantId || !token.isValid) return undefined
  const grant = await provider.Grant.find(token.grantId)
  const user = users.withSubject(token.accountId)
  return grant && user ? { token, scopes: token.scopes, claims: claimsOf(user) } : undefined
}

/** Whether the scopes show the e-mail address. */
export function showsEmail(scopes: ReadonlySet<string>): boolean {
  return scopes.has('email') || scopes.has(googleEmailScope)
}

/** Whether the scopes show the name. */
export function showsProfile(scopes: ReadonlySet<string>): boolean {
  return scopes.has('profile') || scopes.has(googleProfileScope)
}

/** Google's response for a valid access token, with the members of its versions 1 and 3. */
export function tokenInfo({ token, scopes, claims }: InspectedToken): Record<string, unknown> {
  const expiresAt = token.exp ?? 0
  return {
    azp: token.clientId,
    aud: token.clientId,
    issued_to: token.clientId,
    audience: token.clientId,
    sub: claims.sub,
    user_id: claims.sub,
    scope: token.scope ?? '',
    exp: expiresAt,
    expires_in: Math.max(0, expiresAt - Math.floor(Date.now() / 1000)),
    ...(showsEmail(scopes)
      ? { email: claims.email, email_verified: claims.email_verified, verified_email: claims.email_verified }
      : {}),
    access_type: token.extra?.['access_type'] ?? 'offline',
  }
}
