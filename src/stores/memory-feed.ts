import { type Change, CHANGES_KEPT_MS, type ChangesAnswer, type ChangesRequest } from './changes.ts'
import { changesLimit } from './lists.ts'

/** Number of changes between two removals of old ones, if the feed is not read. */
const TRIMMED_EVERY = 1024

/** The change feed of a store that ends with its process. */
export class MemoryFeed {
  #random: string | undefined
  #changes: Change[] = []
  /** Number of removed changes: the number of the first one that is kept. */
  #removed = 0

  add(change: Change | undefined): void {
    if (change === undefined) return
    this.#changes.push(Object.freeze({ ...change, key: Object.freeze({ ...change.key }) }))
    if (this.#changes.length % TRIMMED_EVERY === 0) this.#trim(change.at)
  }

  read(request: ChangesRequest, now: number): ChangesAnswer {
    const limit = changesLimit(request)
    this.#trim(now)
    const end = this.#removed + this.#changes.length
    const [epoch, written] = request.after?.split('.') ?? [this.#epoch, `${this.#removed}`]
    const number = Number(written)
    if (epoch !== this.#epoch || !(number >= this.#removed && number <= end)) {
      return { expired: true, changes: [], next: `${this.#epoch}.${end}` }
    }
    const changes = this.#changes.slice(number - this.#removed, number - this.#removed + limit)
    return { changes, next: `${this.#epoch}.${number + changes.length}` }
  }

  /** Made at the first read: some hosts have no randomness while a module is loaded. */
  get #epoch(): string {
    return (this.#random ??= crypto.randomUUID())
  }

  #trim(now: number): void {
    const first = this.#changes.findIndex(({ at }) => at > now - CHANGES_KEPT_MS)
    const ended = first === -1 ? this.#changes.length : first
    if (ended === 0) return
    this.#changes = this.#changes.slice(ended)
    this.#removed += ended
  }
}
