import type { InternalClient } from '../client/internal-client.ts'
import { loadOperations } from '../client/load-operations.ts'
import type { Clock } from '../util/clock.ts'
import { GrantNotFoundError, ReauthorizationRequiredError, RefreshTimeoutError } from '../model/errors.ts'
import type { GrantKey } from '../model/grant-key.ts'
import type { GrantRecord } from '../stores/store.ts'
import type { TokenOptions, TokenSource } from '../model/token-source.ts'
import type { AccessToken, Token } from '../model/token.ts'
import { abortable } from '../util/async.ts'
import { lazy } from '../util/lazy.ts'
import { freshnessOf, isBornSpent, isExpired, servesMeanwhile, type Want } from './freshness.ts'
import { detailsOf, type GrantDetails } from './details.ts'
import type { Disconnecting, DisconnectOptions } from './disconnecting.ts'
import { SingleFlight, type FlightRequest, type FlightResult } from './single-flight.ts'
import { GrantClient } from './grant-client.ts'
import { sameVersion, type CachedGrant } from './cached-grant.ts'
import type { RefreshContext } from './context.ts'
import { GrantCache } from './cache.ts'
import { DEFAULT_WAIT_MS } from './policy.ts'
import { randomId } from '../util/crypto.ts'
import { RefusalBudget } from './refusal-budget.ts'
import { loadReplacing } from './load-replacing.ts'
import { TokenSaver } from './token-saver.ts'
import { statusOf, type GrantStatus } from './status.ts'
import { StoreClock } from './store-clock.ts'

/** With what the revocation takes: nothing has to be loaded once the grant was deleted. */
const loadDisconnecting = lazy(async () => {
  const [disconnecting] = await Promise.all([import('./disconnecting.ts'), loadOperations()])
  return disconnecting
})

/** Maximum number of rounds for a caller whose tokens expire before they can be returned. */
const ROUNDS = 10

/** Keeps one grant fresh: its memory, its single flight, its place in the store. A process has one per grant. */
export class LiveGrant implements TokenSource {
  readonly key: GrantKey
  readonly #options: RefreshContext
  readonly #clock: Required<Clock>
  readonly #client: GrantClient
  readonly #waitMs: number
  readonly #storeClock: StoreClock
  readonly #saver: TokenSaver
  readonly #cache: GrantCache
  readonly #flights: SingleFlight
  #disconnecting: Disconnecting | undefined
  readonly #refusals: RefusalBudget

  constructor(options: RefreshContext) {
    const { client, clock, emitter, key, logger, policy } = options
    this.key = key
    this.#options = options
    this.#clock = clock
    this.#client = new GrantClient(key.client, client, policy, clock)
    this.#waitMs = policy.waitMs ?? DEFAULT_WAIT_MS
    this.#storeClock = new StoreClock(clock)
    const onDelay = (attempts: number): void => {
      logger?.warn('evergrant: a new token could not be saved yet', { ...key, attempts })
      emitter.emit('save_delayed', { key, at: clock.now(), attempts })
    }
    this.#saver = new TokenSaver(clock, onDelay)
    // Through `this`: a refresh in progress or an unsaved token must keep the live grant itself in memory.
    this.#cache = new GrantCache(options, this.#client, this.#storeClock, () => this.#saver.unsaved)
    this.#flights = new SingleFlight(options, this.#client, this.#storeClock, this.#cache, this.#saver, onDelay)
    this.#refusals = new RefusalBudget(clock)
  }

  /** The client as last seen, if known without a lookup. */
  get coreNow(): InternalClient | undefined {
    return this.#client.lately
  }

