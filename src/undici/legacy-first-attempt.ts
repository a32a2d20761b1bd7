import type { DispatchHandler } from './dispatcher.ts'
import { HeldAnswer, holdError } from './held-answer.ts'
import { refusalIn, refusalInError, type Sending } from './judging.ts'

/**
 * `FirstAttempt` for handlers of the older kind, which `undici.request` of version 7 uses. A newer handler between it
 * and the connection has every response's headers converted twice, which costs more than all the rest of the
 * interceptor.
 */
export class LegacyFirstAttempt implements DispatchHandler {
  readonly #sending: Sending
  #abort: ((reason?: Error) => void) | undefined
  #context: unknown
  #answer: HeldAnswer | undefined

  constructor(sending: Sending) {
    this.#sending = sending
  }

  onConnect(abort: (reason?: Error) => void, context?: unknown): void {
    this.#abort = abort
    this.#context = context
    this.#sending.handler.onConnect?.(abort, context)
  }

  onUpgrade(status: number, headers: unknown, socket: unknown): void {
    this.#sending.handler.onUpgrade?.(status, headers, socket)
  }

  onHeaders(status: number, headers: unknown, resume: () => void, statusText: string): boolean | void {
    const { handler } = this.#sending
    const refusal = refusalIn(this.#sending, this.#context, status, headers)
    if (refusal === false) return handler.onHeaders?.(status, headers, resume, statusText)
    const stream = { resume, abort: (reason: Error) => this.#abort?.(reason) }
    const head = (): boolean | void => handler.onHeaders?.(status, headers, resume, statusText)
    this.#answer = new HeldAnswer(this.#sending, stream, head, refusal, headers)
    return true
  }

  onData(chunk: Uint8Array): boolean | void {
    const { handler } = this.#sending
    if (this.#answer === undefined) return handler.onData?.(chunk)
    return this.#answer.data(chunk, () => handler.onData?.(chunk))
  }

  onComplete(trailers: unknown): void {
    const tell = (): void => this.#sending.handler.onComplete?.(trailers)
    if (this.#answer === undefined) tell()
    else this.#answer.end(tell)
  }

  onError(error: Error): void {
    const tell = (): void => this.#sending.handler.onError?.(error)
    if (this.#answer !== undefined) this.#answer.end(tell)
    else if (refusalInError(this.#sending, this.#context, error)) holdError(this.#sending, tell)
    else tell()
  }

  onResponseStarted(): void {
    this.#sending.handler.onResponseStarted?.()
  }

  onBodySent(chunk: unknown, total?: unknown): void {
    this.#sending.handler.onBodySent?.(chunk, total)
  }

  onRequestSent(): void {
    this.#sending.handler.onRequestSent?.()
  }
}
