import { TokenRequestError } from '../../model/errors.ts'
import { OAUTH_ERRORS, type RefusalMeaning } from '../../model/oauth-errors.ts'
import type { Secrets } from '../../util/redact.ts'
import type { Attempt } from '../authentication.ts'
import { plainText } from './token-answer.ts'

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
  const registered = error === undefined ? undefined : OAUTH_ERRORS.get(error)
  const meaning = means ?? registered?.means
  const passes = meaning === 'later' || (means === undefined && error === undefined)
  return new TokenRequestError(client.name, {
    status,
    // What a refusal means must not depend on what a secret happens to contain.
    ...(error === undefined ? {} : { error: registered !== undefined ? error : plainText(secrets.redact(error)) }),
    ...(errorDescription === undefined ? {} : { errorDescription: plainText(secrets.redact(errorDescription)) }),
    // Waiting does not help if the grant has ended or the registration is wrong, even with a `Retry-After`.
    retryable:
      passes || (retryAfterMs !== undefined && means === undefined && meaning !== 'dead' && meaning !== 'registration'),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(means === undefined ? {} : { means }),
    ...(advice === undefined ? {} : { advice }),
  })
}

/** Whether another secret of the client may fix the refusal. */
function isOfRegistration({ error, means }: TokenRequestError): boolean {
  return (means ?? OAUTH_ERRORS.get(error ?? '')?.means) === 'registration'
}

/**
 * Runs an exchange. If the client is rejected and has another secret, runs it again with that, if it may still be
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
