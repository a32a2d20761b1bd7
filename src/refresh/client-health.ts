import type { Clock } from '../clock.ts'

const WINDOW_MS = 60_000
/** So many deaths of grants in a minute without one success look like a broken registration, not like users that left. */
const SUSPICIOUS_DEATHS = 10
const SUSPICIOUS_REFUSALS = 3
const FIRST_DELAY_MS = 1000
const LONGEST_DELAY_MS = 300_000

/** What this process has seen of one client's registration: back-off after `invalid_client`, and the suspicion that stops verdicts. */
export class ClientHealth {
  /** Its time of day may be set meanwhile: only `monotonic` counts here. */
  readonly #clock: Pick<Required<Clock>, 'monotonic'>
  readonly #onSuspect: (error: string) => void
  #deaths: number[] = []
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

  /** Milliseconds until the client may be used again after the provider refused it; 0 when it may be now. */
  get waitMs(): number {
    return Math.max(0, this.#retryAt - this.#clock.monotonic())
  }

  succeeded(): void {
    this.#deaths = []
    this.#refusals = 0
    this.#delayMs = 0
    this.#retryAt = Number.NEGATIVE_INFINITY
    this.#suspect = false
  }

  /** The provider refused the client itself. */
  refused(error: string): void {
    this.#refusals += 1
    this.#delayMs = Math.min(LONGEST_DELAY_MS, Math.max(FIRST_DELAY_MS, this.#delayMs * 2))
    this.#retryAt = this.#clock.monotonic() + this.#delayMs
    if (this.#refusals >= SUSPICIOUS_REFUSALS) this.#suspectNow(error)
  }

  /** A grant seems dead. Answers whether that may be believed. */
  died(error: string): boolean {
    const now = this.#clock.monotonic()
    this.#deaths = [...this.#deaths.filter((at) => now - at < WINDOW_MS), now]
    if (this.#deaths.length > SUSPICIOUS_DEATHS) this.#suspectNow(error)
    return !this.#suspect
  }

  #suspectNow(error: string): void {
    if (this.#suspect) return
    this.#suspect = true
    this.#onSuspect(error)
  }
}
