import type { LiveGrant } from './live-grant.ts'

/**
 * Number of the most recently used live grants that are kept in memory. Others are found as long as a session uses
 * them.
 */
const MOST = 10_000

/** The live grants of a process, one for each grant: all sessions of one key share one. */
export class LiveGrants {
  readonly #recent = new Map<string, LiveGrant>()
  readonly #alive = new Map<string, WeakRef<LiveGrant>>()
  readonly #collected = new FinalizationRegistry<string>((key) => {
    if (this.#alive.get(key)?.deref() === undefined) this.#alive.delete(key)
  })

  get(key: string): LiveGrant | undefined {
    const liveGrant = this.#recent.get(key) ?? this.#alive.get(key)?.deref()
    if (liveGrant !== undefined) this.#touch(key, liveGrant)
    return liveGrant
  }

  /**
   * With `passing`, the live grant is found only while something else refers to it: the worker's must not push out
   * those in use.
   */
  add(key: string, liveGrant: LiveGrant, options: { readonly passing?: boolean } = {}): void {
    this.#alive.set(key, new WeakRef(liveGrant))
    this.#collected.register(liveGrant, key)
    if (options.passing !== true) this.#touch(key, liveGrant)
  }

  /** All live grants in memory. */
  all(): LiveGrant[] {
    return [...this.#alive.values()].flatMap((reference) => reference.deref() ?? [])
  }

  #touch(key: string, liveGrant: LiveGrant): void {
    this.#recent.delete(key)
    this.#recent.set(key, liveGrant)
    if (this.#recent.size <= MOST) return
    // A live grant with a refresh in progress or a token to save stays in memory through that work, and is still found.
    const [oldest] = this.#recent.keys()
    if (oldest !== undefined) this.#recent.delete(oldest)
  }
}
