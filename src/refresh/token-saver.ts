import { stopwatch, type Clock } from '../util/clock.ts'
import { ConfigError } from '../model/errors.ts'
import { jittered } from './failure.ts'
import { within, deferred } from '../util/async.ts'

const FIRST_DELAY_MS = 50
const LONGEST_DELAY_MS = 1000
/** How long callers wait for one write before they get the unsaved token. */
const PATIENCE_MS = 5000
/**
 * Time without an attempt after which a write is not repeated: its host ended the work of the request that started it.
 */
const SILENT_MS = 30_000

/** One token that is being saved. */
interface Saving {
  /** Time since its last attempt. */
  silent: () => number
  resume: () => void
  readonly done: Promise<void>
}

/**
 * Repeats a write, unchanged, until its outcome is known. A received token must reach the store: for a provider with
 * reuse detection it is the only valid one.
 */
export class TokenSaver {
  readonly #clock: Required<Clock>
  readonly #onDelay: (attempts: number) => void
  readonly #saving = new Set<Saving>()

  constructor(clock: Required<Clock>, onDelay: (attempts: number) => void) {
    this.#clock = clock
    this.#onDelay = onDelay
  }

  /** Whether a token waits to be saved. Until then, nothing may be claimed or sent. */
  get unsaved(): boolean {
    return this.#saving.size > 0
  }

  /** Continues writes that are no longer repeated. */
  resume(): void {
    for (const saving of this.#saving) if (saving.silent() > SILENT_MS) saving.resume()
  }

  /** Resolves when nothing is left to be saved. */
  async idle(): Promise<void> {
    while (this.unsaved) await Promise.all([...this.#saving].map(({ done }) => done))
  }

  /**
   * Writes, and returns the result if it is known soon. Otherwise returns `undefined` and repeats the write in the
   * background until the result is known, for `onSaved`.
   */
  async save<T>(write: () => Promise<T>, onSaved: (result: T) => Promise<void>): Promise<T | undefined> {
    // Set before the first wait, so that no flight starts in between.
    const { promise, resolve } = deferred()
    const saving: Saving = {
      silent: stopwatch(this.#clock),
      resume: () => void this.#repeat(saving, write(), write, onSaved).then(finish),
      done: promise,
    }
    this.#saving.add(saving)
    const finish = (): void => {
      this.#saving.delete(saving)
      resolve()
    }
    const first = write()
    const outcome = first.then(
      (value) => ({ value }),
      () => undefined,
    )
    const result = await within(outcome, this.#clock, PATIENCE_MS)
    if (result !== undefined) {
      finish()
      return result.value
    }
    void this.#repeat(saving, first, write, onSaved).then(finish)
    return undefined
  }

  async #repeat<T>(
    saving: Saving,
    first: Promise<T>,
    write: () => Promise<T>,
    onSaved: (result: T) => Promise<void>,
  ): Promise<void> {
    let attempt: Promise<T> = first
    for (let attempts = 1; ; attempts += 1) {
      saving.silent = stopwatch(this.#clock)
      this.#onDelay(attempts)
      try {
        await onSaved(await attempt)
        return
      } catch (error) {
        // It will never be saved: the store refuses what it would have to write.
        if (error instanceof ConfigError) return
        await this.#clock.delay(
          jittered(Math.min(LONGEST_DELAY_MS / 1.2, FIRST_DELAY_MS * 2 ** Math.min(attempts - 1, 10))),
        )
      }
      attempt = write()
    }
  }
}
