import { stopwatch, type Clock } from '../util/clock.ts'
import { ProviderUnavailableError, type ReauthorizationReason } from './errors.ts'
import type { RefreshCause } from './events.ts'
import type { GrantKey } from './grant-key.ts'

/** Identifies one flight: the work on a refresh that callers of a process share. */
export type FlightIdentity = object

/**
 * Work that can be observed:
 * - `wait`: a caller waits for a flight, which it starts or joins
 * - `refresh`: a flight attempts to refresh its grant
 * - `other_process`: a flight waits for the process that holds the lease
 * - `token_request`: one request to the token endpoint
 */
export type Activity =
  | {
      readonly kind: 'wait'
      readonly key: GrantKey
      readonly cause: RefreshCause
      /** The flight in progress that the caller joins. Absent: it starts one. */
      readonly joins: FlightIdentity | undefined
    }
  | {
      readonly kind: 'refresh' | 'other_process'
      readonly key: GrantKey
      readonly cause: RefreshCause
      readonly flight: FlightIdentity
    }
  | {
      readonly kind: 'token_request'
      readonly key: GrantKey
      /** Absent: the request of a login. */
      readonly flight: FlightIdentity | undefined
      readonly request: ObservedRequest
    }

/** A request to the token endpoint, without anything secret. */
export interface ObservedRequest {
  readonly grantType: string
  readonly method: string
  readonly url: URL
}

/**
 * How a refresh ended:
 * - `refreshed`: this process received a new token
 * - `stored`: another process stored a new token, which is used
 * - `busy`: another process is refreshing, or its response may still arrive
 * - `backing_off`: no attempt is made before the back-off ends
 * - `ended`: the grant has ended
 * - `failed`: an error
 */
export type RefreshOutcome = 'refreshed' | 'stored' | 'busy' | 'backing_off' | 'ended' | 'failed'

/** How a caller's wait ended: `current` if the stored token was good enough, `timeout` if the caller gave up. */
export type WaitOutcome = 'refreshed' | 'current' | 'ended' | 'timeout' | 'failed'

/** How an activity ended. */
export interface ActivityResult {
  readonly outcome?: RefreshOutcome | WaitOutcome | undefined
  readonly error?: unknown
  /** Why the grant has ended. */
  readonly reason?: ReauthorizationReason | undefined
  /** Status of the HTTP response. */
  readonly status?: number | undefined
}

/** One activity as an observer follows it. */
export interface Observed {
  /** Runs synchronously what belongs to the activity, once. */
  run?(work: () => void): void
  end(result: ActivityResult & { readonly durationMs: number }): void
}

/** Follows activities. What it throws is ignored. */
export interface Observer {
  begin(activity: Activity): Observed | undefined
}

/** An activity that is observed. */
export interface RunningActivity {
  run<T>(work: () => T): T
  end(result: ActivityResult): void
}

/** Sends a request as an observed activity. */
export type ObserveRequest = <T extends { readonly status: number }>(
  request: ObservedRequest,
  send: () => Promise<T>,
) => Promise<T>

/** The observers of all grants of `Grants`, or of one session. */
export class Observers {
  readonly #clock: Required<Clock>
  readonly #observers = new Set<Observer>()

  constructor(clock: Required<Clock>) {
    this.#clock = clock
  }

  get isEmpty(): boolean {
    return this.#observers.size === 0
  }

  /** Adds an observer. Returns a function that removes it. */
  add(observer: Observer): () => void {
    this.#observers.add(observer)
    return () => this.#observers.delete(observer)
  }

  /** Begins an activity. Undefined if it is not observed. */
  begin(activity: Activity): RunningActivity | undefined {
    if (this.isEmpty) return undefined
    const begun: Observed[] = []
    for (const observer of this.#observers) {
      const observed = quietly(() => observer.begin(activity))
      if (observed !== undefined) begun.push(observed)
    }
    const durationMs = stopwatch(this.#clock)
    return {
      run: (work) => begun.reduceRight((inner, each) => () => runWithin(each, inner), work)(),
      end: (result) => {
        for (const each of begun) quietly(() => each.end({ ...result, durationMs: durationMs() }))
      },
    }
  }

  /** Returns what sends token requests for a grant. Undefined: they are not observed. */
  ofRequests(key: GrantKey, flight?: FlightIdentity): ObserveRequest | undefined {
    if (this.isEmpty) return undefined
    return (request, send) =>
      this.during({ kind: 'token_request', key, flight, request }, send, ({ status }) => ({ status }))
  }

  /** Runs work as an activity that ends with it. */
  during<T>(activity: Activity, work: () => Promise<T>, resultOf: (value: T) => ActivityResult): Promise<T> {
    const observed = this.begin(activity)
    if (observed === undefined) return work()
    return observed.run(work).then(
      (value) => {
        observed.end(resultOf(value))
        return value
      },
      (error: unknown) => {
        observed.end({ outcome: 'failed', error, ...(activity.kind === 'token_request' && statusOf(error)) })
        throw error
      },
    )
  }
}

/** The status of the response that made an error, if any. */
function statusOf(error: unknown): Pick<ActivityResult, 'status'> {
  return { status: error instanceof ProviderUnavailableError ? error.status : undefined }
}

/** Runs work within an observed activity: once, with its own result, whatever the observer does. */
function runWithin<T>(observed: Observed, work: () => T): T {
  const made: { result?: () => T } = {}
  const once = (): void => {
    made.result ??= resultOf(work)
  }
  quietly(() => observed.run?.(once))
  return (made.result ?? work)()
}

/** Runs work. Returns a function that returns or throws what the work did. */
function resultOf<T>(work: () => T): () => T {
  try {
    const value = work()
    return () => value
  } catch (error) {
    return () => {
      throw error
    }
  }
}

function quietly<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch {
    // A refresh must not depend on who observes it.
    return undefined
  }
}
