import type { DispatchController, DispatchHandler } from './dispatcher.ts'
import { HeldAnswer, holdError } from './held-answer.ts'
import { refusalIn, refusalInError, type Sending } from './judging.ts'

/**
 * Handles the first attempt of a request: everything that is not a refusal of its token is passed to the caller's
 * handler.
 */
export class FirstAttempt implements DispatchHandler {
  readonly #sending: Sending
  #context: unknown
  #answer: HeldAnswer | undefined

  constructor(sending: Sending) {
    this.#sending = sending
  }

  onRequestStart(controller: DispatchController, context: unknown): void {
    this.#context = context
    this.#sending.handler.onRequestStart?.(controller, context)
  }

  onRequestUpgrade(controller: DispatchController, status: number, headers: object, socket: unknown): void {
    this.#sending.handler.onRequestUpgrade?.(controller, status, headers, socket)
  }

  onResponseStart(controller: DispatchController, status: number, headers: object, statusText?: string): void {
    const { handler } = this.#sending
    const refusal = refusalIn(this.#sending, this.#context, status, headers)
    if (refusal === false) {
      handler.onResponseStart?.(controller, status, headers, statusText)
      return
    }
    const head = (): void => handler.onResponseStart?.(controller, status, headers, statusText)
    this.#answer = new HeldAnswer(this.#sending, controller, head, refusal, headers)
  }

  onResponseData(controller: DispatchController, chunk: Uint8Array): void {
    const tell = (): void => this.#sending.handler.onResponseData?.(controller, chunk)
    if (this.#answer === undefined) tell()
    else if (this.#answer.data(chunk, tell) === false) controller.pause()
  }

  onResponseEnd(controller: DispatchController, trailers: object): void {
    const tell = (): void => this.#sending.handler.onResponseEnd?.(controller, trailers)
    if (this.#answer === undefined) tell()
    else this.#answer.end(tell)
  }

  onResponseError(controller: DispatchController | null, error: Error): void {
    const tell = (): void => this.#sending.handler.onResponseError?.(controller, error)
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
