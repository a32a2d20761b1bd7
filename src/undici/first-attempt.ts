import type { AccessToken } from '../token.ts'
import type { DispatchController, DispatchHandler } from './dispatcher.ts'
import { redirectedElsewhere, type Repeater, type SentRequest } from './repeater.ts'
import { WithheldAnswer } from './withheld-answer.ts'

/** Handles the first attempt of a request: whatever is not a 401 goes straight to the caller's handler. */
export class FirstAttempt implements DispatchHandler {
  readonly #handler: DispatchHandler
  readonly #repeater: Repeater
  readonly #request: SentRequest
  readonly #token: AccessToken
  #context: unknown
  #answer: WithheldAnswer | undefined

  constructor(handler: DispatchHandler, repeater: Repeater, request: SentRequest, token: AccessToken) {
    this.#handler = handler
    this.#repeater = repeater
    this.#request = request
    this.#token = token
  }

  onRequestStart(controller: DispatchController, context: unknown): void {
    this.#context = context
    this.#handler.onRequestStart?.(controller, context)
  }

  onRequestUpgrade(controller: DispatchController, status: number, headers: object, socket: unknown): void {
    this.#handler.onRequestUpgrade?.(controller, status, headers, socket)
  }

  onResponseStart(controller: DispatchController, status: number, headers: object, statusText?: string): void {
    const handler = this.#handler
    if (status !== 401 || redirectedElsewhere(this.#request, this.#context)) {
      handler.onResponseStart?.(controller, status, headers, statusText)
      return
    }
    this.#answer = new WithheldAnswer(controller, handler)
    this.#answer.pass(() => handler.onResponseStart?.(controller, status, headers, statusText))
    void this.#repeater.repeat(this.#request, this.#token, this.#answer, handler)
  }

  onResponseData(controller: DispatchController, chunk: Uint8Array): void {
    const tell = (): void => this.#handler.onResponseData?.(controller, chunk)
    if (this.#answer === undefined) tell()
    else if (this.#answer.data(chunk, tell) === false) controller.pause()
  }

  onResponseEnd(controller: DispatchController, trailers: object): void {
    if (this.#answer === undefined) this.#handler.onResponseEnd?.(controller, trailers)
    else this.#answer.end(() => this.#handler.onResponseEnd?.(controller, trailers))
  }

  onResponseError(controller: DispatchController | null, error: Error): void {
    if (this.#answer === undefined) this.#handler.onResponseError?.(controller, error)
    else this.#answer.end(() => this.#handler.onResponseError?.(controller, error))
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