  /** Returns the current client. */
  async core(): Promise<InternalClient> {
    return (await this.#client.use()).core
  }

  token(options?: TokenOptions): Promise<AccessToken> {
    if (
      options === undefined ||
      (options.rejected === undefined && options.minValidityMs === undefined && options.signal?.aborted !== true)
    ) {
      const answer = this.#cache.atOnce()?.answer
      if (answer !== undefined) return answer
    }
    return this.#wait(options ?? {})
  }

  // Separate from `token()`: a closure there would cost every call a context.
  #wait(want: TokenOptions): Promise<AccessToken> {
    return abortable(() => this.#serve(want), want.signal)
  }

  /** Returns the token if it is fresh and needs no promise. */
  freshToken(): AccessToken | undefined {
    return this.#cache.atOnce()?.access
  }

  async #serve(options: TokenOptions): Promise<AccessToken> {
    for (let round = 0; round < ROUNDS; round += 1) {
      const held = this.#cache.current()
      const want = this.#refusals.within(options, held)
      if (held?.access !== undefined && held.record.state === 'active') {
        const state = freshnessOf(held, want, this.#client.policy, this.#clock.now())
        if (state !== 'wanting') {
          await this.#cache.revalidate()
          // The token may have been replaced or have expired during the read of the store.
          if (this.#cache.current()?.access !== held.access || isExpired(held.access, this.#clock.now())) continue
          if (state === 'early') this.#flights.refreshEarly()
          return held.access
        }
      }
      const cause = want.rejected === undefined || want.rejected !== held?.token?.accessToken ? 'spent' : 'rejected'
      let result: FlightResult | undefined
      try {
        result = await this.#flights.wait({ ...want, cause, force: false }, this.#patienceMs(want))
      } catch (error) {
        const current = this.#cache.current()
        if (servesMeanwhile(current, want, this.#clock.now())) return current.access
        throw error
      }
      if (result === undefined) {
        const current = this.#cache.current()
        if (servesMeanwhile(current, want, this.#clock.now())) return current.access
        throw new RefreshTimeoutError(this.key, this.#flights.patienceMs)
      }
      if (cause === 'rejected' && result.renewed && result.held.token !== undefined)
        this.#refusals.spend(result.held.token)
      const access = this.#accept(result, want)
      if (access !== undefined) return access
    }
    throw new RefreshTimeoutError(this.key, this.#waitMs)
  }

  /**
   * How long a caller waits for a flight: at most until the token that it could get instead expires, and never forever.
   */
  #patienceMs(want: Want): number {
    const now = this.#clock.now()
    const held = this.#cache.current()
    const { patienceMs } = this.#flights
    if (!servesMeanwhile(held, want, now) || held.access.expiresAt === undefined) return patienceMs
    return Math.min((held.access.expiresAt - now) / 2, patienceMs)
  }

  /** Returns what a caller gets from a flight that it waited for. Undefined starts another round. */
  #accept({ held, renewed, cause }: FlightResult, want: Want): AccessToken | undefined {
    const now = this.#clock.now()
    if (held.record.state !== 'active') {
      if (servesMeanwhile(held, want, now)) return held.access
      throw this.#dead(held, cause)
    }
    if (held.token === undefined || !renewed) return undefined
    // A token can expire while it is saved. A token without any lifetime is for the callers of its refresh.
    if (isExpired(held.token, now) && !isBornSpent(held.token)) return undefined
    return held.access
  }

  #dead(held: CachedGrant, cause: unknown): ReauthorizationRequiredError {
    return new ReauthorizationRequiredError(this.key, held.record.reason ?? 'revoked', { cause })
  }

  /** Refreshes now, or joins a refresh in progress. */
  async refresh(): Promise<AccessToken> {
    return this.#forced({ cause: 'manual', force: true })
  }

  /**
   * Refreshes the grant if `due`, read from the store of `storeClock`, is still its current record and no other process
   * is refreshing it. Returns whether it was refreshed.
   */
  async keepAlive(due: GrantRecord, storeClock: StoreClock): Promise<boolean> {
    this.#storeClock.learnFrom(storeClock)
    const request: FlightRequest = { cause: 'keep_alive', force: false, due }
    // A flight of another caller that only read the store leaves the grant unchanged.
    const joined = this.#flights.isRunning ? await this.#flights.join(request) : undefined
    const isLeft = joined?.renewed === false && sameVersion(joined.held, { record: due })
    const { held, renewed } = joined === undefined || isLeft ? await this.#flights.join(request) : joined
    if (held.record.state !== 'active')
      throw new ReauthorizationRequiredError(this.key, held.record.reason ?? 'revoked')
    return renewed
  }

  /** Tries an ended grant again. Returns whether it is active. */
  async recheck(): Promise<boolean> {
    try {
      await this.#forced({ cause: 'manual', force: true, recheck: true })
      return true
    } catch (error) {
      if (error instanceof ReauthorizationRequiredError) return false
      throw error
    }
  }

  async #forced(request: FlightRequest): Promise<AccessToken> {
    for (let round = 0; round < ROUNDS; round += 1) {
      const result = await this.#flights.wait(request, this.#flights.patienceMs)
      if (result === undefined) throw new RefreshTimeoutError(this.key, this.#flights.patienceMs)
      const access = this.#accept(result, {})
      if (result.held.record.state !== 'active') {
        throw this.#dead(result.held, result.cause)
      }
      if (access !== undefined) return access
    }
    throw new RefreshTimeoutError(this.key, this.#waitMs)
  }

  /** Disconnects the grant here at once, then at the provider. Returns whether it existed. */
  async disconnect(options?: DisconnectOptions): Promise<boolean> {
    const { Disconnecting } = await loadDisconnecting()
    // One for all calls: it remembers a deletion whose outcome is open.
    this.#disconnecting ??= new Disconnecting(this.#options, this.#client, this.#storeClock, this.#cache)
    return this.#disconnecting.run(options)
  }

  /**
   * Stores the token of a login by this client in place of the current grant, as the grant of that id. See `saveLogin`.
   */
  async replace(
    core: InternalClient,
    token: Token,
    sameIdentity: (stored: Token) => boolean,
    id: string = randomId(),
  ): Promise<GrantRecord> {
    const since = this.#cache.moment()
    const { replaceGrant } = await loadReplacing()
    const saved = await replaceGrant(this.#options, this.#storeClock, { core, token, sameIdentity, id })
    this.#flights.restart()
    this.#refusals.restore()
    const held = await this.#cache.adopt(saved, since)
    // A read in the meantime may have seen the old or the new grant. Only another read shows which.
    if (held.record.id !== saved.id) await this.#cache.read()
    return saved
  }

  /** Returns what the provider sent with the tokens. */
  async details(options: { readonly idToken?: boolean } = {}): Promise<GrantDetails> {
    const held = (await this.#cache.read()) ?? (await this.#cache.place())
    return detailsOf(held.token, options)
  }

  /** Returns what the store knows of the grant. */
  async status(): Promise<GrantStatus> {
    const { record, now } = await this.#storeClock.ask(() => this.#options.store.read(this.key))
    if (record !== undefined) return statusOf(record, now)
    if (this.#cache.seed !== undefined) return statusOf((await this.#cache.place()).record, now)
    throw new GrantNotFoundError(this.key)
  }

  /**
   * Ends the use of this live grant. Waits for work in progress (revocations without their retries) and for unsaved
   * tokens.
   */
  async close(): Promise<void> {
    const revoked = this.#disconnecting?.close()
    await this.#flights.close()
    await revoked
  }
}
