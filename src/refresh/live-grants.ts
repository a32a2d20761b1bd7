import type { Keeper } from './live-grant.ts'

/** So many of the most recently used keepers are kept alive; more are found again for as long as a session uses them. */
const MOST = 10_000

/** The keepers of a process, one for each grant: all sessions of one key share one. */
export class Keepers {
  readonly #recent = new Map<string, Keeper>()
  readonly #alive = new Map<string, WeakRef<Keeper>>()
  readonly #collected = new FinalizationRegistry<string>((key) => {
    if (this.#alive.get(key)?.deref() === undefined) this.#alive.delete(key)
  })

  get(key: string): Keeper | undefined {
    const keeper = this.#recent.get(key) ?? this.#alive.get(key)?.deref()
    if (keeper !== undefined) this.#touch(key, keeper)
    return keeper
  }

  /** With `passing`, the keeper is found only while something else holds it: the worker's must not push out those in use. */
  add(key: string, keeper: Keeper, options: { readonly passing?: boolean } = {}): void {
    this.#alive.set(key, new WeakRef(keeper))
    this.#collected.register(keeper, key)
    if (options.passing !== true) this.#touch(key, keeper)
  }

  /** All that are alive. */
  all(): Keeper[] {
    return [...this.#alive.values()].flatMap((reference) => reference.deref() ?? [])
  }

  #touch(key: string, keeper: Keeper): void {
    this.#recent.delete(key)
    this.#recent.set(key, keeper)
    if (this.#recent.size <= MOST) return
    // One with a refresh under way or a token to save stays alive through that work, and is found among the living.
    const [oldest] = this.#recent.keys()
    if (oldest !== undefined) this.#recent.delete(oldest)
  }
}
