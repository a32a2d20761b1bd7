import type { Clock } from '../util/clock.ts'
import { ConfigError, ReauthorizationRequiredError, isEvergrantError } from '../model/errors.ts'
import { encodeKey } from '../model/grant-key.ts'
import type { Logger } from '../model/logger.ts'
import type { GrantRecord, GrantStore } from '../stores/store.ts'
import { jittered } from './failure.ts'
import { within } from '../util/async.ts'
import { FairQueue } from './worker-queue.ts'
import type { LiveGrant } from './live-grant.ts'
import { loadAhead } from '../util/lazy.ts'
import { StoreClock } from './store-clock.ts'

/** How a worker keeps grants fresh. */
export interface KeepFreshOptions {
  /** How much earlier than its due time a grant is refreshed, in ms. @default 0 */
  readonly withinMs?: number | undefined
  /** Maximum number of concurrent refreshes of this worker. One that hangs for a minute does not count. @default 16 */
  readonly concurrency?: number | undefined
  /** Limits for each client's provider, in this worker. */
  readonly perClient?: { readonly concurrency?: number; readonly perSecond?: number } | undefined
  /** Stops the worker. Refreshes in progress are finished. */
  readonly signal?: AbortSignal | undefined
}

/** What a worker has done so far. */
export interface KeepFreshStats {
  /** Number of grants refreshed by this worker. */
  readonly refreshed: number
  /** Number of failed attempts. The worker retries these grants after their back-off. */
  readonly failed: number
  /** Number of grants found to have ended. */
  readonly dead: number
  /** Number of grants that another process refreshed or was refreshing. */
  readonly skipped: number
  /** Number of refreshes in progress. */
  readonly underway: number
}

/** A running worker. */
export interface KeepFresh {
  /** Resolves when the worker is stopped and nothing is in progress. Never rejects. */
  readonly done: Promise<void>
  stats(): KeepFreshStats
  /** Stops the worker. Resolves as `done` does. */
  stop(): Promise<void>
}

/** What the worker requires of the grants. */
export interface KeepFreshContext {
  readonly store: GrantStore
  readonly clock: Required<Clock>
  readonly logger: Logger | undefined
  readonly liveGrantOf: (record: GrantRecord) => LiveGrant
}

const CONCURRENCY = 16
/**
 * Multiple of its concurrency that a worker takes at most: in a store with many parts (Redis), a query costs more than
 * a grant's claim.
 */
const AHEAD = 4
/**
 * Time after which the grants of a crashed worker are free again. Grants that cannot start in this time become due
 * again too.
 */
const RESERVE_MS = 60_000
const IDLE_MS = 1000
const LONGEST_PAUSE_MS = 30_000
/** How often, and how far, a worker with busy clients searches behind their grants for those of other clients. */
const LOOK_FURTHER_MS = 1000
const FURTHEST = 1000
/** The same while all remaining work belongs to clients that are at their limits. */
const FRUITLESS_MS = 100
/** Time after which a hanging refresh no longer takes a place. */
const PLACE_MS = 60_000

type Counts = { -readonly [K in keyof KeepFreshStats]: number }

/**
 * Refreshes grants as they become due. Any number of processes may run one: each due grant is reserved for one of them,
 * and redeemed under its lease.
 */
export function keepFresh(context: KeepFreshContext, options: KeepFreshOptions = {}): KeepFresh {
  const worker = new Worker(context, checked(options))
  loadAhead()
  const { signal } = options
  const onAbort = (): void => worker.stop()
  if (signal?.aborted === true) worker.stop()
  signal?.addEventListener('abort', onAbort, { once: true })
  const done = worker.run().finally(() => signal?.removeEventListener('abort', onAbort))
  const stop = (): Promise<void> => {
    worker.stop()
    return done
  }
  return { done, stats: () => ({ ...worker.counts }), stop }
}

function checked(options: KeepFreshOptions): KeepFreshOptions {
  const { withinMs = 0, concurrency = CONCURRENCY, perClient = {} } = options
  const positive = {
    concurrency,
    'perClient.concurrency': perClient.concurrency,
    'perClient.perSecond': perClient.perSecond,
  }
  for (const [name, value] of Object.entries(positive)) {
    if (value !== undefined && !(value > 0))
      throw new ConfigError(`Expected ${name} of keepFresh() to be more than 0, got ${value}.`)
  }
  if (!(withinMs >= 0))
    throw new ConfigError(`Expected withinMs of keepFresh() to be 0 or more milliseconds, got ${withinMs}.`)
  return options
}

class Worker {
  readonly counts: Counts = { refreshed: 0, failed: 0, dead: 0, skipped: 0, underway: 0 }
  readonly #context: KeepFreshContext
  readonly #options: KeepFreshOptions
  readonly #concurrency: number
  /** Maximum number of grants taken and not finished, while no client is at its limit. */
  readonly #most: number
  readonly #storeClock: StoreClock
  readonly #queue: FairQueue<GrantRecord>
  /** The refreshes that take up a place. */
  readonly #running = new Set<Promise<void>>()
  /** The keys of the refreshes in progress, including hanging ones that take no place. */
  readonly #underway = new Set<string>()
  readonly #stopped = new AbortController()
  #resting = new AbortController()
  /** When to search for due grants next, and when the last search was (monotonic). */
  #lookAt = Number.NEGATIVE_INFINITY
  #lookedAt = Number.NEGATIVE_INFINITY
  #further: number
  /** Whether nothing of the last search could be kept: the next searches take longer and longer steps. */
  #passesOver = false
  #failurePause = IDLE_MS

