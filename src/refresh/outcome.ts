import { ProviderUnavailableError, TokenRequestError, TokenResponseError, isEvergrantError } from '../errors.ts'
import type { Token } from '../token.ts'

/**
 * What a failed redemption means for the grant:
 * `dead`: maybe dead. `registration`: the client is wrong, no grant is touched. `call`: the request is wrong, the grant lives.
 * `later`: not consumed, come back. `refused`: refused, cause unknown. `unknown`: the refresh token may have been consumed.
 * `captured`: the answer can't be used, but it brought a new refresh token. `identity_changed`: it names another user.
 * `unsent`: something of ours failed before anything was sent.
 */
export type Meaning =
  | 'dead'
  | 'registration'
  | 'call'
  | 'later'
  | 'refused'
  | 'unknown'
  | 'captured'
  | 'identity_changed'
  | 'unsent'

const LATER_ERRORS: ReadonlySet<string> = new Set(['temporarily_unavailable', 'server_error', 'slow_down'])

/** The tokens that an unusable answer brought. */
export function capturedToken(error: unknown): Token | undefined {
  return error instanceof TokenResponseError ? error.token : undefined
}

/** Reads the meaning off an error of the token endpoint (the table "What an answer means" of the refresh protocol). */
export function meaningOf(error: unknown, redeemed: Token | undefined, deadGrantErrors: readonly string[]): Meaning {
  if (error instanceof TokenResponseError) {
    if (error.problem === 'identity_changed') return 'identity_changed'
    const captured = error.token?.refreshToken
    return captured !== undefined && captured !== redeemed?.refreshToken ? 'captured' : 'unknown'
  }
  if (error instanceof TokenRequestError) {
    if (error.error === undefined) return 'refused'
    if (error.error === 'invalid_grant' || deadGrantErrors.includes(error.error)) return 'dead'
    if (error.error === 'invalid_client' || error.error === 'unauthorized_client') return 'registration'
    return LATER_ERRORS.has(error.error) ? 'later' : 'call'
  }
  if (error instanceof ProviderUnavailableError) return error.maybeProcessed ? 'unknown' : 'later'
  return isEvergrantError(error) ? 'unsent' : 'unknown'
}

/** The stable code under which a failure is noted and told. */
export function codeOf(error: unknown, meaning: Meaning): string {
  if (meaning === 'refused') return 'refused'
  if (error instanceof TokenRequestError && error.error !== undefined) return error.error
  return isEvergrantError(error) ? error.code : 'unexpected_error'
}
