import { dueSince, NOISE_MS, withoutFuture } from './rules.ts'
import type { GrantRecord } from './store.ts'

/** Longest back-off or reservation: a provider may ask for an hour. */
export const LONGEST_HOLD_MS = 3_600_000

/**
 * Notices when the store's clock was set back. Grants that were due soon by the earlier clock are then due late: `due`
 * finds grants by written times.
 */
export class SetBacks {
  readonly #monotonic: () => number
  #last: { readonly now: number; readonly at: number } | undefined

  constructor(clock: { monotonic(): number }) {
    this.#monotonic = () => clock.monotonic()
  }

  /**
   * Returns how far the clock was set back between its last check and `now`, which was requested at `askedAt`. 0: not
   * set back.
   */
  noticed(askedAt: number, now: number): number {
    const last = this.#last
    this.#last = { now, at: this.#monotonic() }
    if (last === undefined) return 0
    const ms = last.now + (askedAt - last.at) - now
    return ms > NOISE_MS ? ms : 0
  }
}

/** Whether a grant may be due now and not be found: times of another clock held it back or reserved it. */
export function isOverdue(record: GrantRecord, now: number): boolean {
  return withoutFuture(record, now) !== record || (dueSince(record, now) ?? Number.POSITIVE_INFINITY) <= now
}
