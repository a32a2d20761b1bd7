import type { Clock } from '../clock.ts'
import { makeToken, type Token } from '../token.ts'

/** A difference this small is the time of the answer, not of the clock. */
const NOISE_MS = 1000

/** The store's time as this process has learned it: what is written in the store, leases and expiries, is in that time. */
export class StoreClock {
  readonly #clock: Pick<Required<Clock>, 'now' | 'monotonic'>
  #offsetMs = 0
  #learned = false

  constructor(clock: Pick<Required<Clock>, 'now' | 'monotonic'>) {
    this.#clock = clock
  }

  /** Asks the store, and learns from the time that its answer carries. */
  async ask<A extends { readonly now: number }>(question: () => Promise<A>): Promise<A> {
    const askedAt = this.#clock.monotonic()
    const answer = await question()
    this.#observe(answer.now, this.#clock.monotonic() - askedAt)
    return answer
  }

  /** Takes another's word for the store's time, as long as nothing better is known. */
  hint(storeNow: number): void {
    if (!this.#learned) this.#observe(storeNow, 0)
  }

  /** The store looked at its clock at some moment of the `tookMs`: a slow answer says little, and what fits it stays. */
  #observe(storeNow: number, tookMs: number): void {
    const least = storeNow - this.#clock.now()
    const most = least + tookMs
    const offset = Math.min(Math.max(this.#offsetMs, least), most)
    this.#offsetMs = Math.abs(offset) < NOISE_MS ? 0 : offset
    this.#learned = true
  }

  /** Whether any answer of the store was seen: before that, its time is a guess. */
  get learned(): boolean {
    return this.#learned
  }

  /** The store's time now. */
  now(): number {
    return this.#clock.now() + this.#offsetMs
  }

  toStore(local: number): number {
    return local + this.#offsetMs
  }

  toLocal(store: number): number {
    return store - this.#offsetMs
  }

  tokenToStore(token: Token): Token {
    return shifted(token, this.#offsetMs)
  }

  tokenToLocal(token: Token): Token {
    return shifted(token, -this.#offsetMs)
  }
}

/** The same token by a clock that is `ms` ahead. */
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
