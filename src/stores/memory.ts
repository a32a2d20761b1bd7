import { type Clock, completeClock } from '../util/clock.ts'
import { type GrantKey, indexableKey } from '../model/grant-key.ts'
import { changeOf, type ChangesAnswer, type ChangesRequest } from './changes.ts'
import { ExpiringMap } from '../util/expiring-map.ts'
import { assertCursor, byBytes, countByClient, orderedPage, type SortedRecords } from './lists.ts'
import { MemoryDocuments } from './memory-documents.ts'
import { MemoryFeed } from './memory-feed.ts'
import { storable } from './record.ts'
import {
  assertKnown,
  decideClaim,
  decideCommit,
  decidePut,
  decideRelease,
  type Decision,
  DELETED_KEPT_MS,
  dueSince,
  matchesFilter,
  TOMBSTONE_MS,
  withoutFuture,
} from './rules.ts'
import { isOverdue, SetBacks } from './set-backs.ts'
import type {
  ClaimAnswer,
  ClaimRequest,
  CommitAnswer,
  DeleteAnswer,
  DueRequest,
  Expectation,
  GrantCount,
  GrantPage,
  GrantRecord,
  GrantStore,
  ListFilter,
  NewGrant,
  PageRequest,
  ReleaseRequest,
  TokenCommit,
  VerdictCommit,
} from './store.ts'

/** Options of a memory store. */
export interface MemoryStoreOptions {
  /** The store's time. @default the machine's clock */
  readonly clock?: Clock
  /** Whether the change feed contains every refresh, and not only changes of state. @default false */
  readonly everyRefresh?: boolean
}

/** Returns a store of this process alone. Its content ends with the process, so it needs no encryption keys. */
export function memoryStore(options: MemoryStoreOptions = {}): GrantStore {
  return new MemoryStore(completeClock(options.clock), options.everyRefresh === true)
}

// Every method does its work before its first await, which makes it atomic.
class MemoryStore implements GrantStore {
  readonly volatile = true
  readonly documents: MemoryDocuments
  readonly #clock: Required<Clock>
  readonly #everyRefresh: boolean
  readonly #feed = new MemoryFeed()
  readonly #records = new Map<string, GrantRecord>()
  /** The encoded keys in their order. Absent: a list has to sort them first. */
  #names: readonly string[] | undefined
  /** Deleted and replaced logins, by key and id. */
  readonly #tombstones = new ExpiringMap<string, true>()
  /** Deleted records, for repeats of their deletion, by key and id. */
  readonly #deleted = new ExpiringMap<string, GrantRecord>()
  /** Due times of grants as of their last write. For a reserved grant, the time at which it is due again. */
  readonly #due = new Map<string, number>()
  readonly #setBacks: SetBacks

  constructor(clock: Required<Clock>, everyRefresh: boolean) {
    this.#clock = clock
    this.#everyRefresh = everyRefresh
    this.#setBacks = new SetBacks(clock)
    this.documents = new MemoryDocuments(() => clock.now())
  }

