import type { Clock } from '../util/clock.ts'
import { indexableKey } from '../model/check-key.ts'
import type { GrantKey } from '../model/grant-key.ts'
import { ExpiringMap } from '../util/expiring-map.ts'
import { decideOnce, type DocumentEntry, onceKey } from './documents.ts'
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
  GrantRecord,
  GrantStore,
  ListFilter,
  NewGrant,
  ReleaseRequest,
  TokenCommit,
  VerdictCommit,
} from './store.ts'

/** Called with each change of a record, and its time. */
export type OnWrite = (before: GrantRecord | undefined, after: GrantRecord | undefined, at: number) => void

/**
 * The grants of a memory store, and all that one session needs: no documents, no change feed, no lists in the order of
 * keys. Every method does its work before its first await: that is what makes it atomic.
 */
export class MemoryGrants implements GrantStore {
  readonly volatile = true
  readonly #clock: Required<Clock>
  readonly #records: Map<string, GrantRecord>
  /** Deleted and replaced logins, by key and id. */
  readonly #tombstones = new ExpiringMap<string, true>()
  /** Deleted records, for repeats of their deletion, by key and id. */
  readonly #deleted = new ExpiringMap<string, GrantRecord>()
  /** Due times of grants as of their last write. For a reserved grant, the time at which it is due again. */
  readonly #due = new Map<string, number>()
  /** Single-use ids. */
  readonly #once = new ExpiringMap<string, DocumentEntry>()
  readonly #setBacks: SetBacks
  readonly #onWrite: OnWrite | undefined

  /** `records`, by their encoded keys, are for this store to change. */
  constructor(clock: Required<Clock>, records: Map<string, GrantRecord> = new Map(), onWrite?: OnWrite) {
    this.#clock = clock
    this.#records = records
    this.#setBacks = new SetBacks(clock)
    this.#onWrite = onWrite
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
    const now = this.#clock.now()
    const key = onceKey(id)
    const { answer, write } = decideOnce(this.#once.get(key, now), by, ttlMs, now)
    if (write !== undefined) this.#once.set(key, write, write.forgetAt ?? Number.POSITIVE_INFINITY, now)
    return answer
  }

  async delete(key: GrantKey, { id }: { id: string }): Promise<DeleteAnswer> {
    const now = this.#clock.now()
    const name = indexableKey(key)
    const record = this.#records.get(name)
    if (record?.id !== id) return { record: this.#deleted.get(tombstone(name, id), now), now }
    assertKnown(record)
    this.#records.delete(name)
    this.#due.delete(name)
    this.#bury(name, id, now)
    this.#deleted.set(tombstone(name, id), record, now + DELETED_KEPT_MS, now)
    this.#onWrite?.(record, undefined, now)
    return { record, now }
  }

  async *list(filter?: ListFilter): AsyncGenerator<GrantRecord> {
    for (const record of this.#records.values()) if (matchesFilter(record, filter)) yield record
  }

  async due({ before, limit, reserveMs = 0 }: DueRequest): Promise<{ records: readonly GrantRecord[]; now: number }> {
    const now = this.#clock.now()
    const isSetBack = this.#setBacks.noticed(this.#clock.monotonic(), now) > 0
    if (isSetBack) {
      for (const [name, record] of this.#records) {
        if (isOverdue(record, now)) this.#save(name, withoutFuture(record, now))
      }
    }
    const due = [...this.#due]
      .filter(([, since]) => since <= before)
      .sort(([, a], [, b]) => a - b)
      .slice(0, limit)
    // `before` may be by the earlier clock: it would reserve grants until long after their ends.
    if (reserveMs > 0 && !isSetBack) for (const [name] of due) this.#due.set(name, before + reserveMs)
    return { records: due.flatMap(([name]) => this.#records.get(name) ?? []), now }
  }

  async close(): Promise<void> {
    // Only memory is held, and a session that is being closed may read again.
  }

  #settle<A extends { readonly record?: GrantRecord | undefined } | object>(name: string, decision: Decision<A>): A {
    const { answer, write } = decision
    const record = write && this.#save(name, write)
    return record !== undefined && 'record' in answer ? { ...answer, record } : answer
  }

  #save(name: string, written: GrantRecord): GrantRecord {
    const record = Object.freeze(storable(written))
    this.#onWrite?.(this.#records.get(name), record, record.updatedAt)
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
