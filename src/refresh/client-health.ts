import type { Clock } from '../util/clock.ts'
import type { Emitter } from '../model/events.ts'
import type { Logger } from '../model/logger.ts'

const WINDOW_MS = 60_000
/**
 * Number of different grants that end within a minute, without one success, from which the registration looks broken.
 */
const SUSPICIOUS_DEATHS = 10
const SUSPICIOUS_REFUSALS = 3
/** Number of different grants rejected with a registration's code that shows a problem of the client. */
const DIFFERENT_GRANTS = 2
const FIRST_DELAY_MS = 1000
const LONGEST_DELAY_MS = 300_000

/**
 * What this process has seen of one client's registration: its back-off after refusals of different grants, and the
 * suspicion that stops verdicts.
 */
export class ClientHealth {
  /** The time of day may be set in between: only `monotonic` counts here. */
  readonly #clock: Pick<Required<Clock>, 'monotonic'>
  readonly #onSuspect: (error: string) => void
  #deaths = new Map<string, number>()
  readonly #refused = new Set<string>()
  #refusals = 0
  #delayMs = 0
  #retryAt = Number.NEGATIVE_INFINITY
  #suspect = false

  constructor(clock: Pick<Required<Clock>, 'monotonic'>, onSuspect: (error: string) => void) {
    this.#clock = clock
    this.#onSuspect = onSuspect
  }

  /** Whether the registration rather than the grants seems broken. */
  get suspect(): boolean {
    return this.#suspect
  }

  /** Whether there is nothing to remember. */
  get idle(): boolean {
    const now = this.#clock.monotonic()
    return (
      !this.#suspect && this.#refusals === 0 && [...this.#deaths.values()].every((diedAt) => now - diedAt >= WINDOW_MS)
    )
  }

  /** Milliseconds until the client may be used again after the provider refused it. 0: now. */
  get waitMs(): number {
    return Math.max(0, this.#retryAt - this.#clock.monotonic())
  }

  /**
   * The same for a caller that is about to use the client. After a back-off, one caller is admitted alone; its success
   * admits the others.
   */
  admit(): number {
    const { waitMs } = this
    if (waitMs === 0 && this.#delayMs > 0) this.#retryAt = this.#clock.monotonic() + this.#delayMs
    return waitMs
  }

  succeeded(): void {
    this.#deaths.clear()
    this.#refused.clear()
    this.#refusals = 0
    this.#delayMs = 0
    this.#retryAt = Number.NEGATIVE_INFINITY
    this.#suspect = false
  }

  /** Records that the provider refused the client itself, for this grant. */
  refused(grant: string, error: string): void {
    this.#refusals += 1
    if (this.#refused.size < DIFFERENT_GRANTS) this.#refused.add(grant)
    if (this.#refused.size < DIFFERENT_GRANTS) return
    this.#delayMs = Math.min(LONGEST_DELAY_MS, Math.max(FIRST_DELAY_MS, this.#delayMs * 2))
    this.#retryAt = this.#clock.monotonic() + this.#delayMs
    if (this.#refusals >= SUSPICIOUS_REFUSALS) this.#suspectNow(error)
  }

  /** Records that this grant seems to have ended. Returns whether that is credible. */
  died(grant: string, error: string): boolean {
    const now = this.#clock.monotonic()
    for (const [each, diedAt] of this.#deaths) if (now - diedAt >= WINDOW_MS) this.#deaths.delete(each)
    this.#deaths.set(grant, now)
    if (this.#deaths.size > SUSPICIOUS_DEATHS) this.#suspectNow(error)
    return !this.#suspect
  }

  #suspectNow(error: string): void {
    if (this.#suspect) return
    this.#suspect = true
    this.#onSuspect(error)
  }
}

/** The health of a client whose suspicion is logged and emitted. */
export function watchedHealth({
  clock,
  emitter,
  logger,
  name,
}: {
  readonly name: string
  readonly clock: Required<Clock>
  readonly emitter: Emitter
  readonly logger: Logger | undefined
}): ClientHealth {
  return new ClientHealth(clock, (error) => {
    logger?.error(
      'evergrant: the client registration seems broken; no grant is marked as ended until a refresh succeeds',
      { client: name, error },
    )
    emitter.emit('client_suspect', { client: name, at: clock.now(), error })
  })
}

/** Maximum number of remembered clients. Beyond it, the least recently used one is forgotten. */
const MOST = 1000

/** The health of clients by name. Healthy clients cost nothing, however many tenants there are. */
export class ClientHealths {
  readonly #known = new Map<string, ClientHealth>()

  of(name: string, make: () => ClientHealth): ClientHealth {
    const health = this.#known.get(name) ?? make()
    this.#known.delete(name)
    this.#known.set(name, health)
    if (this.#known.size > MOST) this.#forget()
    return health
  }

  #forget(): void {
    for (const [name, health] of this.#known) if (health.idle) this.#known.delete(name)
    const [oldest] = this.#known.keys()
    if (this.#known.size > MOST && oldest !== undefined) this.#known.delete(oldest)
  }
}