  async read(key: GrantKey): Promise<{ record?: GrantRecord | undefined; now: number }> {
    return { record: this.#records.get(indexableKey(key)), now: this.#clock.now() }
  }

  async put(key: GrantKey, grant: NewGrant, expect?: Expectation): Promise<CommitAnswer> {
    const now = this.#clock.now()
    const name = indexableKey(key)
    const record = this.#records.get(name)
    const buried = this.#tombstones.get(tombstone(name, grant.id), now) === true
    const decision = decidePut(record, buried, key, grant, expect, now)
    if (decision.write !== undefined && record !== undefined) this.#bury(name, record.id, now)
    return this.#settle(name, decision)
  }

  async claim(key: GrantKey, request: ClaimRequest): Promise<ClaimAnswer> {
    const name = indexableKey(key)
    return this.#settle(name, decideClaim(this.#records.get(name), request, this.#clock.now()))
  }

  async commit(key: GrantKey, commit: TokenCommit | VerdictCommit): Promise<CommitAnswer> {
    const name = indexableKey(key)
    return this.#settle(name, decideCommit(this.#records.get(name), commit, this.#clock.now()))
  }

  async release(key: GrantKey, request: ReleaseRequest): Promise<void> {
    const name = indexableKey(key)
    const released = decideRelease(this.#records.get(name), request)
    if (released !== undefined) this.#save(name, released)
  }

  async reseal(key: GrantKey, request: { id: string; from: string; to: string }): Promise<boolean> {
    const name = indexableKey(key)
    const record = this.#records.get(name)
    if (record?.id !== request.id || record.sealed !== request.from) return false
    this.#save(name, { ...record, sealed: request.to })
    return true
  }

  async once(id: string, ttlMs: number, by: string): Promise<boolean> {
    return this.documents.once(id, ttlMs, by)
  }

  async delete(key: GrantKey, { id }: { id: string }): Promise<DeleteAnswer> {
    const now = this.#clock.now()
    const name = indexableKey(key)
    const record = this.#records.get(name)
    if (record?.id !== id) return { record: this.#deleted.get(tombstone(name, id), now), now }
    assertKnown(record)
    this.#records.delete(name)
    this.#names = undefined
    this.#due.delete(name)
    this.#bury(name, id, now)
    this.#deleted.set(tombstone(name, id), record, now + DELETED_KEPT_MS, now)
    this.#feed.add(changeOf(record, undefined, now, this.#everyRefresh))
    return { record, now }
  }

  async *list(filter?: ListFilter): AsyncGenerator<GrantRecord> {
    for (const record of this.#records.values()) if (matchesFilter(record, filter)) yield record
  }

  async page(request: PageRequest): Promise<GrantPage> {
    assertCursor(request.after)
    return orderedPage(this.#sorted(), request)
  }

  async counts(filter: { readonly client?: string | undefined } = {}): Promise<readonly GrantCount[]> {
    return countByClient(this.list(filter))
  }

  async changes(request: ChangesRequest): Promise<ChangesAnswer> {
    return this.#feed.read(request, this.#clock.now())
  }

  async due({ before, limit, reserveMs = 0 }: DueRequest): Promise<{ records: readonly GrantRecord[]; now: number }> {
    const now = this.#clock.now()
    if (this.#setBacks.noticed(this.#clock.monotonic(), now) > 0) {
      for (const [name, record] of this.#records) {
        if (isOverdue(record, now)) this.#save(name, withoutFuture(record, now))
      }
    }
    const due = [...this.#due]
      .filter(([, since]) => since <= before)
      .sort(([, a], [, b]) => a - b)
      .slice(0, limit)
    if (reserveMs > 0) for (const [name] of due) this.#due.set(name, before + reserveMs)
    return { records: due.flatMap(([name]) => this.#records.get(name) ?? []), now }
  }

  async close(): Promise<void> {
    // Only memory is held, and a session that is being closed may read once more.
  }

  #settle<A extends { readonly record?: GrantRecord | undefined } | object>(name: string, decision: Decision<A>): A {
    const { answer, write } = decision
    const record = write && this.#save(name, write)
    return record !== undefined && 'record' in answer ? { ...answer, record } : answer
  }

  /** Returns all records in the order of their keys. */
  #sorted(): SortedRecords {
    this.#names ??= [...this.#records.keys()].sort(byBytes)
    return { names: this.#names, get: (name) => this.#records.get(name) }
  }

  #save(name: string, written: GrantRecord): GrantRecord {
    const record = Object.freeze(storable(written))
    this.#feed.add(changeOf(this.#records.get(name), record, record.updatedAt, this.#everyRefresh))
    if (!this.#records.has(name)) this.#names = undefined
    this.#records.set(name, record)
    const since = dueSince(record, this.#clock.now())
    if (since === undefined) this.#due.delete(name)
    else this.#due.set(name, since)
    return record
  }

  #bury(name: string, id: string, now: number): void {
    this.#tombstones.set(tombstone(name, id), true, now + TOMBSTONE_MS, now)
  }
}

function tombstone(name: string, id: string): string {
  return `${id} ${name}`
}
