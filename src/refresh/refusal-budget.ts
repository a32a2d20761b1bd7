import { stopwatch, type Clock } from '../util/clock.ts'
import type { Token } from '../model/token.ts'
import type { Want } from './freshness.ts'
import type { CachedGrant } from './cached-grant.ts'
import { youngMs } from './policy.ts'

const SHORTEST_PAUSE_MS = 1000

/**
 * Limits how often refusals of resources may cause a refresh: an API that refuses every token must not cause one per
 * call.
 */
export class RefusalBudget {
  readonly #clock: Required<Clock>
  #spent: { readonly since: () => number; readonly pauseMs: number } | undefined

  constructor(clock: Required<Clock>) {
    this.#clock = clock
  }

  /** Returns the requirement without the refusal if that may not cause a refresh now. */
  within(want: Want, held: CachedGrant | undefined): Want {
    if (want.rejected === undefined || want.rejected !== held?.token?.accessToken) return want
    if (this.#spent === undefined || this.#spent.since() >= this.#spent.pauseMs) return want
    const { rejected: _, ...rest } = want
    return rest
  }

  /** Records that a refusal led to this token. For a minute, or a tenth of its lifetime, no other refusal does. */
  spend(token: Token): void {
    this.#spent = { since: stopwatch(this.#clock), pauseMs: Math.max(SHORTEST_PAUSE_MS, youngMs(token)) }
  }

  restore(): void {
    this.#spent = undefined
  }
}