  constructor(context: KeepFreshContext, options: KeepFreshOptions) {
    this.#context = context
    this.#options = options
    this.#concurrency = options.concurrency ?? CONCURRENCY
    const { concurrency = this.#concurrency, perSecond } = options.perClient ?? {}
    // A taken grant must start before its reservation is over, even if all belong to one client.
    const begun = Math.floor(((perSecond ?? Number.POSITIVE_INFINITY) * RESERVE_MS) / 2000)
    this.#most = Math.min(AHEAD * this.#concurrency, Math.max(this.#concurrency + 1, begun))
    this.#further = this.#most
    const limits = { concurrency: Math.min(concurrency, this.#concurrency), perSecond, keepMs: RESERVE_MS }
    this.#queue = new FairQueue(limits, context.clock)
    this.#storeClock = new StoreClock(context.clock)
  }

  stop(): void {
    this.#stopped.abort()
    this.#resting.abort()
  }

  async run(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      this.#begin()
      const now = this.#context.clock.monotonic()
      const lookInMs = this.#mayLookAt() - now
      if (lookInMs <= 0) await this.#look()
      else await this.#rest(Math.min(lookInMs, this.#turnInMs(now)))
    }
    await Promise.all(this.#running)
  }

  /** Whether no grant waits for others of its own worker: then more may be taken. */
  get #hasRoom(): boolean {
    return this.#running.size + this.#queue.size <= this.#concurrency
  }

  /** Time after which an item may start without another one ending. */
  #turnInMs(now: number): number {
    return this.#running.size < this.#concurrency ? Math.max(this.#queue.readyAt - now, 1) : Number.POSITIVE_INFINITY
  }

  #mayLookAt(): number {
    const idle = this.#running.size < this.#concurrency && this.#queue.ready === 0
    return this.#hasRoom || idle ? this.#lookAt : Math.max(this.#lookAt, this.#lookedAt + LOOK_FURTHER_MS)
  }

  /**
   * Takes due grants, and keeps those that can start in time. The rest was reserved with them, so that the next search
   * continues behind them: no client's grants, however many, hide those of another one.
   */
  async #look(): Promise<void> {
    const { clock, logger, store } = this.#context
    const { withinMs = 0 } = this.#options
    const goesFurther = !this.#hasRoom || this.#passesOver
    const limit = goesFurther ? this.#further : this.#most - this.#running.size - this.#queue.size
    try {
      // Reservations end at a time of the store's clock: it must be known.
      if (!this.#storeClock.learned) await this.#storeClock.ask(() => store.due({ before: 0, limit: 1 }))
      const request = { before: this.#storeClock.now() + withinMs, limit, reserveMs: RESERVE_MS }
      const { records } = await this.#storeClock.ask(() => store.due(request))
      const ready = this.#queue.ready
      let kept = 0
      for (const record of records)
        if (!this.#underway.has(encodeKey(record.key)) && this.#queue.offer(record.key.client, record)) kept += 1
      this.#passesOver = records.length > 0 && kept === 0
      const fruitful = this.#queue.ready > ready
      this.#failurePause = IDLE_MS
      this.#further = fruitful || records.length === 0 ? this.#most : Math.min(FURTHEST, this.#further * 2)
      this.#lookedAt = clock.monotonic()
      this.#lookAt = this.#lookedAt
      if (records.length === 0) this.#lookAt += jittered(IDLE_MS)
      else if (!fruitful) this.#lookAt += FRUITLESS_MS
    } catch (error) {
      logger?.warn('evergrant: the keep-fresh worker could not ask the store for due grants', {
        code: isEvergrantError(error) ? error.code : 'unexpected_error',
      })
      this.#lookedAt = clock.monotonic()
      this.#lookAt = this.#lookedAt + jittered(this.#failurePause)
      this.#failurePause = Math.min(this.#failurePause * 2, LONGEST_PAUSE_MS)
    }
  }

  /**
   * Starts what may start. Taken grants that do not start are left to other workers, whose turn comes when the
   * reservation is over.
   */
  #begin(): void {
    while (this.#running.size < this.#concurrency && !this.#stopped.signal.aborted) {
      const turn = this.#queue.next()
      if (turn === undefined) return
      const place: Promise<void> = within(this.#renew(turn.item), this.#context.clock, PLACE_MS).then(() => {
        turn.end()
        this.#running.delete(place)
        this.#begin()
        this.#resting.abort()
      })
      this.#running.add(place)
    }
  }

  /** Never rejects. */
  async #renew(record: GrantRecord): Promise<void> {
    const name = encodeKey(record.key)
    this.counts.underway += 1
    this.#underway.add(name)
    try {
      const renewed = await this.#context.liveGrantOf(record).keepAlive(record, this.#storeClock)
      this.counts[renewed ? 'refreshed' : 'skipped'] += 1
    } catch (error) {
      if (error instanceof ReauthorizationRequiredError) this.counts.dead += 1
      else this.counts.failed += 1
      if (error instanceof ConfigError) {
        this.#context.logger?.error('evergrant: a due grant cannot be renewed', { ...record.key, error })
      }
    } finally {
      this.counts.underway -= 1
      this.#underway.delete(name)
    }
  }

  /** A worker keeps its process running: each of its waits needs a timer or a request. */
  async #rest(ms: number): Promise<void> {
    this.#resting = new AbortController()
    if (this.#stopped.signal.aborted) return
    try {
      await this.#context.clock.delay(Math.min(ms, IDLE_MS), this.#resting.signal)
    } catch {
      // Woken, or stopped.
    }
  }
}
