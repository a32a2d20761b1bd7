import { TokenRequestError } from '../errors.ts'
import type { Secrets } from '../redact.ts'
import type { Attempt } from './credentials.ts'
import { plainText } from './normalise.ts'

/** The codes that decide what happens to a grant (RFC 6749 section 5.2, RFC 6750, RFC 7009, RFC 8707). */
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
  'temporarily_unavailable',
  'server_error',
  'slow_down',
])

/** Error codes that pass by themselves; without any code the cause is unknown, and may pass. */
const PASSING: ReadonlySet<string> = new Set(['temporarily_unavailable', 'server_error', 'slow_down'])

/** The error for an answer that refuses. */
export function refused(
  client: { readonly name: string },
  status: number,
  refusal: { readonly error?: string | undefined; readonly errorDescription?: string | undefined },
  secrets: Secrets,
  advice?: string,
): TokenRequestError {
  const { error, errorDescription } = refusal
  return new TokenRequestError(client.name, {
    status,
    // What a refusal means must not depend on what a secret happens to contain.
    ...(error === undefined ? {} : { error: REGISTERED.has(error) ? error : plainText(secrets.redact(error)) }),
    ...(errorDescription === undefined ? {} : { errorDescription: plainText(secrets.redact(errorDescription)) }),
    retryable: error === undefined || PASSING.has(error),
    ...(advice === undefined ? {} : { advice }),
  })
}

/** Runs an exchange; when it is refused with `invalid_client` and the client has another secret, once more with that, if it may be sent still. */
export async function withNextSecret<T>(
  attempt: Attempt,
  exchange: (attempt: Attempt) => Promise<T>,
  mayStillSend: () => boolean = () => true,
): Promise<T> {
  try {
    return await exchange(attempt)
  } catch (error) {
    if (attempt.next === undefined || !(error instanceof TokenRequestError) || error.error !== 'invalid_client')
      throw error
    const next = await attempt.next()
    // Making the authentication may have taken its time too.
    if (!mayStillSend()) throw error
    return exchange(next)
  }
}
