import { type Clock, stopwatch } from '../util/clock.ts'
import { makeToken, type Token } from '../model/token.ts'

/** Differences that are certainly smaller than this come from the response time, not from the clock. */
const NOISE_MS = 1000

/** Difference between a store's clock and this process's monotonic one, at least and at most. */
export interface Steady {
  readonly least: number
  readonly most: number
}

/**
 * The store's time as this process has learned it. Everything written in the store, leases and expiries, is in that
 * time. A slow response leaves the offset of the clocks uncertain; expiries then count as early as they may be, both
 * ways.
 */
export class StoreClock {
  readonly #clock: Pick<Required<Clock>, 'now' | 'monotonic'>
  /** The store's clock is ahead by at least, and at most, this. */
  #leastMs = 0
  #mostMs = 0
  #learned = false
  #seen: { readonly monotonic: number; readonly now: number }
  #setBackMs = 0
  /**
   * The store's time minus the monotonic one at the last response, at least and at most. It decreases only if the
   * store's clock is set back.
   */
  #steady: Steady | undefined

  constructor(clock: Pick<Required<Clock>, 'now' | 'monotonic'>) {
    this.#clock = clock
    this.#seen = { monotonic: clock.monotonic(), now: clock.now() }
  }

  /** Calls the store, and learns from the time in its response. */
  async ask<A extends { readonly now: number }>(question: () => Promise<A>): Promise<A> {
    this.#notice()
    const monotonic = this.#clock.monotonic()
    const took = stopwatch(this.#clock)
    const answer = await question()
    const tookMs = took()
    // The machine slept, or its clock was set forward or back: what was known of it is outdated.
    this.#notice()
    this.#observe(answer.now, tookMs)
    this.#steady = { least: answer.now - this.#clock.monotonic(), most: answer.now - monotonic }
    return answer
  }

  /**
   * How far this process's time of day was set back in total, measured by the monotonic clock. Times taken earlier are
   * moved by what was added since.
   */
  get setBackMs(): number {
    this.#notice()
    return this.#setBackMs
  }

  /**
   * How much further the time of day went than the monotonic clock since the last call: below 0 if it was set back.
   * What is known of the store moves along.
   */
  #notice(): number {
    const [monotonic, now] = [this.#clock.monotonic(), this.#clock.now()]
    const ahead = now - this.#seen.now - (monotonic - this.#seen.monotonic)
    if (Math.abs(ahead) <= NOISE_MS) return 0
    this.#seen = { monotonic, now }
    // The store may be on this machine, and its clock set with this one: only its next response shows it.
    this.#learned = false
    if (ahead < 0) {
      this.#setBackMs -= ahead
      this.#leastMs -= ahead
      this.#mostMs -= ahead
    }
    return ahead
  }

  /** Takes over what another clock of the same store knows, as long as this one knows nothing. */
  learnFrom(other: StoreClock): void {
    if (this.#learned) return
    this.#leastMs = other.#leastMs
    this.#mostMs = other.#mostMs
    this.#learned = other.#learned
    this.#steady = other.#steady
  }

  /** State of the store's clock at its last response, for `setBackSince`. */
  get steady(): Steady | undefined {
    return this.#steady
  }

  /**
   * How far, at least, the store's clock was set back between that state and its last response, as far as this process
   * can know. 0: not set back.
   */
  setBackSince(then: Steady | undefined): number {
    if (then === undefined || this.#steady === undefined) return 0
    const ms = then.least - this.#steady.most
    return ms > NOISE_MS ? ms : 0
  }

  /** The store read its clock at some moment of the `tookMs`. */
  #observe(storeNow: number, tookMs: number): void {
    const least = storeNow - this.#clock.now()
    const most = least + tookMs
    const fits = this.#learned && least <= this.#mostMs && most >= this.#leastMs
    this.#learned = true
    if (least > -NOISE_MS && most < NOISE_MS) {
      this.#leastMs = 0
      this.#mostMs = 0
    } else {
      // The known bounds and the new response narrow each other, unless a clock was set in between.
      this.#leastMs = fits ? Math.max(least, this.#leastMs) : least
      this.#mostMs = fits ? Math.min(most, this.#mostMs) : most
    }
  }

  /** Whether the store has responded yet: before that, its time is a guess. */
  get learned(): boolean {
    this.#notice()
    return this.#learned
  }

  /** Returns the store's current time. */
  now(): number {
    return this.toStore(this.#clock.now())
  }

  toStore(local: number): number {
    this.#notice()
    return local + this.#leastMs
  }

  toLocal(store: number): number {
    this.#notice()
    return store - this.#mostMs
  }

  tokenToStore(token: Token): Token {
    return this.teller()(token)
  }

  /** Returns a function that converts tokens of this moment to the store's time, even if the clock is set later. */
  teller(): (token: Token) => Token {
    this.#notice()
    const ms = this.#leastMs
    return (token) => shifted(token, ms)
  }

  /** Returns a function that moves tokens of this moment by how far this process's clock is set back later. */
  mover(): (token: Token) => Token {
    const { setBackMs } = this
    return (token) => shifted(token, setBackMs - this.setBackMs)
  }

  tokenToLocal(token: Token): Token {
    this.#notice()
    return shifted(token, -this.#mostMs)
  }
}

/** Returns the same token by a clock that is `ms` ahead. */
export function shifted(token: Token, ms: number): Token {
  if (ms === 0) return token
  const shift = (at: number | undefined): number | undefined => (at === undefined ? undefined : at + ms)
  return makeToken({
    ...token,
    receivedAt: token.receivedAt + ms,
    expiresAt: shift(token.expiresAt),
    refreshTokenExpiresAt: shift(token.refreshTokenExpiresAt),
  })
}
