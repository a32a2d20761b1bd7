import { startTimer, stopwatch, type Clock } from '../util/clock.ts'
import { within } from '../util/async.ts'

const BEAT_MS = 1000
/** Silence of its timers after which work counts as ended by its host, with the request that started it. */
const SILENT_MS = 3000

interface Running<T> {
  readonly result: Promise<T>
  readonly age: () => number
  /** When its timer last ran (monotonic). */
  heardAt: number
  stop(): void
}

/**
 * Work that callers share, one at a time: a caller that arrives during the work joins it. Work that its host ended, or
 * that takes too long, is not joined.
 */
export class SharedWork<T> {
  readonly #clock: Required<Clock>
  readonly #mostMs: number
  #running: Running<T> | undefined

  constructor(clock: Required<Clock>, mostMs: number) {
    this.#clock = clock
    this.#mostMs = mostMs
  }

  get isRunning(): boolean {
    return this.#running !== undefined && this.#isAlive(this.#running)
  }

  /** The running work in any state. */
  get result(): Promise<T> | undefined {
    return this.#running?.result
  }

  /** Joins the running work, or starts it. The work may end early for new callers by calling `end`. */
  join(begin: (end: () => void) => Promise<T>): Promise<T> {
    return this.#join(begin).result
  }

  /** Joins or starts, and waits for at most `ms`: then undefined. Work that was ended by its host is started again. */
  async wait(begin: (end: () => void) => Promise<T>, ms: number): Promise<T | undefined> {
    const waited = stopwatch(this.#clock)
    let joined = this.#join(begin)
    for (let left = ms; left > 0; left = ms - waited()) {
      // A timer of its own, which its own host keeps running.
      const result = await within(joined.result, this.#clock, Math.min(left, BEAT_MS))
      if (result !== undefined) return result
      if (!this.#isAlive(joined)) joined = this.#join(begin)
    }
    return undefined
  }

  #join(begin: (end: () => void) => Promise<T>): Running<T> {
    if (this.#running !== undefined && this.#isAlive(this.#running)) return this.#running
    this.#running?.stop()
    let ended = false
    const made: { running?: Running<T> } = {}
    const end = (): void => {
      ended = true
      if (made.running !== undefined && this.#running === made.running) this.#running = undefined
    }
    const result: Promise<T> = begin(() => end()).finally(() => {
      made.running?.stop()
      end()
    })
    // Every waiting caller gets its failure. Without a caller, the failure must not end the process.
    result.catch(() => undefined)
    const running: Running<T> = {
      result,
      age: stopwatch(this.#clock),
      heardAt: this.#clock.monotonic(),
      stop: () => undefined,
    }
    made.running = running
    if (!ended) this.#running = running
    this.#beat(running)
    return running
  }

  #beat(running: Running<T>): void {
    running.stop = startTimer(
      this.#clock,
      BEAT_MS,
      () => {
        running.heardAt = this.#clock.monotonic()
        this.#beat(running)
      },
      { idle: true },
    )
  }

  #isAlive({ age, heardAt }: Running<T>): boolean {
    return age() < this.#mostMs && this.#clock.monotonic() - heardAt < SILENT_MS
  }
}
