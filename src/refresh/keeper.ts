import type { ClientCore } from '../client/client-core.ts'
import type { Clock } from '../clock.ts'
import { GrantNotFoundError, ReauthorizationRequiredError, RefreshTimeoutError } from '../errors.ts'
import type { GrantKey } from '../grant-key.ts'
import type { GrantRecord } from '../stores/store.ts'
import type { TokenOptions, TokenSource } from '../token-source.ts'
import type { AccessToken, Token } from '../token.ts'
import { abortable } from './abortable.ts'
import { assess, isBornSpent, isExpired, servesMeanwhile, type Want } from './assess.ts'
import { runInBackground } from './background.ts'
import { Flights, type FlightRequest, type FlightResult } from './flights.ts'
import type { Held } from './held.ts'
import type { KeeperOptions } from './keeper-options.ts'
import { Memory } from './memory.ts'
import { persistently } from './persistently.ts'
import { resolvePolicy, type ResolvedPolicy } from './policy.ts'
import { revokeWithRetries } from './revoke.ts'
import { saveLogIn } from './save-log-in.ts'
import { Saver } from './saver.ts'
import { statusOf, type GrantStatus } from './status.ts'
import { StoreClock } from './store-clock.ts'

/** So often a caller is sent round again by tokens that expire before they can be handed out. */
const ROUNDS = 10

/** Keeps one grant fresh: its memory, its single flight, its place in the store. There is one for each grant in a process. */
export class Keeper implements TokenSource {
  readonly key: GrantKey
  readonly core: ClientCore
  readonly #options: KeeperOptions
  readonly #clock: Required<Clock>
  readonly #policy: ResolvedPolicy
  readonly #storeClock: StoreClock
  readonly #memory: Memory
  readonly #flights: Flights
  readonly #revoking = new Set<Promise<unknown>>()
  readonly #closing = new AbortController()

  constructor(options: KeeperOptions) {
    const { clock, core, emitter, key, logger, obtain } = options
    this.key = key
    this.core = core
    this.#options = options
    this.#clock = clock
    this.#policy = resolvePolicy(options.policy, core.provider.refresh ?? {}, core.timeoutMs, obtain === undefined)
    this.#storeClock = new StoreClock(clock)
    const onDelay = (attempts: number): void => {
      logger?.warn('evergrant: a new token could not be saved yet', { ...key, attempts })
      emitter.emit('save_delayed', { key, at: clock.now(), attempts })
    }
    const saver = new Saver(clock, onDelay)
    this.#memory = new Memory(options, this.#policy, this.#storeClock, () => saver.unsaved)
    this.#flights = new Flights(options, this.#policy, this.#storeClock, this.#memory, saver, onDelay)
  }

  token(options?: TokenOptions): Promise<AccessToken> {
    if (
      options === undefined ||
      (options.rejected === undefined && options.minValidityMs === undefined && options.signal?.aborted !== true)
    ) {
      const answer = this.#memory.atOnce()?.answer
      if (answer !== undefined) return answer
    }
    return this.#wait(options ?? {})
  }

  // Apart from `token()`: a closure in there would cost every call a context.
  #wait(want: TokenOptions): Promise<AccessToken> {
    return abortable(() => this.#serve(want), want.signal)
  }

  /** The token, while it is fresh and no promise is needed to say so. */
  freshToken(): AccessToken | undefined {
    return this.#memory.atOnce()?.access
  }

