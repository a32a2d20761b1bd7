import type { Clock } from '../util/clock.ts'
import type { Token } from '../model/token.ts'
import { promised } from '../util/promised.ts'
import { within, deferred } from '../util/async.ts'

/** How long callers wait for the application's `onToken`. */
const PATIENCE_MS = 10_000
const FIRST_DELAY_MS = 50
const LONGEST_DELAY_MS = 1000

/**
 * Passes new tokens to the application, one after the other and the newest last. A call that rejects is repeated until
 * it succeeds or a newer token replaces it. A call that hangs is given up after ten seconds, so that it cannot stop the
 * grant.
 */
export class TokenUpdater {
  readonly #onToken: (token: Token) => void | Promise<void>
  readonly #clock: Required<Clock>
  readonly #onDelay: (attempts: number) => void
  #next: Token | undefined
  #running: Promise<void> | undefined
  #attempts = 0

  constructor(
    onToken: (token: Token) => void | Promise<void>,
    clock: Required<Clock>,
    onDelay: (attempts: number) => void,
  ) {
    this.#onToken = onToken
    this.#clock = clock
    this.#onDelay = onDelay
  }

  /** Whether the application has refused the current token so far. Nothing may be redeemed before it accepts it. */
  get unsaved(): boolean {
    return this.#attempts > 0
  }

  /** Resolves when the application has this token or a newer one, has refused it once, or has taken too long. */
  deliver(token: Token): Promise<void> {
    this.#next = token
    const first = deferred()
    this.#running = (this.#running ?? Promise.resolve()).then(() => this.#run(first.resolve))
    return first.promise
  }

  /** Resolves when nothing is left to be passed on. */
  async idle(): Promise<void> {
    while (this.#next !== undefined || this.unsaved) await this.#running
    await this.#running
  }

  async #run(firstDone: () => void): Promise<void> {
    while (this.#next !== undefined) {
      const token = this.#next
      this.#next = undefined
      try {
        await this.#call(token)
        this.#attempts = 0
        firstDone()
      } catch {
        this.#next ??= token
        this.#attempts += 1
        this.#onDelay(this.#attempts)
        firstDone()
        await this.#clock.delay(Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(this.#attempts - 1, 10)))
      }
    }
    firstDone()
  }

  async #call(token: Token): Promise<void> {
    await within(
      promised(() => this.#onToken(token)),
      this.#clock,
      PATIENCE_MS,
    )
  }
}
