import { ProviderUnavailableError, TokenRequestError, TokenResponseError, isEvergrantError } from '../model/errors.ts'
import { OAUTH_ERRORS, type RefusalMeaning } from '../model/oauth-errors.ts'
import type { Token } from '../model/token.ts'
import type { Failures } from '../stores/store.ts'

/**
 * What a failed redemption means for the grant:
 * - `dead`: the grant may have ended
 * - `registration`: the client is wrong; no grant is changed
 * - `request`: the request is wrong; the grant is kept
 * - `later`: the refresh token was not used; retry later
 * - `refused`: refused for an unknown cause
 * - `unknown`: the refresh token may have been used
 * - `captured`: the response cannot be used, but contained a new refresh token
 * - `identity_changed`: the response names another user
 * - `unsent`: something failed here before anything was sent
 */
export type Meaning = RefusalMeaning | 'refused' | 'unknown' | 'captured' | 'identity_changed' | 'unsent'

/** The tokens of an unusable response. */
export function capturedToken(error: unknown): Token | undefined {
  return error instanceof TokenResponseError ? error.token : undefined
}

/** Reads the meaning of a token endpoint's error. */
export function meaningOf(error: unknown, redeemed: Token | undefined, deadGrantErrors: readonly string[]): Meaning {
  if (error instanceof TokenResponseError) {
    if (error.problem === 'identity_changed') return 'identity_changed'
    const captured = error.token?.refreshToken
    return captured !== undefined && captured !== redeemed?.refreshToken ? 'captured' : 'unknown'
  }
  if (error instanceof TokenRequestError) {
    if (error.means !== undefined) return error.means
    if (error.error === undefined) return 'refused'
    if (deadGrantErrors.includes(error.error)) return 'dead'
    // Servers may rotate before they check what no specification lets them refuse.
    return OAUTH_ERRORS.get(error.error)?.means ?? 'unknown'
  }
  if (error instanceof ProviderUnavailableError) return error.maybeProcessed ? 'unknown' : 'later'
  return isEvergrantError(error) ? 'unsent' : 'unknown'
}

/** Whether a complete response arrived. Then no request is in flight, however little the response says. */
export function isComplete(error: unknown): boolean {
  return error instanceof TokenResponseError || error instanceof TokenRequestError
}

/** Whether the provider refuses because it requires the user. */
export function wantsUser(error: unknown): boolean {
  return error instanceof TokenRequestError && OAUTH_ERRORS.get(error.error ?? '')?.wantsUser === true
}

/** Delay that the provider asked for before the next attempt, in ms. */
export function retryAfterOf(error: unknown): number | undefined {
  return error instanceof ProviderUnavailableError || error instanceof TokenRequestError
    ? error.retryAfterMs
    : undefined
}

/** The stable code under which a failure is stored and reported. */
export function codeOf(error: unknown, meaning: Meaning): string {
  if (meaning === 'refused') return 'refused'
  if (error instanceof TokenRequestError && error.error !== undefined) return error.error
  return isEvergrantError(error) ? error.code : 'unexpected_error'
}

const FIRST_DELAY_MS = 1000
const LONGEST_DELAY_MS = 300_000
const LONGEST_RETRY_AFTER_MS = 3_600_000
const JITTER = 0.2

/** Number of refusals without a readable error, over at least `REFUSED_FOR_MS`, after which the grant is given up. */
const REFUSALS = 10
const REFUSED_FOR_MS = 24 * 3_600_000

/** Varies `ms` by a share, so that processes do not retry together. */
export function jittered(ms: number, share: number = JITTER): number {
  return Math.round(ms * (1 - share + 2 * share * Math.random()))
}

/**
 * The failure to store after one more failed attempt. The back-off is 1 s, doubled up to 5 min, ±20 %, or the
 * provider's `Retry-After` up to an hour. `now` is the store's time. A different code restarts the count but not the
 * delay.
 */
export function nextFailures(
  previous: Failures | undefined,
  failure: { code: string; now: number; retryAfterMs?: number | undefined },
): Failures {
  const { code, now, retryAfterMs } = failure
  const repeated = previous?.code === code
  const lastDelay = previous === undefined || previous.mandatory ? 0 : previous.notBefore - previous.lastAt
  const delay = jittered(Math.min(LONGEST_DELAY_MS, Math.max(FIRST_DELAY_MS, lastDelay * 2)))
  const asked = retryAfterMs === undefined ? 0 : Math.min(LONGEST_RETRY_AFTER_MS, retryAfterMs)
  return {
    code,
    count: repeated ? previous.count + 1 : 1,
    firstAt: repeated ? previous.firstAt : now,
    lastAt: now,
    notBefore: now + Math.max(delay, asked),
    mandatory: asked > 0,
  }
}

/** Whether refusals without a readable error have lasted too long. */
export function refusedTooLong(failures: Failures): boolean {
  return (
    failures.code === 'refused' && failures.count >= REFUSALS && failures.lastAt - failures.firstAt >= REFUSED_FOR_MS
  )
}
