import { fail, type DispatchHandler } from './dispatcher.ts'

/** The connection on which a response arrives. */
export interface AnswerStream {
  resume(): void
  abort(reason: Error): void
}

/** Number of bytes of a response that are withheld before its connection is paused. */
const MOST_BYTES = 65_536

/**
 * A response that its caller does not get before it is known whether the request is repeated. Its events wait here. Its
 * connection is not paused at once: not every dispatcher can be, and undici 7 fails an assertion when the server closes
 * a paused one.
 */
export class WithheldAnswer {
  readonly #stream: AnswerStream
  readonly #handler: DispatchHandler
  readonly #waiting: (() => boolean | void)[] = []
  #state: 'waiting' | 'released' | 'dropped' = 'waiting'
  #bytes = 0
  #ended = false

  constructor(stream: AnswerStream, handler: DispatchHandler) {
    this.#stream = stream
    this.#handler = handler
  }

  /** Passes an event on, now or later or never. */
  pass(event: () => boolean | void): boolean | void {
    if (this.#state === 'released') return event()
    if (this.#state === 'waiting') this.#waiting.push(event)
  }

  /** The same for a part of the body. Returns false if the connection is to pause. */
  data(chunk: Uint8Array, event: () => boolean | void): boolean | void {
    if (this.#state !== 'waiting') return this.pass(event)
    this.#waiting.push(event)
    this.#bytes += chunk.byteLength
    return this.#bytes <= MOST_BYTES
  }

  /** The same for the last event. */
  end(event: () => void): void {
    this.#ended = true
    this.pass(event)
  }

  /** Passes the response to its caller. Returns false if its handler asks for a pause. */
  release(): boolean | void {
    this.#state = 'released'
    try {
      const paused = this.#waiting
        .splice(0)
        .map((event) => event())
        .includes(false)
      if (paused) return false
      if (!this.#ended) this.#stream.resume()
    } catch (error) {
      // As undici itself handles a handler that throws.
      if (this.#ended) fail(this.#handler, error)
      else this.#stream.abort(error as Error)
    }
  }

  /** Discards the response. */
  drop(): void {
    this.#state = 'dropped'
    // A response that has arrived leaves its connection to others. Waiting for the rest takes too long.
    if (!this.#ended) this.#stream.abort(new Error('The response is not needed: the request is sent again.'))
  }
}
