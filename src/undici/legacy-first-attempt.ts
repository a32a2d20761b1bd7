import type { AccessToken } from '../token.ts'
import type { DispatchHandler } from './dispatcher.ts'
import { redirectedElsewhere, type Repeater, type SentRequest } from './repeater.ts'
import { WithheldAnswer } from './withheld-answer.ts'

/**
 * `FirstAttempt` for handlers of the older kind: `undici.request` of version 7 has such a one, and everything newer between it and the connection has
 * every answer's headers converted forth and back, which costs more than all the rest of the interceptor.
 */
export class LegacyFirstAttempt implements DispatchHandler {
  readonly #handler: DispatchHandler
  readonly #repeater: Repeater
  readonly #request: SentRequest
  readonly #token: AccessToken
  #abort: ((reason?: Error) => void) | undefined
  #context: unknown
  #answer: WithheldAnswer | undefined

  constructor(handler: DispatchHandler, repeater: Repeater, request: SentRequest, token: AccessToken) {
    this.#handler = handler
    this.#repeater = repeater
    this.#request = request
    this.#token = token
  }

  onConnect(abort: (reason?: Error) => void, context?: unknown): void {
    this.#abort = abort
    this.#context = context
    this.#handler.onConnect?.(abort, context)
  }

  onUpgrade(status: number, headers: unknown, socket: unknown): void {
    this.#handler.onUpgrade?.(status, headers, socket)
  }

  onHeaders(status: number, headers: unknown, resume: () => void, statusText: string): boolean | void {
    const handler = this.#handler
    if (status !== 401 || redirectedElsewhere(this.#request, this.#context)) {
      return handler.onHeaders?.(status, headers, resume, statusText)
    }
    const stream = { resume, abort: (reason: Error) => this.#abort?.(reason) }
    this.#answer = new WithheldAnswer(stream, handler)
    this.#answer.pass(() => handler.onHeaders?.(status, headers, resume, statusText))
    void this.#repeater.repeat(this.#request, this.#token, this.#answer, handler)
    return true
  }

  onData(chunk: Uint8Array): boolean | void {
    if (this.#answer === undefined) return this.#handler.onData?.(chunk)
    return this.#answer.data(chunk, () => this.#handler.onData?.(chunk))
  }

  onComplete(trailers: unknown): void {
    if (this.#answer === undefined) this.#handler.onComplete?.(trailers)
    else this.#answer.end(() => this.#handler.onComplete?.(trailers))
  }

  onError(error: Error): void {
    if (this.#answer === undefined) this.#handler.onError?.(error)
    else this.#answer.end(() => this.#handler.onError?.(error))
  }

  onResponseStarted(): void {
    this.#handler.onResponseStarted?.()
  }

  onBodySent(chunk: unknown, total?: unknown): void {
    this.#handler.onBodySent?.(chunk, total)
  }

  onRequestSent(): void {
    this.#handler.onRequestSent?.()
  }
}
