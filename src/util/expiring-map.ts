/** Number of entries at which the expired ones are first removed. */
const FIRST_SWEEP = 1024

/** A map whose entries expire, without timers. Times are the caller's. */
export class ExpiringMap<K, V> {
  readonly #entries = new Map<K, { readonly value: V; readonly until: number }>()
  #sweepAt = FIRST_SWEEP

  get size(): number {
    return this.#entries.size
  }

  get(key: K, now: number): V | undefined {
    const entry = this.#entries.get(key)
    return entry !== undefined && entry.until > now ? entry.value : undefined
  }

  /** Returns the entries that have not expired. */
  *all(now: number): Generator<[K, V]> {
    for (const [key, { value, until }] of this.#entries) if (until > now) yield [key, value]
  }

  set(key: K, value: V, until: number, now: number): void {
    this.#entries.set(key, { value, until })
    if (this.#entries.size < this.#sweepAt) return
    for (const [old, entry] of this.#entries) if (entry.until <= now) this.#entries.delete(old)
    // Doubling makes the sweeps' cost constant per entry.
    this.#sweepAt = Math.max(FIRST_SWEEP, 2 * this.#entries.size)
  }
}
