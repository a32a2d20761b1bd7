import type { Clock } from '../clock.ts'
import { makeToken, type Token } from '../token.ts'

/** A difference this small is the time of the answer, not of the clock. */
const NOISE_MS = 1000

/** The store's time as this process has learned it: what is written in the store, leases and expiries, is in that time. */
export class StoreClock {
  readonly #clock: Pick<Clock, 'now'>
  #offsetMs = 0

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock
  }

  /** Learns from an answer that carried the store's time. */
  observe(storeNow: number): void {
    const offset = storeNow - this.#clock.now()
    this.#offsetMs = Math.abs(offset) < NOISE_MS ? 0 : offset
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

function shifted(token: Token, ms: number): Token {
  if (ms === 0) return token
  const shift = (at: number | undefined): number | undefined => (at === undefined ? undefined : at + ms)
  return makeToken({
    ...token,
    receivedAt: token.receivedAt + ms,
    expiresAt: shift(token.expiresAt),
    refreshTokenExpiresAt: shift(token.refreshTokenExpiresAt),
  })
}
