import { Closing } from '../util/closing.ts'
import type { Clock } from '../util/clock.ts'
import {
  ConfigError,
  DiscoveryError,
  ProviderUnavailableError,
  RefreshTimeoutError,
  SealError,
  StoreError,
  TokenResponseError,
  isEvergrantError,
} from '../model/errors.ts'
import type { RefreshCause } from '../model/events.ts'
import type { GrantRecord } from '../stores/store.ts'
import { freshnessOf, isBornSpent, isExpired, servesMeanwhile, type Want } from './freshness.ts'
import { handOver, runInBackground } from './background.ts'
import { lazy } from '../util/lazy.ts'
import { contentOf } from './record-content.ts'
import type { ClientUse, GrantClient } from './grant-client.ts'
import { sameVersion, versionOf, type CachedGrant } from './cached-grant.ts'
import type { RefreshContext } from './context.ts'
import type { GrantCache } from './cache.ts'
import { ObservedFlight, waitResultOf } from './observed-flight.ts'
import { DEFAULT_WAIT_MS } from './policy.ts'
import type { Outcome, RedemptionContext } from './redemption.ts'
import type { TokenSaver } from './token-saver.ts'
import { SharedWork } from './shared-work.ts'
import type { StoreClock } from './store-clock.ts'
import { TokenUpdater } from './token-updater.ts'

/** Why a flight is started, and for what. */
export interface FlightRequest extends Want {
  readonly cause: RefreshCause
  readonly force: boolean
  /** Whether this is one more attempt for an ended grant. */
  readonly recheck?: boolean
  /** The worker's: refresh this version if it is still the current one and no other process is refreshing it. */
  readonly due?: GrantRecord
}

/** The result of a flight. */
export interface FlightResult {
  readonly held: CachedGrant
  /** Whether a new token arrived during this flight, here or in another process. */
  readonly renewed: boolean
  /** The provider's error, if this flight found that the grant has ended. */
  readonly cause?: unknown
}

/** Of no use while tokens are fresh. */
const loadRedeeming = lazy(() => import('./redeem.ts'))

const POLL_FIRST_MS = 20
const POLL_LONGEST_MS = 200
/** Pause after a refresh whose token had no lifetime, and between two failed early refreshes. */
const PAUSE_MS = 1000
/** Number of rounds that a flight reads the store again at once; then it waits before each read. */
const QUICK_ROUNDS = 3
/** A remaining settle time below this is waited for. */
const SETTLED_SOON_MS = 200
/**
 * Time in addition to waiting for others and for its own request after which callers give up a flight and do not join
 * it.
 */
const SLACK_MS = 20_000

/**
 * The process's single flight for one grant: at most one caller at a time reads, waits and redeems, and all others join
 * it.
 */
export class SingleFlight {
  readonly #options: RefreshContext
  readonly #clock: Required<Clock>
  readonly #client: GrantClient
  readonly #waitMs: number
  readonly #storeClock: StoreClock
  readonly #cache: GrantCache
  readonly #saver: TokenSaver
  readonly #updater: TokenUpdater | undefined
  /** Requests that callers no longer wait for. */
  readonly #late = new Set<Promise<void>>()
  readonly #flight: SharedWork<FlightResult>
  /** The last flight. */
  #observed: ObservedFlight | undefined
  /** No refresh before this time (monotonic, as the next): after a token without lifetime. */
  #pausedUntil = Number.NEGATIVE_INFINITY
  #earlyAgainAt = Number.NEGATIVE_INFINITY
  /** The version whose refresh token may have been used. */
  #uncertain: string | undefined
  #closed = false
  readonly #revoking = new Closing()

  constructor(
    options: RefreshContext,
    client: GrantClient,
    storeClock: StoreClock,
    cache: GrantCache,
    saver: TokenSaver,
    onDelay: (attempts: number) => void,
  ) {
    this.#options = options
    this.#clock = options.clock
    this.#client = client
    this.#waitMs = options.policy.waitMs ?? DEFAULT_WAIT_MS
    this.#flight = new SharedWork(options.clock, this.patienceMs)
    this.#storeClock = storeClock
    this.#cache = cache
    this.#saver = saver
    this.#updater =
      options.onToken === undefined ? undefined : new TokenUpdater(options.onToken, options.clock, onDelay)
  }

