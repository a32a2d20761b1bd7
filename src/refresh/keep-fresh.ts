import type { Clock } from '../clock.ts'
import { ConfigError, ReauthorizationRequiredError, isEvergrantError } from '../errors.ts'
import type { Logger } from '../logger.ts'
import type { GrantRecord, GrantStore } from '../stores/store.ts'
import { jittered } from './backoff.ts'
import type { Keeper } from './keeper.ts'
import { RateLimit } from './rate-limit.ts'
import { StoreClock } from './store-clock.ts'

/** How a worker keeps grants fresh. */
export interface KeepFreshOptions {
  /** Grants are renewed so long before they are due by themselves, in milliseconds. @default 0 */
  readonly withinMs?: number
  /** How many refreshes this worker has under way at most. @default 16 */
  readonly concurrency?: number
  /** Limits for each client's provider, in this worker. */
  readonly perClient?: { readonly concurrency?: number; readonly perSecond?: number }
  /** Stops the worker: what is under way is finished. */
  readonly signal?: AbortSignal
}

/** What a worker has done so far. */
export interface KeepFreshStats {
  /** Grants renewed by this worker. */
  readonly refreshed: number
  /** Attempts that failed; the grants live and come again after their back-off. */
  readonly failed: number
  /** Grants found dead. */
  readonly dead: number
  /** Grants that another process renewed or was renewing. */
  readonly skipped: number
  /** Refreshes under way now. */
  readonly underway: number
}

/** A worker that is running. */
export interface KeepFresh {
  /** Resolves when the worker was stopped and nothing of it is under way; never rejects. */
  readonly done: Promise<void>
  stats(): KeepFreshStats
  /** Stops the worker; resolves as `done` does. */
  stop(): Promise<void>
}

/** What the worker needs of the grants. */
export interface KeepFreshContext {
  readonly store: GrantStore
  readonly clock: Required<Clock>
  readonly logger: Logger | undefined
  readonly keeperOf: (record: GrantRecord) => Promise<Keeper>
}

const CONCURRENCY = 16
/** So many times its concurrency a worker takes at most: with a store in many parts (Redis) asking costs more than a grant's claim. */
const AHEAD = 4
/** A worker that dies gives its share back after this. */
const RESERVE_MS = 60_000
const IDLE_MS = 1000
const LONGEST_PAUSE_MS = 30_000

type Counts = { -readonly [K in keyof KeepFreshStats]: number }

/** Renews grants as they become due. Any number of processes may run one: each due grant is reserved for one of them, and redeemed under its lease. */
export function keepFresh(context: KeepFreshContext, options: KeepFreshOptions = {}): KeepFresh {
  const worker = new Worker(context, checked(options))
  const done = worker.run()
  const stop = (): Promise<void> => {
    worker.stop()
    return done
  }
  if (options.signal?.aborted === true) worker.stop()
  options.signal?.addEventListener('abort', () => worker.stop(), { once: true })
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
  /** How many grants it has taken and not finished at most. */
  readonly #most: number
  readonly #storeClock: StoreClock
  readonly #limits = new Map<string, RateLimit>()
  readonly #underway = new Set<Promise<void>>()
  readonly #stopped = new AbortController()

  constructor(context: KeepFreshContext, options: KeepFreshOptions) {
    this.#context = context
    this.#options = options
    this.#concurrency = options.concurrency ?? CONCURRENCY
    // What was taken must be begun before its reservation is over, be it all of one client.
    const { perSecond = Number.POSITIVE_INFINITY } = options.perClient ?? {}
    const begun = Math.floor((perSecond * RESERVE_MS) / 2000)
    this.#most = Math.min(AHEAD * this.#concurrency, Math.max(this.#concurrency + 1, begun))
    this.#storeClock = new StoreClock(context.clock)
  }

  stop(): void {
    this.#stopped.abort()
  }

  async run(): Promise<void> {
    let pause = IDLE_MS
    while (!this.#stopped.signal.aborted) {
      try {
        const taken = await this.#takeDue()
        pause = IDLE_MS
        if (taken === 0) await this.#rest(pause)
      } catch (error) {
        this.#context.logger?.warn('evergrant: the keep-fresh worker could not ask the store for due grants', {
          code: isEvergrantError(error) ? error.code : 'unexpected_error',
        })
        await this.#rest(pause)
        pause = Math.min(pause * 2, LONGEST_PAUSE_MS)
      }
    }
    await Promise.all(this.#underway)
  }

  /** Takes a batch as large as there is room for, and waits until there is room again. */
  async #takeDue(): Promise<number> {
    const { withinMs = 0 } = this.#options
    const limit = this.#most - this.#underway.size
    const request = { before: this.#storeClock.now() + withinMs, limit, reserveMs: RESERVE_MS }
    const { records } = await this.#storeClock.ask(() => this.#context.store.due(request))
    for (const record of records) this.#begin(record)
    while (this.#underway.size > this.#concurrency) await Promise.race(this.#underway)
    return records.length
  }

  #begin(record: GrantRecord): void {
    const work: Promise<void> = this.#limitOf(record.key.client)
      .run(() => this.#renew(record))
      .finally(() => this.#underway.delete(work))
    this.#underway.add(work)
  }

  #limitOf(client: string): RateLimit {
    let limit = this.#limits.get(client)
    if (limit === undefined) {
      const { concurrency = this.#concurrency, perSecond } = this.#options.perClient ?? {}
      limit = new RateLimit({ concurrency: Math.min(concurrency, this.#concurrency), perSecond }, this.#context.clock)
      this.#limits.set(client, limit)
    }
    return limit
  }

  async #renew(record: GrantRecord): Promise<void> {
    // What was taken and not begun is left to the others, whose turn comes when the reservation is over.
    if (this.#stopped.signal.aborted) return
    this.counts.underway += 1
    try {
      const keeper = await this.#context.keeperOf(record)
      const renewed = await keeper.keepAlive(record, this.#storeClock)
      this.counts[renewed ? 'refreshed' : 'skipped'] += 1
    } catch (error) {
      if (error instanceof ReauthorizationRequiredError) this.counts.dead += 1
      else this.counts.failed += 1
      if (error instanceof ConfigError) {
        this.#context.logger?.error('evergrant: a due grant cannot be renewed', { ...record.key, error })
      }
    } finally {
      this.counts.underway -= 1
    }
  }

  async #rest(ms: number): Promise<void> {
    try {
      await this.#context.clock.delay(jittered(ms), this.#stopped.signal)
    } catch {
      // Stopped.
    }
  }
}
