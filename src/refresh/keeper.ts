import type { ClientCore } from '../client/client-core.ts'
import type { Clock } from '../clock.ts'
import {
  ConfigError,
  GrantNotFoundError,
  ProviderUnavailableError,
  ReauthorizationRequiredError,
  RefreshTimeoutError,
  StoreError,
  TokenResponseError,
  isEvergrantError,
} from '../errors.ts'
import type { Emitter, RefreshCause } from '../events.ts'
import type { GrantKey } from '../grant-key.ts'
import type { Logger } from '../logger.ts'
import { RECORD_SCHEMA, type GrantRecord, type GrantStore, type NewGrant } from '../stores/store.ts'
import type { TokenOptions, TokenSource } from '../token-source.ts'
import type { AccessToken, Token } from '../token.ts'
import { abortable } from './abortable.ts'
import { runInBackground, type Background } from './background.ts'
import type { ClientHealth } from './client-health.ts'
import { Coordinator } from './coordinator.ts'
import { contentOf, type Sealer } from './envelope.ts'
import {
  assertKnownSchema,
  assess,
  hold,
  isBornSpent,
  isExpired,
  isOlder,
  servesMeanwhile,
  type Held,
  type Want,
} from './memory.ts'
import { resolvePolicy, type RefreshPolicy, type ResolvedPolicy } from './policy.ts'
import { randomId } from './random.ts'
import type { Outcome } from './redeeming.ts'
import { revokeWithRetries } from './revoke.ts'
import { saveLogIn } from './save-log-in.ts'
import { Saver } from './saver.ts'
import { statusOf, type GrantStatus } from './status.ts'
import { StoreClock } from './store-clock.ts'
import { TokenUpdater } from './token-updater.ts'

export interface KeeperOptions {
  readonly key: GrantKey
  readonly core: ClientCore
  readonly store: GrantStore
  readonly sealer: Sealer
  readonly policy: RefreshPolicy
  readonly background: Background
  readonly emitter: Emitter
  readonly health: ClientHealth
  readonly clock: Required<Clock>
  readonly logger: Logger | undefined
  readonly obtain: (() => Promise<Token>) | undefined
  readonly onToken?: ((token: Token) => void | Promise<void>) | undefined
  /** Whether the store is this keeper's own: nobody else writes it. */
  readonly alone: boolean
  /** The token that a keeper of its own store starts with. */
  readonly seed?: Token | undefined
}

interface FlightRequest extends Want {
  readonly cause: RefreshCause
  readonly force: boolean
  /** One more try for a dead grant. */
  readonly recheck?: boolean
}

interface FlightResult {
  readonly held: Held
  /** Whether a new token was had while this flight was under way, here or in another process. */
  readonly renewed: boolean
}

const POLL_FIRST_MS = 20
const POLL_LONGEST_MS = 200
/** The pause after a refresh whose token had no lifetime, and between two early refreshes that failed. */
const PAUSE_MS = 1000
/** How long a caller waits for a look at the store that is overdue, when it could be served without. */
const LOOK_PATIENCE_MS = 1000
const ROUNDS = 10

/** Keeps one grant fresh: what this process knows of it, its single flight, and the coordinator. There is one for each grant in a process. */
export class Keeper implements TokenSource {
  readonly key: GrantKey
  readonly core: ClientCore
  readonly #options: KeeperOptions
  readonly #clock: Required<Clock>
  readonly #policy: ResolvedPolicy
  readonly #storeClock: StoreClock
  readonly #saver: Saver
  readonly #updater: TokenUpdater | undefined
  readonly #coordinator: Coordinator
  #held: Held | undefined
  #flight: Promise<FlightResult> | undefined
  #look: Promise<void> | undefined
  #seed: Token | undefined
  #lookedAt = 0
  #freshUntil = 0
  #lookDueAt = 0
  #lookOverdueAt = 0
  /** No refresh before: after a token without lifetime. */
  #pausedUntil = 0
  #earlyAgainAt = 0
  /** The version whose refresh token may have been consumed. */
  #uncertain: string | undefined
  #closed = false

