import { ProviderUnavailableError, TokenRequestError, TokenResponseError, isEvergrantError } from '../model/errors.ts'
import { OAUTH_ERRORS, type RefusalMeaning } from '../model/oauth-errors.ts'
import type { Token } from '../model/token.ts'
import type { Failures } from '../stores/store.ts'

/**
 * What a failed redemption means for the grant:
 * `dead`: maybe dead. `registration`: the client is wrong, no grant is touched. `request`: the request is wrong, the grant lives.
 * `later`: not consumed, come back. `refused`: refused, cause unknown. `unknown`: the refresh token may have been consumed.
 * `captured`: the answer can't be used, but it brought a new refresh token. `identity_changed`: it names another user.
 * `unsent`: something of ours failed before anything was sent.
 */
export type Meaning = RefusalMeaning | 'refused' | 'unknown' | 'captured' | 'identity_changed' | 'unsent'

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
    if (error.means !== undefined) return error.means
    if (error.error === undefined) return 'refused'
    if (deadGrantErrors.includes(error.error)) return 'dead'
    // Servers may rotate before they look at what no specification lets them refuse.
    return OAUTH_ERRORS.get(error.error)?.means ?? 'unknown'
  }
  if (error instanceof ProviderUnavailableError) return error.maybeProcessed ? 'unknown' : 'later'
  return isEvergrantError(error) ? 'unsent' : 'unknown'
}

/** Whether a complete answer came: then nothing is under way any more, however little it says. */
export function isComplete(error: unknown): boolean {
  return error instanceof TokenResponseError || error instanceof TokenRequestError
}

/** Whether the provider refuses because it wants the user for something. */
export function wantsUser(error: unknown): boolean {
  return error instanceof TokenRequestError && OAUTH_ERRORS.get(error.error ?? '')?.wantsUser === true
}

/** When the provider said that the next attempt may be made. */
export function retryAfterOf(error: unknown): number | undefined {
  return error instanceof ProviderUnavailableError || error instanceof TokenRequestError
    ? error.retryAfterMs
    : undefined
}

/** The stable code under which a failure is noted and told. */
export function codeOf(error: unknown, meaning: Meaning): string {
  if (meaning === 'refused') return 'refused'
  if (error instanceof TokenRequestError && error.error !== undefined) return error.error
  return isEvergrantError(error) ? error.code : 'unexpected_error'
}

const FIRST_DELAY_MS = 1000
const LONGEST_DELAY_MS = 300_000
const LONGEST_RETRY_AFTER_MS = 3_600_000
const JITTER = 0.2

/** A grant that was refused this often over this long, without a readable error, is given up. */
const REFUSALS = 10
const REFUSED_FOR_MS = 24 * 3_600_000

/** `ms` give or take a share, so that processes don't come back together. */
export function jittered(ms: number, share: number = JITTER): number {
  return Math.round(ms * (1 - share + 2 * share * Math.random()))
}

/**
 * What is noted after one more failure: 1 s of back-off, doubled to 5 min, give or take 20 %, or the provider's own
 * `Retry-After`, up to an hour. `now` is the store's time. The count starts again when the code changes; the delay goes on.
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

/** Whether refusals without a readable error have gone on for too long. */
export function refusedTooLong(failures: Failures): boolean {
  return (
    failures.code === 'refused' && failures.count >= REFUSALS && failures.lastAt - failures.firstAt >= REFUSED_FOR_MS
  )
}