  async #serve(want: TokenOptions): Promise<AccessToken> {
    for (let round = 0; round < ROUNDS; round += 1) {
      const held = this.#memory.held
      if (held?.access !== undefined && held.record.state === 'active') {
        const state = assess(held, want, this.#policy, this.#clock.now())
        if (state !== 'wanting') {
          await this.#memory.revalidate()
          // The token may have been replaced, or have expired, while the store was asked.
          if (this.#memory.held?.access !== held.access || isExpired(held.access, this.#clock.now())) continue
          if (state === 'early') this.#flights.refreshEarly()
          return held.access
        }
      }
      const cause = want.rejected === undefined || want.rejected !== held?.token?.accessToken ? 'spent' : 'rejected'
      let result: FlightResult
      try {
        result = await this.#flights.join({ ...want, cause, force: false })
      } catch (error) {
        const current = this.#memory.held
        if (servesMeanwhile(current, want, this.#clock.now())) return current.access
        throw error
      }
      const access = this.#accept(result, want)
      if (access !== undefined) return access
    }
    throw new RefreshTimeoutError(this.key, this.#policy.waitMs)
  }

  /** What a flight's result gives a caller that waited for it; undefined sends it round again. */
  #accept({ held, renewed, cause }: FlightResult, want: Want): AccessToken | undefined {
    const now = this.#clock.now()
    if (held.record.state !== 'active') {
      if (servesMeanwhile(held, want, now)) return held.access
      throw this.#dead(held, cause)
    }
    if (held.token === undefined || !renewed) return undefined
    // A token can expire while it is being saved; one without any lifetime is for the callers of its refresh.
    if (isExpired(held.token, now) && !isBornSpent(held.token)) return undefined
    return held.access
  }

  #dead(held: Held, cause: unknown): ReauthorizationRequiredError {
    return new ReauthorizationRequiredError(this.key, held.record.reason ?? 'revoked', { cause })
  }

  /** Refreshes now (unless a refresh is under way: then its result is taken). */
  async refresh(): Promise<AccessToken> {
    return this.#forced({ cause: 'manual', force: true })
  }

  /**
   * Renews the grant if `due`, which was read from the store of `storeClock`, is still its current record and nobody else is at it.
   * Answers whether it was renewed.
   */
  async keepAlive(due: GrantRecord, storeClock: StoreClock): Promise<boolean> {
    this.#storeClock.learnFrom(storeClock)
    const { held, renewed } = await this.#flights.join({ cause: 'keep_alive', force: false, due })
    if (held.record.state !== 'active')
      throw new ReauthorizationRequiredError(this.key, held.record.reason ?? 'revoked')
    return renewed
  }

  /** Gives a dead grant one more try. Answers whether it lives. */
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
      const result = await this.#flights.join(request)
      const access = this.#accept(result, {})
      if (result.held.record.state !== 'active') {
        throw this.#dead(result.held, result.cause)
      }
      if (access !== undefined) return access
    }
    throw new RefreshTimeoutError(this.key, this.#policy.waitMs)
  }

  /** Ends the grant here at once, then at the provider (RFC 7009), as far as that can be. Answers whether it was there. */
  async disconnect(): Promise<boolean> {
    const { background, clock, emitter, store } = this.#options
    const known = this.#memory.held?.record.id
    const { record } = await this.#storeClock.ask(() => store.read(this.key))
    // A login that was stored here in the meantime stays.
    this.#memory.end([known, record?.id])
    if (record === undefined) return false
    const deletion = { id: record.id }
    const { record: deleted } = await persistently(clock, () => store.delete(this.key, deletion))
    if (deleted === undefined) return false
    emitter.emit('disconnected', { key: this.key, at: clock.now() })
    // What was deleted, which may be newer than what was read.
    const revoking = this.#revoke(deleted)
    // Where there is no background, the caller waits for the first attempt.
    if (background === 'none') await revoking
    else runInBackground(background, () => revoking)
    return true
  }

  /** Stores the token of a log-in in place of what is there; see `saveLogIn`. */
  async replace(token: Token, sameIdentity: (stored: Token) => boolean): Promise<void> {
    const { clock, core, key, obtain, sealer, store } = this.#options
    const saved = await saveLogIn(
      {
        key,
        store,
        sealer,
        clock,
        storeClock: this.#storeClock,
        policy: this.#policy,
        issuer: await core.issuer(token),
        clientId: core.clientId,
        obtainable: obtain !== undefined,
        idleLifetimeMs: core.provider.refresh?.idleLifetimeMs,
        absoluteLifetimeMs: core.provider.refresh?.absoluteLifetimeMs,
        sameIdentity,
      },
      token,
    )
    this.#flights.restart()
    await this.#memory.adopt(saved)
  }

  /** Revokes a disconnected grant at the provider, best effort: it is gone here already. */
  async #revoke(record: GrantRecord): Promise<void> {
    const { background, clock, key, logger, sealer } = this.#options
    const retries = background === 'none' ? AbortSignal.abort() : this.#closing.signal
    const work = sealer
      .open(record.key, record.id, record.sealed)
      .then(async (token) => (token === undefined ? undefined : revokeWithRetries(this.core, token, clock, retries)))
      .catch((error: unknown) =>
        logger?.warn('evergrant: a disconnected grant could not be revoked', { ...key, error }),
      )
      .finally(() => this.#revoking.delete(work))
    this.#revoking.add(work)
    await work
  }

  /** What the store knows of the grant. */
  async status(): Promise<GrantStatus> {
    const { record, now } = await this.#storeClock.ask(() => this.#options.store.read(this.key))
    if (record !== undefined) return statusOf(record, now)
    if (this.#memory.seed !== undefined) return statusOf((await this.#memory.place()).record, now)
    throw new GrantNotFoundError(this.key)
  }

  /** Ends the use of this keeper: waits for what is under way, revocations without their retries among it, and for unsaved tokens. */
  async close(): Promise<void> {
    this.#closing.abort()
    await this.#flights.close()
    await Promise.all(this.#revoking)
  }
}