  /** Maximum time that a caller waits for a flight, in ms. */
  get patienceMs(): number {
    return this.#waitMs + SLACK_MS
  }

  get isRunning(): boolean {
    return this.#flight.isRunning
  }

  /** Joins the process's single flight for this grant, or starts it. */
  join(request: FlightRequest): Promise<FlightResult> {
    return this.#flight.join((end) => this.#begin(request, end))
  }

  /** The same for a caller that waits no longer than `ms`: then undefined, and the flight continues. */
  wait(request: FlightRequest, ms: number): Promise<FlightResult | undefined> {
    const { key, observers } = this.#options
    const joins = this.isRunning ? this.#observed : undefined
    return observers.during(
      { kind: 'wait', key, cause: request.cause, joins },
      () => this.#flight.wait((end) => this.#begin(request, end), ms),
      waitResultOf,
    )
  }

  #begin(request: FlightRequest, end: () => void): Promise<FlightResult> {
    if (this.#closed) return Promise.reject(new ConfigError('This session was closed. Create a new one.'))
    const observed = (this.#observed = new ObservedFlight(this.#options, request.cause))
    const result = this.#fly(request, observed).then(
      async ({ notify, ...ended }) => {
        observed.end(ended)
        // The flight ends for new callers before the application's updater runs: a call inside the updater must not
        // wait for itself.
        end()
        await notify?.()
        return ended
      },
      (error: unknown) => {
        observed.fail(error)
        end()
        this.#noteFailure(error)
        throw error
      },
    )
    handOver(this.#options.background, result)
    return result
  }

  #noteFailure(error: unknown): void {
    // The provider's refusals were reported where they were judged. This one kept the refresh from being tried.
    if (
      error instanceof ConfigError ||
      error instanceof SealError ||
      error instanceof DiscoveryError ||
      error instanceof StoreError ||
      !isEvergrantError(error)
    )
      this.#options.logger?.error('evergrant: a refresh could not be tried', {
        ...this.#options.key,
        code: isEvergrantError(error) ? error.code : 'unexpected_error',
        error,
      })
    const wait = isEvergrantError(error) ? (error.retryAfterMs ?? PAUSE_MS) : PAUSE_MS
    this.#earlyAgainAt = this.#clock.monotonic() + Math.max(PAUSE_MS, wait)
    const maybeConsumed =
      error instanceof TokenResponseError || (error instanceof ProviderUnavailableError && error.maybeProcessed)
    if (maybeConsumed) this.#uncertain = versionOf(this.#cache.held)
  }

  async #fly(
    request: FlightRequest,
    observed: ObservedFlight,
  ): Promise<FlightResult & { notify?: () => Promise<void> }> {
    const waitUntil = this.#clock.monotonic() + this.#waitMs
    let startedFrom: CachedGrant | undefined
    let cause: unknown
    for (let round = 1; ; round += 1) {
      if (round > QUICK_ROUNDS)
        await this.#wait(Math.min(POLL_FIRST_MS * 1.5 ** (round - QUICK_ROUNDS), POLL_LONGEST_MS), waitUntil)
      const unsaved = this.#unsaved(request)
      if (unsaved !== undefined) return { held: unsaved, renewed: true }
      const held = await this.#current(request, startedFrom === undefined)
      startedFrom ??= held
      if (held.record.state !== 'active' && request.recheck !== true) return { held, renewed: false, cause }
      if (request.due !== undefined) {
        const current = sameVersion(held, { record: request.due })
        if (!current || this.#mustNotTryEarly(held)) return { held, renewed: false }
      } else if (request.force) {
        // Another process's refresh during the wait is as good.
        if (!sameVersion(held, startedFrom)) return { held, renewed: true }
      } else {
        const state = freshnessOf(held, request, this.#client.policy, this.#clock.now())
        const isEarly = request.cause === 'early'
        const enough = isEarly ? state === 'fresh' || this.#mustNotTryEarly(held) : state !== 'wanting'
        if (enough) return { held, renewed: !sameVersion(held, startedFrom) }
      }
      const since = this.#cache.moment()
      const outcome = await observed.attempt(() => this.#attempt(held, request, since, observed))
      if (outcome.kind === 'renewed') {
        const renewed = await this.#take(outcome, since)
        if (renewed === undefined) continue
        return { held: renewed, renewed: true, notify: async () => this.#updater?.deliver(outcome.token) }
      }
      if (outcome.kind === 'later')
        throw this.#comeBack(outcome.code, this.#storeClock.toLocal(outcome.until) - this.#clock.now())
      if (outcome.kind !== 'busy') {
        if (outcome.kind === 'stored') cause = outcome.cause
        const taken = await this.#take(outcome, since)
        // A recheck is one attempt: an ended grant stays ended.
        if (request.recheck === true && taken !== undefined && taken.record.state !== 'active')
          return { held: taken, renewed: false }
      } else if (request.due !== undefined || request.cause === 'early') return { held, renewed: false }
      else if (outcome.leaseMs === 0) {
        if (outcome.waitMs > SETTLED_SOON_MS)
          throw this.#comeBack('a request whose response may still arrive', outcome.waitMs)
        await this.#wait(outcome.waitMs, waitUntil)
      } else {
        const { waitMs } = outcome
        await observed.waitForOther(() => this.#waitForOther(held, waitMs, waitUntil))
      }
    }
  }

  async #wait(ms: number, until: number): Promise<void> {
    if (this.#clock.monotonic() >= until) throw new RefreshTimeoutError(this.#options.key, this.#waitMs)
    await this.#clock.delay(ms)
  }

  /** The worker has read this record a moment ago, and a claim compares it with the store anyway. */
  async #current(request: FlightRequest, first: boolean): Promise<CachedGrant> {
    if (first && request.due !== undefined) {
      const held = await this.#cache.adopt(request.due, 0)
      if (sameVersion(held, { record: request.due })) return held
    }
    return (await this.#cache.read()) ?? (await this.#cache.place())
  }

  /**
   * A refresh token that may have been used is tried again only when the access token is spent, unless a repeat is
   * harmless.
   */
  #mustNotTryEarly(held: CachedGrant | undefined): boolean {
    const { intent } = held?.record ?? {}
    const uncertain =
      intent?.everUnknown === true ||
      // Another process is refreshing, or crashed in between.
      intent?.open === true ||
      (this.#uncertain !== undefined && this.#uncertain === versionOf(held))
    if (!uncertain || held === undefined) return false
    const { policy } = this.#client
    return !policy.forgiving && freshnessOf(held, {}, policy, this.#clock.now()) !== 'wanting'
  }

  /** A process with an unsaved token neither claims nor sends. Its callers get that token while it is valid. */
  #unsaved(want: Want): CachedGrant | undefined {
    if (!this.#saver.unsaved && this.#updater?.unsaved !== true) return undefined
    this.#saver.resume()
    const held = this.#cache.current()
    if (servesMeanwhile(held, want, this.#clock.now())) return held
    throw new StoreError(
      `The newest token of subject '${this.#options.key.subject}' at client '${this.#options.key.client}' could not be saved yet, and no other is requested until then. It is kept in memory; try again.`,
      { retryAfterMs: PAUSE_MS },
    )
  }

  async #attempt(
    held: CachedGrant,
    request: FlightRequest,
    since: number,
    { observeRequest }: ObservedFlight,
  ): Promise<Outcome> {
    const use = await this.#client.use()
    const { Redeemer } = await loadRedeeming()
    const redeemer = new Redeemer({ ...this.#redeeming(use, since), observeRequest })
    if (!held.record.renewable) {
      // A forced refresh finds nothing to redeem: no verdict while the access token is valid.
      if (request.recheck !== true && held.token !== undefined && !isExpired(held.token, this.#clock.now()))
        throw this.#nothingToRedeem()
      return redeemer.condemn(held.record, 'no_refresh_token')
    }
    const pause = this.#pausedUntil - this.#clock.monotonic()
    if (pause > 0) await this.#clock.delay(pause)
    return redeemer.redeem(held.record, held.token, { cause: request.cause, force: request.force })
  }

  #redeeming({ core, health, obtain }: ClientUse, since: number): RedemptionContext {
    return {
      ...this.#options,
      logger: this.#options.logger ?? core.logger,
      core,
      health,
      obtain,
      policy: this.#client.policy,
      storeClock: this.#storeClock,
      saver: this.#saver,
      adoptLate: async (outcome) => {
        await this.#take(outcome, since)
        if (outcome.kind === 'renewed') void this.#updater?.deliver(outcome.token)
      },
      goOn: (work) => {
        const done = work().finally(() => this.#late.delete(done))
        this.#late.add(done)
        handOver(this.#options.background, done)
      },
      whileOpen: (work) => this.#revoking.run(work),
    }
  }

  #nothingToRedeem(): ConfigError {
    const { client, subject } = this.#options.key
    return new ConfigError(
      `The grant of subject '${subject}' at client '${client}' has no refresh token. Its access token works until it expires; then send the user through the login again.`,
    )
  }

  #comeBack(after: string, waitMs: number): ProviderUnavailableError {
    // The store's time is known only with this precision.
    const retryAfterMs = Math.max(1, Math.ceil(waitMs))
    return new ProviderUnavailableError(
      `The grant of subject '${this.#options.key.subject}' at client '${this.#options.key.client}' is backing off after ${after}. Retry in ${retryAfterMs} ms.`,
      { retryAfterMs, maybeProcessed: false },
    )
  }

  /** Polls until another process's refresh shows in the store or its lease is over. */
  async #waitForOther(held: CachedGrant, busyMs: number, waitUntil: number): Promise<void> {
    const busyUntil = this.#clock.monotonic() + busyMs
    let interval = POLL_FIRST_MS
    for (;;) {
      const left = Math.min(busyUntil, waitUntil) - this.#clock.monotonic()
      if (left > 0) await this.#clock.delay(Math.min(left, interval * (0.5 + Math.random() / 2)))
      interval = Math.min(interval * 1.5, POLL_LONGEST_MS)
      const since = this.#cache.moment()
      const { record } = await this.#storeClock.ask(() => this.#options.store.read(this.#options.key))
      if (record === undefined || !sameVersion(held, { record })) return
      // In the store's time, which this read has updated.
      await this.#cache.adopt(record, since)
      // Released without a new token: this process makes the next attempt.
      if (record.lease === undefined || this.#clock.monotonic() >= busyUntil) return
      if (this.#clock.monotonic() >= waitUntil) throw new RefreshTimeoutError(this.#options.key, this.#waitMs)
    }
  }

  /** Takes the result of a redemption that started at `since` into memory. */
  async #take(outcome: Outcome, since: number): Promise<CachedGrant | undefined> {
    if (outcome.kind === 'renewed') {
      const { record, token, unsaved } = outcome
      const { policy } = this.#client
      if (isBornSpent(token)) this.#pausedUntil = this.#clock.monotonic() + PAUSE_MS
      const current = unsaved
        ? { ...record, ...contentOf(token, '', { policy, obtainable: this.#options.obtainable }) }
        : record
      const held = this.#cache.renew(current, token, unsaved, since)
      if (outcome.event !== undefined) this.#options.emitter.emit('refreshed', outcome.event)
      return held
    }
    if (outcome.kind === 'stored') return this.#cache.adopt(outcome.record, since)
    if (outcome.kind === 'gone') this.#cache.forget()
    return undefined
  }

  /** Starts a refresh that no caller waits for. */
  refreshEarly(): void {
    if (this.#flight.isRunning || this.#closed || this.#clock.monotonic() < this.#earlyAgainAt) return
    if (this.#mustNotTryEarly(this.#cache.held)) return
    this.#earlyAgainAt = this.#clock.monotonic() + PAUSE_MS
    runInBackground(this.#options.background, () => this.join({ cause: 'early', force: false }))
  }

  /** Forgets what was known of the last token: another login replaced it. */
  restart(): void {
    this.#pausedUntil = Number.NEGATIVE_INFINITY
    this.#uncertain = undefined
  }

  /** Starts no further flights. Waits for work in progress and for unsaved tokens. */
  async close(): Promise<void> {
    this.#closed = true
    this.#revoking.close()
    await this.#flight.result?.catch(() => undefined)
    while (this.#late.size > 0) await Promise.all(this.#late)
    await this.#saver.idle()
    await this.#updater?.idle()
  }
}
