import type { Clock } from '../util/clock.ts'
import { ProviderUnavailableError } from '../model/errors.ts'
import type { Provider } from '../model/provider.ts'
import type { Secrets } from '../util/redact.ts'
import type { Credentials } from './credentials.ts'
import { withDeadline } from './http/deadline.ts'
import type { ServerDirectory } from './discovery.ts'
import type { HttpContext } from './http/send.ts'
import type { JudgeRefusal } from './answers/refusal-rules.ts'

/** A client's checked options and what was made of them. Every operation of the client starts from it. */
export interface ClientContext extends HttpContext {
  readonly clientId: string
  /** For resources. */
  readonly fetch: typeof globalThis.fetch
  readonly provider: Provider
  /** Judges what refusals mean by the provider's data. */
  readonly judgeRefusal: JudgeRefusal
  readonly clock: Required<Clock>
  readonly timeoutMs: number
  readonly redirectUri: string | undefined
  readonly scope: readonly string[] | undefined
  /** Whether logins request a refresh token. */
  readonly offline: boolean
  /** Tolerance for the clock that signs ID tokens. */
  readonly clockToleranceMs: number
  readonly secrets: Secrets
  readonly directory: ServerDirectory
  readonly credentials: Credentials
}

/**
 * Returns the same client under another name, which errors and logs then use. What is known and remembered is shared.
 */
export function named(context: ClientContext, name: string): ClientContext {
  return {
    ...context,
    name,
    insecure: { ...context.insecure, name },
    directory: context.directory.named(name),
    credentials: { ...context.credentials, client: { ...context.credentials.client, name } },
  }
}

/** Runs a request under the client's deadline and the caller's signal. */
export function withinTimeout<T>(
  context: ClientContext,
  purpose: string,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  return withDeadline(
    context.clock,
    context.timeoutMs,
    signal,
    () =>
      new ProviderUnavailableError(
        `The ${purpose} of client '${context.name}' had no response within ${context.timeoutMs} ms. It may have been processed. Try again later, or raise timeoutMs.`,
        { maybeProcessed: true },
      ),
    work,
  )
}
