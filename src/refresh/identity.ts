import type { InternalClient } from '../client/internal-client.ts'
import { readClaims } from '../client/answers/claims.ts'
import type { GrantKey } from '../model/grant-key.ts'
import type { JsonValue, Token } from '../model/token.ts'

/**
 * Who logged in at the provider, by the checked ID token of the log-in or by the provider's user info endpoint. A person is known by `issuer`
 * and `sub` together; e-mail addresses change hands.
 */
export interface Identity {
  readonly issuer: string
  readonly sub: string
  readonly email?: string
  /** Whether the provider says that the address is this person's; absent where it says nothing. */
  readonly emailVerified?: boolean
  readonly name?: string
  /** All that the provider said. */
  readonly claims: Readonly<Record<string, JsonValue>>
}

/** The claims of a token's ID token, which was checked when it came; without the nonce, which was the log-in's own. */
export function claimsOf(token: Token): Readonly<Record<string, JsonValue>> | undefined {
  const claims = readClaims(token.idToken) as Readonly<Record<string, JsonValue>> | undefined
  if (claims === undefined) return undefined
  const { nonce: _, ...others } = claims
  return Object.freeze(others)
}

/** Who a token's ID token says that it is of; undefined without one. */
export function identityOf(token: Token): Identity | undefined {
  const claims = claimsOf(token)
  const { iss, sub } = claims ?? {}
  return claims === undefined || typeof iss !== 'string' || typeof sub !== 'string'
    ? undefined
    : makeIdentity(iss, sub, claims)
}

/** The same, asked of the user info endpoint where there is no ID token. @throws what `OAuth2Client.userInfo` throws */
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
    // Some providers send it as a text.
    ...((typeof verified === 'boolean' || typeof verified === 'string') && {
      emailVerified: String(verified) === 'true',
    }),
    ...(typeof name === 'string' && { name }),
    claims,
  })
}

/** Whether two tokens are of one user: by their ID tokens' subject, else by the account that the caller names. */
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
