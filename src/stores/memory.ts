import { type Clock, completeClock } from '../util/clock.ts'
import { changeOf, type ChangesAnswer, type ChangesRequest } from './changes.ts'
import { assertCursor, byBytes, countByClient, orderedPage } from './lists.ts'
import { MemoryDocuments } from './memory-documents.ts'
import { MemoryFeed } from './memory-feed.ts'
import { MemoryGrants } from './memory-grants.ts'
import type { GrantCount, GrantPage, GrantRecord, GrantStore, PageRequest } from './store.ts'

/** Options of a memory store. */
export interface MemoryStoreOptions {
  /** The store's time. @default the machine's clock */
  readonly clock?: Clock | undefined
  /** Whether the change feed contains every refresh, and not only changes of state. @default false */
  readonly everyRefresh?: boolean | undefined
}

/** Returns a store of this process alone. Its content ends with the process, so it needs no encryption keys. */
export function memoryStore(options: MemoryStoreOptions = {}): GrantStore {
  return new MemoryStore(completeClock(options.clock), options.everyRefresh === true)
}

class MemoryStore extends MemoryGrants {
  readonly documents: MemoryDocuments
  readonly #clock: Required<Clock>
  readonly #records: ReadonlyMap<string, GrantRecord>
  readonly #feed: MemoryFeed
  /** The encoded keys in their order. Absent: a list has to sort them first. */
  #names: readonly string[] | undefined

  constructor(clock: Required<Clock>, everyRefresh: boolean) {
    const records = new Map<string, GrantRecord>()
    const feed = new MemoryFeed()
    super(clock, records, (before, after, at) => {
      feed.add(changeOf(before, after, at, everyRefresh))
      if (before === undefined || after === undefined) this.#names = undefined
    })
    this.#clock = clock
    this.#records = records
    this.#feed = feed
    this.documents = new MemoryDocuments(() => clock.now())
  }

  async page(request: PageRequest): Promise<GrantPage> {
    assertCursor(request.after)
    this.#names ??= [...this.#records.keys()].sort(byBytes)
    return orderedPage({ names: this.#names, get: (name) => this.#records.get(name) }, request)
  }

  async counts(filter: { readonly client?: string | undefined } = {}): Promise<readonly GrantCount[]> {
    return countByClient(this.list(filter))
  }

  async changes(request: ChangesRequest): Promise<ChangesAnswer> {
    return this.#feed.read(request, this.#clock.now())
  }
}
