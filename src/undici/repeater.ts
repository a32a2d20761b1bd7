import { bearer, canBeSentAgain, tokenAfter401 } from '../resource-request.ts'
import type { TokenSource } from '../token-source.ts'
import type { AccessToken } from '../token.ts'
import { fail, type Dispatch, type DispatchHandler, type DispatchOptions } from './dispatcher.ts'
import { replaceAuthorization, type RequestHeaders } from './request-headers.ts'
import type { WithheldAnswer } from './withheld-answer.ts'

/** A request as it is sent: the library's own copy. */
export interface SentRequest extends DispatchOptions {
  readonly headers: RequestHeaders
}

/** Sends requests once more that were answered 401. */
export class Repeater {
  readonly #dispatch: Dispatch
  readonly #source: TokenSource

  constructor(dispatch: Dispatch, source: TokenSource) {
    this.#dispatch = dispatch
    this.#source = source
  }

  /** Asks for another token, and then sends the request again or lets the answer stand. */
  async repeat(
    request: SentRequest,
    refused: AccessToken,
    answer: WithheldAnswer,
    handler: DispatchHandler,
  ): Promise<void> {
    const waiting = { repeatable: canBeSentAgain(request.body), signal: abortSignalOf(request) }
    try {
      const next = await tokenAfter401(this.#source, refused, waiting)
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

/** The request's signal; undici also takes event emitters, which nothing else can wait with. */
export function abortSignalOf({ signal }: DispatchOptions): AbortSignal | undefined {
  return signal instanceof AbortSignal ? signal : undefined
}

/**
 * Whether a redirect, followed by an interceptor closer to the connection, led to another origin: the token was not sent there, and a 401 says
 * nothing about it.
 */
export function redirectedElsewhere(request: SentRequest, context: unknown): boolean {
  const history = (context as { readonly history?: readonly URL[] } | null | undefined)?.history
  const last = history?.at(-1)
  return last !== undefined && last.origin !== new URL(String(request.origin)).origin
}
