import type { InternalClient } from '../client/internal-client.ts'
import { readClaims } from '../client/answers/claims.ts'
import type { GrantKey } from '../model/grant-key.ts'
import type { JsonValue, Token } from '../model/token.ts'

/**
 * Who logged in at the provider, from the checked ID token of the login or the provider's user info endpoint. `issuer`
 * and `sub` together identify a user; e-mail addresses change hands.
 */
export interface Identity {
  readonly issuer: string
  readonly sub: string
  readonly email?: string
  /** Whether the provider says that the address belongs to this user. Absent if it does not say. */
  readonly emailVerified?: boolean
  readonly name?: string
  /** All claims that the provider sent. */
  readonly claims: Readonly<Record<string, JsonValue>>
}

/** Claims of a token's ID token, which was checked on receipt, without the login's nonce. */
export function claimsOf(token: Token): Readonly<Record<string, JsonValue>> | undefined {
  const claims = readClaims(token.idToken) as Readonly<Record<string, JsonValue>> | undefined
  if (claims === undefined) return undefined
  const { nonce: _, ...others } = claims
  return Object.freeze(others)
}

/** The user that a token's ID token names. Undefined without an ID token. */
export function identityOf(token: Token): Identity | undefined {
  const claims = claimsOf(token)
  const { iss, sub } = claims ?? {}
  return claims === undefined || typeof iss !== 'string' || typeof sub !== 'string'
    ? undefined
    : makeIdentity(iss, sub, claims)
}

/**
 * The same, requested from the user info endpoint if there is no ID token. @throws what `OAuth2Client.userInfo` throws
 */
export async function askIdentity(core: InternalClient, token: Token): Promise<Identity> {
  const known = identityOf(token)
  if (known !== undefined) return known
  const claims = await core.userInfo(token)
  return makeIdentity(await core.issuer(token), claims.sub, claims as Readonly<Record<string, JsonValue>>)
}

function makeIdentity(issuer: string, sub: string, claims: Readonly<Record<string, JsonValue>>): Identity {
  const { email, email_verified: verified, name } = claims
  return Object.freeze({
    issuer,
    sub,
    ...(typeof email === 'string' && { email }),
    // Some providers send it as text.
    ...((typeof verified === 'boolean' || typeof verified === 'string') && {
      emailVerified: String(verified) === 'true',
    }),
    ...(typeof name === 'string' && { name }),
    claims,
  })
}

/** Whether two tokens belong to one user: by their ID tokens' subject, else by the account that the caller names. */
export function sameIdentity(
  stored: Token,
  token: Token,
  key: GrantKey,
  core: Pick<InternalClient, 'sameIssuer'>,
): boolean {
  const [before, after] = [readClaims(stored.idToken), readClaims(token.idToken)]
  if (before === undefined || after === undefined) return key.account !== ''
  return before['sub'] !== undefined && before['sub'] === after['sub'] && core.sameIssuer(before['iss'], after['iss'])
}
