import { TOKEN_ORIGIN } from '../client/token-origin.ts'
import { withoutRefreshTokens, type JsonValue, type Token } from '../model/token.ts'
import { claimsOf } from './identity.ts'

/** What came with a grant's tokens. */
export interface GrantDetails {
  /** The claims of the stored ID token, without the nonce. It was checked when it came; it may have expired since. */
  readonly claims?: Readonly<Record<string, unknown>>
  /** The members of the token answers that have no place of their own. Refresh tokens among them are left out, wherever they stand. */
  readonly extra: Readonly<Record<string, JsonValue>>
  readonly scope?: readonly string[]
  /** The raw ID token, where it is asked for: logging out at the provider takes it. */
  readonly idToken?: string
}

/** What of a token is shown to whoever asks what came with it: nothing that renews it. */
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
