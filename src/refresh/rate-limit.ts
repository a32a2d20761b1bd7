import type { Clock } from '../clock.ts'

/** How much one client's provider is asked at once, and per second. */
export interface Limits {
  readonly concurrency: number
  readonly perSecond: number | undefined
}

/** Lets work through up to so much at once and, evenly spaced, so often a second. */
export class RateLimit {
  readonly #limits: Limits
  readonly #clock: Required<Clock>
  readonly #waiting: (() => void)[] = []
  #running = 0
  #nextAt = 0

  constructor(limits: Limits, clock: Required<Clock>) {
    this.#limits = limits
    this.#clock = clock
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#limits.concurrency) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    else this.#running += 1
    try {
      await this.#pace()
      return await work()
    } finally {
      // A place is handed on, so that nobody slips in between.
      const next = this.#waiting.shift()
      if (next === undefined) this.#running -= 1
      else next()
    }
  }

  async #pace(): Promise<void> {
    const { perSecond } = this.#limits
    if (perSecond === undefined) return
    const now = this.#clock.monotonic()
    const at = Math.max(now, this.#nextAt)
    this.#nextAt = at + 1000 / perSecond
    if (at > now) await this.#clock.delay(at - now)
  }
}
