import { TOKEN_ORIGIN } from '../client/token-origin.ts'
import { withoutRefreshTokens, type JsonValue, type Token } from '../model/token.ts'
import { claimsOf } from './identity.ts'

/** What the provider sent with a grant's tokens. */
export interface GrantDetails {
  /**
   * Claims of the stored ID token, without the nonce. The ID token was checked on receipt and may have expired since.
   */
  readonly claims?: Readonly<Record<string, unknown>>
  /** Members of the token responses without a place of their own. Refresh tokens are left out at every level. */
  readonly extra: Readonly<Record<string, JsonValue>>
  readonly scope?: readonly string[]
  /** The raw ID token, if requested: logging out at the provider requires it. */
  readonly idToken?: string
}

/** Returns what the provider sent with a token, without anything that could refresh it. */
export function detailsOf(token: Token | undefined, options: { readonly idToken?: boolean }): GrantDetails {
  if (token === undefined) return Object.freeze({ extra: Object.freeze({}) })
  const { [TOKEN_ORIGIN]: _, ...extra } = token.extra ?? {}
  const { idToken, scope } = token
  const claims = claimsOf(token)
  return Object.freeze({
    ...(claims !== undefined && { claims }),
    extra: withoutRefreshTokens(extra),
    ...(scope !== undefined && { scope }),
    ...(options.idToken === true && idToken !== undefined && { idToken }),
  })
}
