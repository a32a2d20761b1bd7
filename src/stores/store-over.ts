import { Closing } from '../util/closing.ts'
import { type Clock, completeClock, idleDelay } from '../util/clock.ts'
import { ConfigError } from '../model/errors.ts'
import { indexableKey } from '../model/check-key.ts'
import type { GrantKey } from '../model/grant-key.ts'
import type { Backend, Write } from './backend.ts'
import { changeOf } from './changes.ts'
import { changesLimit } from './lists.ts'
import { decodeRow, encodeRow, type GrantRow, storable } from './record.ts'
import { RowDocuments } from './row-documents.ts'
import { RowLists } from './row-lists.ts'
import {
  assertKnown,
  decideClaim,
  decideCommit,
  decidePut,
  decideRelease,
  type Decision,
  DELETE_WITHIN_MS,
  DELETED_KEPT_MS,
  TOMBSTONE_MS,
  withoutFuture,
} from './rules.ts'
import { remember, seenOf } from './seen.ts'
import { isOverdue, LONGEST_HOLD_MS, SetBacks } from './set-backs.ts'
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
import { type Plan, Swapper } from './swap.ts'

/** Options of a store over a backend. */
export interface StoreOverOptions {
  /** Whether the change feed contains every refresh, and not only changes of state. @default false */
  readonly everyRefresh?: boolean | undefined
  /** Measures how long ago a row was seen. The time of the store is the backend's. @default the machine's clock */
  readonly clock?: Clock | undefined
}

/**
 * Returns a store with the whole contract over a database that can read a row and swap it. `Backend` says what it must
 * promise.
 *
 * ```ts
 * const store = storeOver(myBackend(connection))
 * ```
 *
 * Operations reject with the backend's rejection; `Grants` turns it into a `StoreError`.
 * @throws ConfigError for a backend that lacks a method
 */
export function storeOver(backend: Backend, options: StoreOverOptions = {}): GrantStore {
  for (const member of ['read', 'swap', 'list', 'due', 'close'] as const) {
    if (typeof (backend as Backend | undefined)?.[member] !== 'function')
      throw new ConfigError(`Expected backend to be a Backend, got an object without a method '${member}'.`)
  }
  return new StoreOver(backend, options)
}

class StoreOver implements GrantStore {
  readonly volatile: boolean
  readonly documents: RowDocuments
  readonly changes: GrantStore['changes']
  readonly #backend: Backend
  readonly #swapper: Swapper<GrantRow>
  readonly #lists: RowLists
  readonly #setBacks: SetBacks
  readonly #clock: Required<Clock>
  readonly #everyRefresh: boolean
  readonly #running = new Set<Promise<unknown>>()
  /** Waits that the store ends when it closes. */
  readonly #waiting = new Closing()
  #closed: Promise<void> | undefined

  constructor(backend: Backend, { clock, everyRefresh = false }: StoreOverOptions) {
    this.volatile = backend.volatile === true
    this.#backend = backend
    this.#clock = completeClock(clock)
    this.#swapper = new Swapper(backend, this.#clock, decodeRow)
    this.#setBacks = new SetBacks(this.#clock)
    this.#everyRefresh = everyRefresh
    const run = <T>(work: () => Promise<T>): Promise<T> => this.#run(work)
    this.#lists = new RowLists(backend, () => this.#assertOpen())
    this.documents = new RowDocuments(backend, this.#clock, run)
    if (backend.changes !== undefined) {
      const read = backend.changes.bind(backend)
      this.changes = (request) => run(async () => read({ after: request.after, limit: changesLimit(request) }))
    }
  }

  read(key: GrantKey): Promise<{ record?: GrantRecord | undefined; now: number }> {
    return this.#run(async () => {
      const name = indexableKey(key)
      const { content, revision, now } = await this.#swapper.look(name)
      return { record: this.#remember(content.record, content, { name, revision, now }), now }
    })
  }

