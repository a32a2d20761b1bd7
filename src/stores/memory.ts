import { type Clock, completeClock } from '../clock.ts'
import { encodeKey, type GrantKey } from '../grant-key.ts'
import {
  decideClaim,
  decideCommit,
  decidePut,
  decideRelease,
  type Decision,
  dueSince,
  matchesFilter,
  TOMBSTONE_MS,
} from './decisions.ts'
import { ExpiringMap } from './expiring-map.ts'
import type {
  ClaimAnswer,
  ClaimRequest,
  CommitAnswer,
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

export interface MemoryStoreOptions {
  /** The store's time. @default the machine's clock */
  readonly clock?: Clock
}

/** A store of this process alone: what is in it ends with the process, so it needs no sealing keys. */
export function memoryStore(options: MemoryStoreOptions = {}): GrantStore {
  return new MemoryStore(completeClock(options.clock))
}

// Every method does its work before its first await: that is what makes it atomic.
class MemoryStore implements GrantStore {
  readonly volatile = true
  readonly #clock: Clock
  readonly #records = new Map<string, GrantRecord>()
  /** Deleted and replaced log-ins, by key and id. */
  readonly #tombstones = new ExpiringMap<string, true>()
  readonly #seen = new ExpiringMap<string, true>()
  /** Grants that were answered as due, and when they are due again. */
  readonly #reserved = new Map<string, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  async read(key: GrantKey): Promise<{ record?: GrantRecord | undefined; now: number }> {
    return { record: this.#records.get(encodeKey(key)), now: this.#clock.now() }
  }

  async put(key: GrantKey, grant: NewGrant, expect?: Expectation): Promise<CommitAnswer> {
    const now = this.#clock.now()
    const name = encodeKey(key)
    const record = this.#records.get(name)
    const buried = this.#tombstones.get(tombstone(name, grant.id), now) === true
    const decision = decidePut(record, buried, key, grant, expect, now)
    if (decision.write !== undefined && record !== undefined) this.#bury(name, record.id, now)
    return this.#settle(name, decision)
  }

  async claim(key: GrantKey, request: ClaimRequest): Promise<ClaimAnswer> {
    const name = encodeKey(key)
    return this.#settle(name, decideClaim(this.#records.get(name), request, this.#clock.now()))
  }

  async commit(key: GrantKey, commit: TokenCommit | VerdictCommit): Promise<CommitAnswer> {
    const name = encodeKey(key)
    return this.#settle(name, decideCommit(this.#records.get(name), commit, this.#clock.now()))
  }

  async release(key: GrantKey, request: ReleaseRequest): Promise<void> {
    const name = encodeKey(key)
    const released = decideRelease(this.#records.get(name), request)
    if (released !== undefined) this.#save(name, released)
  }

  async reseal(key: GrantKey, request: { id: string; from: string; to: string }): Promise<boolean> {
    const name = encodeKey(key)
    const record = this.#records.get(name)
    if (record?.id !== request.id || record.sealed !== request.from) return false
    this.#save(name, { ...record, sealed: request.to })
    return true
  }

  async once(id: string, ttlMs: number): Promise<boolean> {
    const now = this.#clock.now()
    if (this.#seen.get(id, now) === true) return false
    this.#seen.set(id, true, now + ttlMs, now)
    return true
  }

  async delete(key: GrantKey, request: { id: string }): Promise<boolean> {
    const name = encodeKey(key)
    if (this.#records.get(name)?.id !== request.id) return false
    this.#records.delete(name)
    this.#reserved.delete(name)
    this.#bury(name, request.id, this.#clock.now())
    return true
  }

  async *list(filter?: ListFilter): AsyncGenerator<GrantRecord> {
    for (const record of this.#records.values()) if (matchesFilter(record, filter)) yield record
  }

  async due({ before, limit, reserveMs = 0 }: DueRequest): Promise<{ records: readonly GrantRecord[]; now: number }> {
    const found: { name: string; record: GrantRecord; since: number }[] = []
    for (const [name, record] of this.#records) {
      const since = this.#reserved.get(name) ?? dueSince(record)
      if (since !== undefined && since <= before) found.push({ name, record, since })
    }
    const due = found.sort((a, b) => a.since - b.since).slice(0, limit)
    if (reserveMs > 0) for (const { name } of due) this.#reserved.set(name, before + reserveMs)
    return { records: due.map(({ record }) => record), now: this.#clock.now() }
  }

  async close(): Promise<void> {
    // Nothing is held but memory, and a session that is still being closed may read once more.
  }

  #settle<A extends { readonly record?: GrantRecord | undefined } | object>(name: string, decision: Decision<A>): A {
    if (decision.write === undefined) return decision.answer
    return { ...decision.answer, record: this.#save(name, decision.write) }
  }

  #save(name: string, written: GrantRecord): GrantRecord {
    const record = frozen(written)
    this.#records.set(name, record)
    this.#reserved.delete(name)
    return record
  }

  #bury(name: string, id: string, now: number): void {
    this.#tombstones.set(tombstone(name, id), true, now + TOMBSTONE_MS, now)
  }
}

function tombstone(name: string, id: string): string {
  return `${id} ${name}`
}

/** A record that neither its giver nor its receivers can change. */
function frozen(record: GrantRecord): GrantRecord {
  return Object.freeze({
    ...record,
    key: Object.freeze({ ...record.key }),
    scope: record.scope === undefined ? undefined : Object.freeze([...record.scope]),
    lease: freezeCopy(record.lease),
    intent: freezeCopy(record.intent),
    failures: freezeCopy(record.failures),
  })
}

function freezeCopy<T extends object>(value: T | undefined): T | undefined {
  return value === undefined ? undefined : Object.freeze({ ...value })
}
