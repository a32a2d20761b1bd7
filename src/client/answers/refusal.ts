import { TokenRequestError } from '../../model/errors.ts'
import type { Secrets } from '../../util/redact.ts'
import type { Attempt } from '../authentication.ts'
import { plainText } from './token-answer.ts'
import type { RefusalMeaning } from './refusal-rules.ts'

/**
 * The codes that decide what happens to a grant (RFC 6749 section 5.2, RFC 6750, RFC 7009, RFC 8707, RFC 9396, RFC
 * 9449, OpenID Connect Core section 3.1.2.6).
 */
const REGISTERED: ReadonlySet<string> = new Set([
  'invalid_request',
  'invalid_client',
  'invalid_grant',
  'unauthorized_client',
  'unsupported_grant_type',
  'invalid_scope',
  'invalid_token',
  'insufficient_scope',
  'unsupported_token_type',
  'invalid_target',
  'invalid_authorization_details',
  'invalid_dpop_proof',
  'use_dpop_nonce',
  'interaction_required',
  'login_required',
  'consent_required',
  'temporarily_unavailable',
  'server_error',
  'slow_down',
])

/** Error codes of temporary failures. Without any code the cause is unknown, and may be temporary. */
const PASSING: ReadonlySet<string> = new Set(['temporarily_unavailable', 'server_error', 'slow_down'])

/** Error codes that no waiting fixes, whatever `Retry-After` says. */
const NEVER_AGAIN: ReadonlySet<string> = new Set([
  'invalid_grant',
  'invalid_client',
  'unauthorized_client',
  'interaction_required',
  'login_required',
  'consent_required',
])

/** An `invalid_grant` of a provider that is still processing another request for the same refresh token. */
const STILL_PROCESSING = /\b(being processed|(still|currently|is) processing|in progress|under ?way)\b/i

/** The parts of a refusal that are read. */
interface RefusalAnswer {
  readonly error?: string | undefined
  readonly errorDescription?: string | undefined
  readonly means?: RefusalMeaning | undefined
  /** The response's `Retry-After`. */
  readonly retryAfterMs?: number | undefined
}

/** Makes the error for a response that refuses. */
export function refused(
  client: { readonly name: string },
  status: number,
  refusal: RefusalAnswer,
  secrets: Secrets,
  advice?: string,
): TokenRequestError {
  const { error, errorDescription, retryAfterMs } = refusal
  const busy = error === 'invalid_grant' && errorDescription !== undefined && STILL_PROCESSING.test(errorDescription)
  const means = refusal.means ?? (busy ? 'later' : undefined)
  const passes = means === undefined ? error === undefined || PASSING.has(error) : means === 'later'
  return new TokenRequestError(client.name, {
    status,
    // What a refusal means must not depend on what a secret happens to contain.
    ...(error === undefined ? {} : { error: REGISTERED.has(error) ? error : plainText(secrets.redact(error)) }),
    ...(errorDescription === undefined ? {} : { errorDescription: plainText(secrets.redact(errorDescription)) }),
    retryable: passes || (retryAfterMs !== undefined && means === undefined && !NEVER_AGAIN.has(error ?? '')),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(means === undefined ? {} : { means }),
    ...(advice === undefined ? {} : { advice }),
  })
}

/** Whether another secret of the client may fix the refusal. */
function isOfRegistration({ error, means }: TokenRequestError): boolean {
  if (means !== undefined) return means === 'registration'
  return error === 'invalid_client' || error === 'unauthorized_client'
}

/**
 * Runs an exchange. If the client is refused and has another secret, runs it once more with that, if it may still be
 * sent.
 */
export async function withNextSecret<T>(
  attempt: Attempt,
  exchange: (attempt: Attempt) => Promise<T>,
  mayStillSend: () => boolean = () => true,
): Promise<T> {
  try {
    return await exchange(attempt)
  } catch (error) {
    if (attempt.next === undefined || !(error instanceof TokenRequestError) || !isOfRegistration(error)) throw error
    const next = await attempt.next()
    // Making the authentication may have taken its time too.
    if (!mayStillSend()) throw error
    return exchange(next)
  }
}
