import { canBeSentAgain } from '../fetch/own-body.ts'
import { bearer, tokenAfterRefusal } from '../fetch/resource-request.ts'
import type { TokenSource } from '../model/token-source.ts'
import type { AccessToken } from '../model/token.ts'
import { fail, type Dispatch, type DispatchHandler, type DispatchOptions } from './dispatcher.ts'
import { replaceAuthorization, type RequestHeaders } from './request-headers.ts'
import type { WithheldAnswer } from './withheld-answer.ts'

/** A request as it is sent: the library's own copy. */
export interface SentRequest extends DispatchOptions {
  readonly headers: RequestHeaders
}

/** Repeats requests whose token was refused. */
export class Repeater {
  readonly #dispatch: Dispatch
  readonly #source: TokenSource

  constructor(dispatch: Dispatch, source: TokenSource) {
    this.#dispatch = dispatch
    this.#source = source
  }

  /** Asks for another token, then repeats the request or passes the response on. */
  async repeat(
    request: SentRequest,
    refused: AccessToken,
    answer: WithheldAnswer,
    handler: DispatchHandler,
  ): Promise<void> {
    const waiting = { repeatable: canBeSentAgain(request.body), signal: abortSignalOf(request) }
    try {
      const next = await tokenAfterRefusal(this.#source, refused, waiting)
      if (next === undefined) {
        answer.release()
        return
      }
      answer.drop()
      this.#dispatch({ ...request, headers: replaceAuthorization(request.headers, bearer(next)) }, handler)
    } catch (error) {
      answer.drop()
      fail(handler, error)
    }
  }
}

/** The request's signal, of any realm. Undici also accepts event emitters, which nothing else can wait with. */
export function abortSignalOf({ signal }: DispatchOptions): AbortSignal | undefined {
  const { aborted, addEventListener } = (signal ?? {}) as Partial<AbortSignal>
  return typeof aborted === 'boolean' && typeof addEventListener === 'function' ? (signal as AbortSignal) : undefined
}

/**
 * Whether a redirect, followed by an interceptor closer to the connection, led through another origin. The token was
 * not sent there, and a refusal says nothing about it.
 */
export function redirectedElsewhere(request: SentRequest, context: unknown): boolean {
  const history = (context as { readonly history?: readonly URL[] } | null | undefined)?.history
  if (history === undefined || history.length === 0) return false
  const { origin } = new URL(String(request.origin))
  // On the way back the token is not added again.
  return history.some((hop) => hop.origin !== origin)
}
