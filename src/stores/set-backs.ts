import { dueSince, NOISE_MS, withoutFuture } from './rules.ts'
import type { GrantRecord } from './store.ts'

/** How long a back-off or a reservation lasts at most: a provider may ask for an hour. */
export const LONGEST_HOLD_MS = 3_600_000

/**
 * Notices when the store's clock was set back. What was to be due soon, by the clock of before, is then due late: `due` finds grants by
 * moments that were written down.
 */
export class SetBacks {
  readonly #monotonic: () => number
  #last: { readonly now: number; readonly at: number } | undefined

  constructor(clock: { monotonic(): number }) {
    this.#monotonic = () => clock.monotonic()
  }

  /** By how much the clock was set back between the last time that it was looked at and `now`, for which it was asked at `askedAt`; 0: it was not. */
  noticed(askedAt: number, now: number): number {
    const last = this.#last
    this.#last = { now, at: this.#monotonic() }
    if (last === undefined) return 0
    const ms = last.now + (askedAt - last.at) - now
    return ms > NOISE_MS ? ms : 0
  }
}

/** Whether a grant may be due now and not be found: it was kept back by moments of another clock, or reserved by one. */
export function isOverdue(record: GrantRecord, now: number): boolean {
  return withoutFuture(record, now) !== record || (dueSince(record, now) ?? Number.POSITIVE_INFINITY) <= now
}
