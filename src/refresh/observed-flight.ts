import { ProviderUnavailableError } from '../model/errors.ts'
import type { RefreshCause } from '../model/events.ts'
import type { ActivityResult, ObserveRequest, RunningActivity } from '../model/observer.ts'
import type { CachedGrant } from './cached-grant.ts'
import type { RefreshContext } from './context.ts'
import type { Outcome } from './redemption.ts'

/** The part of a flight's result that is observed. */
interface Result {
  readonly held: CachedGrant
  readonly renewed: boolean
}

/** What observers see of one flight: nothing, unless it attempts a refresh. */
export class ObservedFlight {
  readonly #context: Pick<RefreshContext, 'key' | 'observers'>
  readonly #cause: RefreshCause
  #refresh: RunningActivity | undefined
  /** Of the last attempt. */
  #outcome: Outcome['kind'] | undefined

  constructor(context: Pick<RefreshContext, 'key' | 'observers'>, cause: RefreshCause) {
    this.#context = context
    this.#cause = cause
  }

  /** Runs one attempt. The first one begins the observed refresh. */
  async attempt(work: () => Promise<Outcome>): Promise<Outcome> {
    const { key, observers } = this.#context
    this.#refresh ??= observers.begin({ kind: 'refresh', key, cause: this.#cause, flight: this })
    this.#outcome = undefined
    const outcome = await (this.#refresh === undefined ? work() : this.#refresh.run(work))
    this.#outcome = outcome.kind
    return outcome
  }

  /** Runs a wait for the process that holds the lease. */
  waitForOther(work: () => Promise<void>): Promise<void> {
    const { key, observers } = this.#context
    return observers.during({ kind: 'other_process', key, cause: this.#cause, flight: this }, work, () => ({}))
  }

  /** Sends token requests of this flight. Undefined: they are not observed. */
  get observeRequest(): ObserveRequest | undefined {
    return this.#context.observers.ofRequests(this.#context.key, this)
  }

  end(result: Result): void {
    this.#refresh?.end(this.#resultOf(result))
  }

  fail(error: unknown): void {
    if (this.#outcome === 'later') this.#refresh?.end({ outcome: 'backing_off', error })
    else if (this.#outcome === 'busy' && error instanceof ProviderUnavailableError)
      this.#refresh?.end({ outcome: 'busy', error })
    else this.#refresh?.end({ outcome: 'failed', error })
  }

  #resultOf({ held, renewed }: Result): ActivityResult {
    if (held.record.state !== 'active') return { outcome: 'ended', reason: held.record.reason }
    if (this.#outcome === 'renewed') return { outcome: 'refreshed' }
    return { outcome: this.#outcome === 'busy' && !renewed ? 'busy' : 'stored' }
  }
}

/** How the wait of a caller ended. */
export function waitResultOf(result: Result | undefined): ActivityResult {
  if (result === undefined) return { outcome: 'timeout' }
  const { held, renewed } = result
  if (held.record.state !== 'active') return { outcome: 'ended', reason: held.record.reason }
  return { outcome: renewed ? 'refreshed' : 'current' }
}
