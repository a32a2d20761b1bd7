import { readClaims } from '../client/id-token.ts'
import { TOKEN_ORIGIN } from '../client/token-origin.ts'
import type { JsonValue, Token } from '../token.ts'

/** What came with a grant's tokens. */
export interface GrantDetails {
  /** The claims of the stored ID token. It was checked when it came; it may have expired since. */
  readonly claims?: Readonly<Record<string, unknown>>
  /** The members of the token answers that have no place of their own. Of a second token among them, the refresh token is left out. */
  readonly extra: Readonly<Record<string, JsonValue>>
  readonly scope?: readonly string[]
  /** The raw ID token, where it is asked for: logging out at the provider takes it. */
  readonly idToken?: string
}

/** What of a token is shown to whoever asks what came with it: nothing that renews it. */
export function detailsOf(token: Token | undefined, options: { readonly idToken?: boolean }): GrantDetails {
  const { extra = {}, idToken, scope } = token ?? {}
  const claims = readClaims(idToken)
  return Object.freeze({
    ...(claims !== undefined && { claims }),
    extra: Object.freeze(
      Object.fromEntries(
        Object.entries(extra).flatMap(([name, value]) =>
          name === TOKEN_ORIGIN ? [] : [[name, withoutRefreshToken(value)] as const],
        ),
      ),
    ),
    ...(scope !== undefined && { scope }),
    ...(options.idToken === true && idToken !== undefined && { idToken }),
  })
}

function withoutRefreshToken(value: JsonValue): JsonValue {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || !('accessToken' in value)) return value
  const { refreshToken: _, ...rest } = value as Readonly<Record<string, JsonValue>>
  return rest
}
