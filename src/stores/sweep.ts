import { systemClock } from '../util/clock.ts'
import { CHANGES_KEPT_MS } from './changes.ts'

/** How often a process sweeps. */
const EVERY_MS = 60_000

/** Maximum number of rows of a kind that one sweep removes, so that it delays no operation. */
export const SWEEP_LIMIT = 500

/** A row is removed this much later than it says: a caller may still decide on it. */
export const LINGER_MS = 60_000

/** Says when rows and changes that ended are removed. */
export class Sweep {
  readonly #monotonic: () => number
  #at: number

  constructor(clock: { monotonic(): number } = systemClock) {
    this.#monotonic = () => clock.monotonic()
    this.#at = this.#monotonic()
  }

  /** Returns true once a minute. */
  isDue(): boolean {
    const now = this.#monotonic()
    if (now - this.#at < EVERY_MS) return false
    this.#at = now
    return true
  }
}

/** Rows whose `forgetAt` is before the first time may be removed, and changes before the second. */
export function endedBefore(now: number): { readonly forgetAt: number; readonly changesAt: number } {
  return { forgetAt: now - LINGER_MS, changesAt: now - CHANGES_KEPT_MS }
}
