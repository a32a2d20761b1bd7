import { stopwatch, type Clock } from '../util/clock.ts'
import { ConfigError } from '../model/errors.ts'
import { jittered } from './failure.ts'
import { within, deferred } from '../util/async.ts'

const FIRST_DELAY_MS = 50
const LONGEST_DELAY_MS = 1000
/** How long callers wait for one write before they get the unsaved token. */
const PATIENCE_MS = 5000
/** A write that made no attempt for so long is not repeated any more: its host ended the work of the request that began it. */
const SILENT_MS = 30_000

/** One token on its way into the store. */
interface Saving {
  /** Since its last attempt. */
  silent: () => number
  resume: () => void
  readonly done: Promise<void>
}

/**
 * Repeats a write, unchanged, until its outcome is known. A token that was had must reach the store: in a strict server's eyes
 * it is the only live one.
 */
export class TokenSaver {
  readonly #clock: Required<Clock>
  readonly #onDelay: (attempts: number) => void
  readonly #saving = new Set<Saving>()

  constructor(clock: Required<Clock>, onDelay: (attempts: number) => void) {
    this.#clock = clock
    this.#onDelay = onDelay
  }

  /** Whether a token waits to be saved: nothing may be claimed or sent meanwhile. */
  get unsaved(): boolean {
    return this.#saving.size > 0
  }

  /** Goes on with what is not repeated any more. */
  resume(): void {
    for (const saving of this.#saving) if (saving.silent() > SILENT_MS) saving.resume()
  }

  /** Resolves when nothing is left to be saved. */
  async idle(): Promise<void> {
    while (this.unsaved) await Promise.all([...this.#saving].map(({ done }) => done))
  }

  /**
   * Writes, and returns what came of it if that is known soon; else `undefined`, while the write is repeated in the background
   * until it is known, when `onSaved` gets it.
   */
  async save<T>(write: () => Promise<T>, onSaved: (result: T) => Promise<void>): Promise<T | undefined> {
    // Set before the first wait, so that no flight slips in between.
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
