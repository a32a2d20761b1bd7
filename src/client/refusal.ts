import { TokenRequestError } from '../errors.ts'
import type { Secrets } from '../redact.ts'
import type { Attempt } from './credentials.ts'

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
    ...(error === undefined ? {} : { error: secrets.redact(error) }),
    ...(errorDescription === undefined ? {} : { errorDescription: secrets.redact(errorDescription) }),
    retryable: error === undefined || PASSING.has(error),
    ...(advice === undefined ? {} : { advice }),
  })
}

/** Runs an exchange; when it is refused with `invalid_client` and the client has another secret, once more with that. */
export async function withNextSecret<T>(attempt: Attempt, exchange: (attempt: Attempt) => Promise<T>): Promise<T> {
  try {
    return await exchange(attempt)
  } catch (error) {
    if (attempt.next === undefined || !(error instanceof TokenRequestError) || error.error !== 'invalid_client')
      throw error
    return exchange(await attempt.next())
  }
}