  constructor(options: KeeperOptions) {
    this.key = options.key
    this.core = options.core
    this.#options = options
    this.#clock = options.clock
    this.#seed = options.seed
    const { clock, core, emitter, key } = options
    this.#policy = resolvePolicy(
      options.policy,
      core.provider.refresh ?? {},
      core.timeoutMs,
      options.obtain === undefined,
    )
    this.#storeClock = new StoreClock(clock)
    const delayed = (attempts: number): void => {
      options.logger?.warn('evergrant: a new token could not be saved yet', { ...key, attempts })
      emitter.emit('save_delayed', { key, at: clock.now(), attempts })
    }
    this.#saver = new Saver(clock, delayed)
    this.#updater = options.onToken === undefined ? undefined : new TokenUpdater(options.onToken, clock, delayed)
    this.#coordinator = new Coordinator({
      ...options,
      storeClock: this.#storeClock,
      saver: this.#saver,
      policy: this.#policy,
      adoptLate: async (outcome) => {
        await this.#take(outcome)
        if (outcome.kind === 'renewed') void this.#updater?.deliver(outcome.token)
      },
    })
  }

  /** Whether nothing would be lost if this keeper were forgotten. */
  get disposable(): boolean {
    return this.#flight === undefined && !this.#saver.unsaved && this.#updater?.unsaved !== true
  }

  token(options?: TokenOptions): Promise<AccessToken> {
    if (
      options === undefined ||
      (options.rejected === undefined && options.minValidityMs === undefined && options.signal?.aborted !== true)
    ) {
      const answer = this.#answerAtOnce()
      if (answer !== undefined) return answer
    }
    return abortable(() => this.#serve(options ?? {}), options?.signal)
  }

  #answerAtOnce(): Promise<AccessToken> | undefined {
    const now = this.#clock.now()
    // A clock that was set back makes the last look doubtful.
    if (now >= this.#freshUntil || now >= this.#lookOverdueAt || now < this.#lookedAt) return undefined
    if (now >= this.#lookDueAt) this.#lookInBackground()
    return this.#held?.answer
  }

  async #serve(want: TokenOptions): Promise<AccessToken> {
    for (let round = 0; round < ROUNDS; round += 1) {
      const held = this.#held
      if (held?.access !== undefined && held.record.state === 'active') {
        const state = assess(held, want, this.#policy, this.#clock.now())
        if (state !== 'wanting') {
          await this.#revalidate()
          if (this.#held?.access !== held.access) continue
          if (state === 'early') this.#refreshEarly()
          return held.access
        }
      }
      const cause = want.rejected === undefined || want.rejected !== held?.token?.accessToken ? 'spent' : 'rejected'
      let result: FlightResult
      try {
        result = await this.#join({ ...want, cause, force: false })
      } catch (error) {
        const current = this.#held
        if (servesMeanwhile(current, want, this.#clock.now())) return current.access
        throw error
      }
      const access = this.#accept(result, want)
      if (access !== undefined) return access
    }
    throw new RefreshTimeoutError(this.key, this.#policy.waitMs)
  }

  /** What a flight's result gives a caller that waited for it; undefined sends it round again. */
  #accept({ held, renewed }: FlightResult, want: Want): AccessToken | undefined {
    const now = this.#clock.now()
    if (held.record.state !== 'active') {
      if (servesMeanwhile(held, want, now)) return held.access
      throw new ReauthorizationRequiredError(this.key, held.record.reason ?? 'revoked')
    }
    if (held.token === undefined || !renewed) return undefined
    // A token can expire while it is being saved; one without any lifetime is for the callers of its refresh.
    if (isExpired(held.token, now) && !isBornSpent(held.token)) return undefined
    return held.access
  }

  /** Refreshes now (unless a refresh is under way: then its result is taken). */
  async refresh(): Promise<AccessToken> {
    return this.#forced({ cause: 'manual', force: true })
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
      const result = await this.#join(request)
      const access = this.#accept(result, {})
      if (result.held.record.state !== 'active') {
        throw new ReauthorizationRequiredError(this.key, result.held.record.reason ?? 'revoked')
      }
      if (access !== undefined) return access
    }
    throw new RefreshTimeoutError(this.key, this.#policy.waitMs)
  }

  /** The process's single flight for this grant. */
  #join(request: FlightRequest): Promise<FlightResult> {
    if (this.#flight !== undefined) return this.#flight
    if (this.#closed) return Promise.reject(new ConfigError('This session was closed: make a new one.'))
    const clear = (): void => {
      if (this.#flight === flight) this.#flight = undefined
    }
    const flight: Promise<FlightResult> = this.#fly(request).then(
      async ({ notify, ...result }) => {
        // The flight ends for new callers before the application's updater runs: a call made in there must not wait for itself.
        clear()
        await notify?.()
        return result
      },
      (error: unknown) => {
        clear()
        this.#noteFailure(error)
        throw error
      },
    )
    this.#flight = flight
    return flight
  }

  #noteFailure(error: unknown): void {
    const wait = isEvergrantError(error) ? (error.retryAfterMs ?? PAUSE_MS) : PAUSE_MS
    this.#earlyAgainAt = this.#clock.now() + Math.max(PAUSE_MS, wait)
    const maybeConsumed =
      error instanceof TokenResponseError || (error instanceof ProviderUnavailableError && error.maybeProcessed)
    if (maybeConsumed) this.#uncertain = versionOf(this.#held)
  }

  async #fly(request: FlightRequest): Promise<FlightResult & { notify?: () => Promise<void> }> {
    const waitUntil = this.#clock.monotonic() + this.#policy.waitMs
    let startedFrom: Held | undefined
    for (;;) {
      const unsaved = this.#unsaved(request)
      if (unsaved !== undefined) return { held: unsaved, renewed: true }
      const held = (await this.#read()) ?? (await this.#place())
      startedFrom ??= held
      if (held.record.state !== 'active' && request.recheck !== true) return { held, renewed: false }
      if (request.force) {
        // Somebody else's refresh while this one waited is as good.
        if (!sameVersion(held, startedFrom)) return { held, renewed: true }
      } else {
        const state = assess(held, request, this.#policy, this.#clock.now())
        const enough = request.cause === 'early' ? state === 'fresh' : state !== 'wanting'
        if (enough) return { held, renewed: !sameVersion(held, startedFrom) }
      }
      const outcome = await this.#attempt(held, request)
      if (outcome.kind === 'renewed') {
        const renewed = await this.#take(outcome)
        if (renewed === undefined) continue
        return { held: renewed, renewed: true, notify: async () => this.#updater?.deliver(outcome.token) }
      }
      if (outcome.kind === 'later')
        throw this.#comeBack(outcome.code, this.#storeClock.toLocal(outcome.until) - this.#clock.now())
      if (outcome.kind !== 'busy') await this.#take(outcome)
      else if (outcome.leaseMs === 0) throw this.#comeBack('an answer that may still be on its way', outcome.waitMs)
      else await this.#waitForOther(held, outcome.waitMs, waitUntil)
    }
  }

  /** A process that holds an unsaved token neither claims nor sends; its callers get that token while it lasts. */
  #unsaved(want: Want): Held | undefined {
    if (!this.#saver.unsaved && this.#updater?.unsaved !== true) return undefined
    const held = this.#held
    if (servesMeanwhile(held, want, this.#clock.now())) return held
    throw new StoreError(
      `The newest token of subject '${this.key.subject}' at client '${this.key.client}' could not be saved yet, and no other is asked for before it is. It is kept in memory; try again.`,
      { retryAfterMs: PAUSE_MS },
    )
  }

  async #attempt(held: Held, request: FlightRequest): Promise<Outcome> {
    if (!held.record.renewable) return this.#coordinator.condemn(held.record, 'no_refresh_token')
    const pause = this.#pausedUntil - this.#clock.now()
    if (pause > 0) await this.#clock.delay(pause)
    return this.#coordinator.redeem(held.record, held.token, { cause: request.cause, force: request.force })
  }

  #comeBack(after: string, ms: number): ProviderUnavailableError {
    return new ProviderUnavailableError(
      `The grant of subject '${this.key.subject}' at client '${this.key.client}' can't be refreshed now, after ${after}. It is kept; the next attempt may be made in ${Math.ceil(ms)} ms.`,
      { retryAfterMs: Math.ceil(ms), maybeProcessed: false },
    )
  }

  /** Polls until another's refresh shows in the store or its lease is over. */
  async #waitForOther(held: Held, busyMs: number, waitUntil: number): Promise<void> {
    const busyUntil = this.#clock.monotonic() + busyMs
    let interval = POLL_FIRST_MS
    for (;;) {
      const left = Math.min(busyUntil, waitUntil) - this.#clock.monotonic()
      if (left > 0) await this.#clock.delay(Math.min(left, interval * (0.5 + Math.random() / 2)))
      interval = Math.min(interval * 1.5, POLL_LONGEST_MS)
      const { record, now } = await this.#options.store.read(this.key)
      this.#storeClock.observe(now)
      if (record === undefined || record.id !== held.record.id || record.version !== held.record.version) return
      // Released without a new token: the next attempt is this process's.
      if (record.lease === undefined || this.#clock.monotonic() >= busyUntil) return
      if (this.#clock.monotonic() >= waitUntil) throw new RefreshTimeoutError(this.key, this.#policy.waitMs)
    }
  }

  /** Takes what came of a redemption into memory. */
  async #take(outcome: Outcome): Promise<Held | undefined> {
    if (outcome.kind === 'renewed') {
      const { record, token, unsaved } = outcome
      if (isBornSpent(token)) this.#pausedUntil = this.#clock.now() + PAUSE_MS
      const current = unsaved
        ? {
            ...record,
            ...contentOf(token, '', { policy: this.#policy, obtainable: this.#options.obtain !== undefined }),
          }
        : record
      if (this.#held !== undefined && isOlder(current, this.#held.record)) return this.#held
      return this.#hold(hold(current, token))
    }
    if (outcome.kind === 'stored') return this.adopt(outcome.record)
    if (outcome.kind === 'gone') this.forget()
    return undefined
  }

  /** Takes a record of the store into memory. */
  async adopt(record: GrantRecord): Promise<Held> {
    assertKnownSchema(record)
    const held = this.#held
    if (held !== undefined && sameVersion(held, { record })) return this.#hold({ ...held, record })
    const stored = await this.#options.sealer.open(record.key, record.id, record.sealed)
    // Memory may have moved on while the seal was opened.
    if (this.#held !== undefined && isOlder(record, this.#held.record)) return this.#held
    return this.#hold(hold(record, stored === undefined ? undefined : this.#storeClock.tokenToLocal(stored)))
  }

  #hold(held: Held): Held {
    this.#held = held
    this.#lookedAt = this.#clock.now()
    const { alone } = this.#options
    const { revalidateMs } = this.#policy
    this.#lookDueAt = alone ? Number.POSITIVE_INFINITY : this.#lookedAt + revalidateMs
    // Without background work, the caller looks as soon as a look is due.
    const patience = this.#options.background === 'none' ? 1 : 2
    this.#lookOverdueAt = alone ? Number.POSITIVE_INFINITY : this.#lookedAt + patience * revalidateMs
    this.#freshUntil = 0
    if (held.token !== undefined && held.record.state === 'active') {
      const { earlyMs, spentMs } = this.#policy.margins(held.token)
      const margin = held.record.renewable ? Math.max(earlyMs, spentMs) : 0
      this.#freshUntil = held.token.expiresAt === undefined ? Number.POSITIVE_INFINITY : held.token.expiresAt - margin
    }
    return held
  }

  /** Forgets what this process knows of the grant. */
  forget(): void {
    this.#held = undefined
    this.#freshUntil = 0
  }

  async #read(): Promise<Held | undefined> {
    // Memory is ahead of the store while a token is unsaved.
    if (this.#saver.unsaved && this.#held !== undefined) return this.#held
    const { record, now } = await this.#options.store.read(this.key)
    this.#storeClock.observe(now)
    if (record !== undefined) return this.adopt(record)
    this.forget()
    return undefined
  }

  /** Where nothing is stored: puts the seed there, or, for a grant that the application obtains by itself, its place. */
  async #place(): Promise<Held> {
    const { obtain, sealer, store, alone } = this.#options
    const seed = this.#seed
    if (seed === undefined && obtain === undefined) throw new GrantNotFoundError(this.key)
    const id = randomId()
    const issuer = alone ? '' : await this.core.issuer()
    const sealed = await sealer.seal(this.key, id, seed)
    const content =
      seed === undefined
        ? { state: 'active' as const, sealed, renewable: true, refreshAfter: undefined }
        : contentOf(seed, sealed, { policy: this.#policy, obtainable: obtain !== undefined })
    const grant: NewGrant = { ...content, id, issuer, clientId: this.core.clientId, schema: RECORD_SCHEMA }
    const answer = await store.put(this.key, grant, { id: undefined })
    this.#storeClock.observe(answer.now)
    if (answer.record === undefined)
      throw new StoreError('The store answered a write without the record. It does not keep the store contract.')
    this.#seed = undefined
    return this.adopt(answer.record)
  }

  /** A disconnected or replaced grant must not be served for long; a store that is down must not stop anybody. */
  async #revalidate(): Promise<void> {
    const now = this.#clock.now()
    if (now < this.#lookDueAt && now >= this.#lookedAt) return
    if (now < this.#lookOverdueAt && now >= this.#lookedAt) {
      this.#lookInBackground()
      return
    }
    const over = new AbortController()
    const patience = this.#clock.delay(LOOK_PATIENCE_MS, over.signal).catch(() => undefined)
    await Promise.race([this.#lookOnce(), patience])
    over.abort()
  }

  #lookInBackground(): void {
    if (this.#look === undefined) runInBackground(this.#options.background, () => this.#lookOnce())
  }

  /** Looks at the store; when that fails, the next look is due in a second. */
  #lookOnce(): Promise<void> {
    this.#look ??= this.#read()
      .then(
        () => undefined,
        () => {
          this.#lookedAt = Math.min(this.#lookedAt, this.#clock.now())
          this.#lookDueAt = this.#clock.now() + PAUSE_MS
          this.#lookOverdueAt = this.#lookDueAt + PAUSE_MS
        },
      )
      .finally(() => {
        this.#look = undefined
      })
    return this.#look
  }

  #refreshEarly(): void {
    if (this.#flight !== undefined || this.#closed || this.#clock.now() < this.#earlyAgainAt) return
    // A refresh token that may have been consumed is tried again only when the access token is spent, unless that is harmless.
    const { intent } = this.#held?.record ?? {}
    const uncertain =
      intent?.everUnknown === true || (this.#uncertain !== undefined && this.#uncertain === versionOf(this.#held))
    if (uncertain && !this.#policy.forgiving) return
    this.#earlyAgainAt = this.#clock.now() + PAUSE_MS
    runInBackground(this.#options.background, () => this.#join({ cause: 'early', force: false }))
  }

  /** Ends the grant here at once, then at the provider (RFC 7009), as far as that can be. Answers whether it was there. */
  async disconnect(): Promise<boolean> {
    const { background, clock, emitter, sealer, store } = this.#options
    const { record } = await store.read(this.key)
    this.#seed = undefined
    this.forget()
    if (record === undefined || !(await store.delete(this.key, { id: record.id }))) return false
    emitter.emit('disconnected', { key: this.key, at: clock.now() })
    const revoking = async (): Promise<void> => {
      const token = await sealer.open(record.key, record.id, record.sealed)
      if (token !== undefined) await revokeWithRetries(this.core, token, clock)
    }
    // Where there is no background, the caller waits for one attempt's worth.
    if (background === 'none') await revoking().catch(() => undefined)
    else runInBackground(background, revoking)
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
        issuer: await core.issuer(),
        clientId: core.clientId,
        obtainable: obtain !== undefined,
        idleLifetimeMs: core.provider.refresh?.idleLifetimeMs,
        sameIdentity,
      },
      token,
    )
    this.#pausedUntil = 0
    await this.adopt(saved)
  }

  /** What the store knows of the grant. */
  async status(): Promise<GrantStatus> {
    const { record, now } = await this.#options.store.read(this.key)
    if (record !== undefined) return statusOf(record, now)
    if (this.#seed !== undefined) return statusOf((await this.#place()).record, now)
    throw new GrantNotFoundError(this.key)
  }

  /** Ends the use of this keeper: waits for what is under way and for unsaved tokens. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#flight?.catch(() => undefined)
    await this.#coordinator.idle()
    await this.#saver.idle()
    await this.#updater?.idle()
  }
}

function versionOf(held: { readonly record: GrantRecord } | undefined): string | undefined {
  return held === undefined ? undefined : `${held.record.id} ${held.record.version}`
}

function sameVersion(
  a: { readonly record: GrantRecord } | undefined,
  b: { readonly record: GrantRecord } | undefined,
): boolean {
  return a?.record.id === b?.record.id && a?.record.version === b?.record.version
}