  put(key: GrantKey, grant: NewGrant, expect?: Expectation): Promise<CommitAnswer> {
    return this.#decide(key, true, (row, now) => {
      const isBuried = (row.buried[grant.id] ?? 0) > now
      const decision = decidePut(row.record, isBuried, key, grant, expect, now)
      return [decision, row.record === undefined ? row.buried : buriedWith(row, row.record.id, now)]
    })
  }

  claim(key: GrantKey, request: ClaimRequest, seen?: GrantRecord): Promise<ClaimAnswer> {
    const guardMs = request.intent?.sendWithinMs ?? request.leaseMs
    return this.#decide(key, false, (row, now) => [decideClaim(row.record, request, now), row.buried], {
      seen,
      guardMs,
    })
  }

  commit(key: GrantKey, commit: TokenCommit | VerdictCommit, seen?: GrantRecord): Promise<CommitAnswer> {
    return this.#decide(key, true, (row, now) => [decideCommit(row.record, commit, now), row.buried], { seen })
  }

  async release(key: GrantKey, request: ReleaseRequest, seen?: GrantRecord): Promise<void> {
    const decide = (row: GrantRow, now: number): [Decision<{ now: number }>, GrantRow['buried']] => {
      const write = decideRelease(row.record, request)
      return [{ answer: { now }, ...(write !== undefined && { write }) }, row.buried]
    }
    await this.#decide(key, false, decide, { seen })
  }

  async reseal(key: GrantKey, request: { id: string; from: string; to: string }): Promise<boolean> {
    // Durable: the key of the old envelope may be discarded once all are reported as resealed.
    const answer = await this.#decide(key, true, ({ record, buried }, now) => {
      const found = record?.id === request.id && record.sealed === request.from
      if (!found) return [{ answer: { done: false, now } }, buried]
      return [{ answer: { done: true, now }, write: { ...record, sealed: request.to } }, buried]
    })
    return answer.done
  }

  once(id: string, ttlMs: number, by: string): Promise<boolean> {
    return this.documents.once(id, ttlMs, by)
  }

  delete(key: GrantKey, { id }: { id: string }): Promise<DeleteAnswer> {
    return this.#run(async () => {
      const name = indexableKey(key)
      const decide = (content: GrantRow, now: number): Plan<GrantRecord | undefined> => {
        const { record } = content
        if (record?.id !== id) {
          const before = content.deleted.find((each) => each.record.id === id && each.until > now)
          return { answer: before?.record }
        }
        assertKnown(record)
        const deleted = [...content.deleted, { until: now + DELETED_KEPT_MS, record }]
        const next = { buried: buriedWith(content, id, now), deleted }
        return { answer: record, write: this.#write(content, next, now, true) }
      }
      const { answer, now } = await this.#swapper.change(name, decide, { guardMs: DELETE_WITHIN_MS })
      if (answer !== undefined) void this.#forgetDeleted(name)
      return { record: answer && remember(answer), now }
    })
  }

  list(filter?: ListFilter): AsyncGenerator<GrantRecord> {
    return this.#lists.list(filter)
  }

  page(request: PageRequest): Promise<GrantPage> {
    return this.#run(() => this.#lists.page(request))
  }

  counts(filter: { readonly client?: string | undefined } = {}): Promise<readonly GrantCount[]> {
    return this.#run(() => this.#lists.counts(filter))
  }

  due(request: DueRequest): Promise<{ records: readonly GrantRecord[]; now: number }> {
    return this.#run(async () => {
      const askedAt = this.#clock.monotonic()
      const found = await this.#lists.due(request, (row, now) => {
        const content = decodeRow(row)
        return this.#remember(content.record, content, { name: row.key, revision: row.revision, now })
      })
      const setBackMs = this.#setBacks.noticed(askedAt, found.now)
      if (setBackMs > 0) void this.#dueAnew(found.now + setBackMs + LONGEST_HOLD_MS, found.records)
      return found
    })
  }

  close(): Promise<void> {
    this.#closed ??= (async () => {
      this.#waiting.close()
      await Promise.allSettled(this.#running)
      await this.#backend.close()
    })()
    return this.#closed
  }

  /** Decides on the grant's row and writes the decision. The returned record is the one that is stored then. */
  #decide<A extends { readonly now: number; readonly record?: GrantRecord | undefined } | { readonly now: number }>(
    key: GrantKey,
    durable: boolean,
    decide: (row: GrantRow, now: number) => [Decision<A>, GrantRow['buried']],
    { seen, guardMs }: { seen?: GrantRecord | undefined; guardMs?: number } = {},
  ): Promise<A> {
    return this.#run(async () => {
      const name = indexableKey(key)
      const plan = (before: GrantRow, now: number): Plan<{ answer: A; next: GrantRow }> => {
        const [{ answer, write }, buried] = decide(before, now)
        if (write === undefined) return { answer: { answer, next: before } }
        const next = { record: storable(write), buried, deleted: before.deleted }
        return { answer: { answer, next }, write: this.#write(before, next, now, durable) }
      }
      const how = { seen: seenOf(seen, name), ...(guardMs !== undefined && { guardMs }) }
      const { answer: done, revision, now } = await this.#swapper.change(name, plan, how)
      const { answer, next } = done
      if (!('record' in answer)) return { ...answer, now }
      return { ...answer, record: this.#remember(next.record, next, { name, revision, now }), now }
    })
  }

  /** Attaches to the record what it was read from, or written to. */
  #remember(
    record: GrantRecord | undefined,
    { buried, deleted }: GrantRow,
    { name, revision, now }: { name: string; revision: string | undefined; now: number },
  ): GrantRecord | undefined {
    if (record === undefined || Object.isFrozen(record)) return record
    const at = this.#clock.monotonic()
    return remember(record, revision === undefined ? undefined : { name, revision, now, at, rest: { buried, deleted } })
  }

  #write(before: GrantRow, next: GrantRow, now: number, durable: boolean): Omit<Write, 'notAfter'> {
    const change = changeOf(before.record, next.record, now, this.#everyRefresh)
    return { ...encodeRow(before, next, now), durable, ...(change !== undefined && { change }) }
  }

  /** The sealed text of a deleted record is kept for repeats of the deletion only. */
  async #forgetDeleted(name: string): Promise<void> {
    try {
      await this.#waiting.run((closing) => idleDelay(this.#clock, DELETED_KEPT_MS, closing))
      await this.#run(() =>
        this.#swapper.change(name, (content, now) => {
          if (content.deleted.every(({ until }) => until > now)) return { answer: undefined }
          return { answer: undefined, write: this.#write(content, content, now, false) }
        }),
      )
    } catch {
      // It is left out at the row's next write, and removed with its tombstone.
    }
  }

  /**
   * After the database's clock was set back: writes again when a grant is due, if the earlier clock wrote it, or if it
   * was reserved by it a moment ago.
   */
  async #dueAnew(dueBefore: number, reserved: readonly GrantRecord[]): Promise<void> {
    const write = (key: GrantKey, isDue: (record: GrantRecord, now: number) => boolean): Promise<unknown> =>
      this.#decide(key, false, ({ buried, record }, now) => {
        const isLate = record !== undefined && isDue(record, now)
        return [{ answer: { now }, ...(isLate && { write: withoutFuture(record, now) }) }, buried]
      })
    try {
      for (const { key } of reserved) await write(key, () => true)
      for await (const { key } of this.#lists.dueBefore(dueBefore)) await write(key, isOverdue)
    } catch {
      // Callers do not wait for it: a claim checks the times itself.
    }
  }

  #assertOpen(): void {
    if (this.#closed !== undefined) throw new ConfigError('The store is closed. Create a new one.')
  }

  async #run<T>(work: () => Promise<T>): Promise<T> {
    this.#assertOpen()
    const running = work()
    this.#running.add(running)
    try {
      return await running
    } finally {
      this.#running.delete(running)
    }
  }
}

/** Returns the row's tombstones, with one of the login that was removed. */
function buriedWith({ buried }: GrantRow, id: string, now: number): GrantRow['buried'] {
  return { ...buried, [id]: now + TOMBSTONE_MS }
}
