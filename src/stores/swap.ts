import type { Clock } from '../util/clock.ts'
import { StoreError } from '../model/errors.ts'
import type { Backend, Found, Row, Write } from './backend.ts'

/** A row's content as it was read: what a decision is based on. */
export interface Look<C> {
  /** Absent: there was no row. */
  readonly revision: string | undefined
  readonly content: C
  /** The database's time of the decision: a lower bound if the read is not fresh. */
  readonly now: number
  /** Whether this operation asked the database. */
  readonly isFresh: boolean
}

/** A row's content that another operation read before. */
export interface Seen<C> {
  readonly revision: string
  readonly content: C
  /** The database's time of that read. */
  readonly now: number
  /** Monotonic time at which the database's response arrived. */
  readonly at: number
}

/** What to write based on a read. Without `write`, nothing. */
export interface Plan<A> {
  readonly answer: A
  readonly write?: Omit<Write, 'notAfter'>
}

/** The result of an operation. */
export interface Done<A> {
  readonly answer: A
  /** The row's current revision. */
  readonly revision: string | undefined
  /** A time that the database named during the operation. */
  readonly now: number
}

/**
 * Number of times that an operation is decided again because another process wrote in between. Each time, one of them
 * advances.
 */
const MOST_ROUNDS = 1000

/** Number of times that a swap may come too late although it was decided on a fresh read. */
const MOST_LATE = 3

/** Minimum time for a swap on a fresh read. */
const FRESH_MS = 1000

/**
 * Reads a row, decides, and swaps it for another if no other process wrote in between. Otherwise decides again on the
 * current row.
 *
 * A decision on a row that was seen before uses the row's time then plus the time since. That is counted from the
 * arrival of the response, so that it is never later than the database's. Such a decision must not be written late:
 * `guardMs` is how long its times last.
 */
export class Swapper<C> {
  readonly #backend: Backend
  readonly #clock: Required<Clock>
  readonly #decode: (row: Row | undefined) => C

  constructor(backend: Backend, clock: Required<Clock>, decode: (row: Row | undefined) => C) {
    this.#backend = backend
    this.#clock = clock
    this.#decode = decode
  }

  async look(key: string): Promise<Look<C>> {
    return this.#fresh(await this.#backend.read(key))
  }

  async change<A>(
    key: string,
    plan: (content: C, now: number) => Plan<A>,
    { seen, guardMs }: { readonly seen?: Seen<C> | undefined; readonly guardMs?: number } = {},
  ): Promise<Done<A>> {
    let look = seen === undefined || this.#backend.guards === false ? await this.look(key) : this.#reckoned(seen)
    for (let round = 0, late = 0; round < MOST_ROUNDS; round += 1) {
      const { answer, write } = plan(look.content, look.now)
      if (write === undefined) {
        if (look.isFresh) return { answer, revision: look.revision, now: look.now }
        look = await this.look(key)
        continue
      }
      const notAfter = this.#notAfter(look, guardMs)
      const to = crypto.randomUUID()
      const found = await this.#backend.swap(key, look.revision, to, { ...write, notAfter })
      // A driver that sends a command twice finds its own write.
      if (found.swapped || found.row?.revision === to) {
        return { answer, revision: to, now: look.isFresh ? look.now : found.now }
      }
      const isLate = notAfter !== undefined && found.now > notAfter
      if (isLate && look.isFresh && (late += 1) === MOST_LATE) break
      look = this.#fresh(found)
    }
    throw new StoreError(
      'The store is too slow, or too many processes write the same row. Nothing was written; try again.',
      { notWritten: true },
    )
  }

  #fresh({ row, now }: Found): Look<C> {
    return { revision: row?.revision, content: this.#decode(row), now, isFresh: true }
  }

  #reckoned({ revision, content, now, at }: Seen<C>): Look<C> {
    return { revision, content, now: Math.floor(now + this.#clock.monotonic() - at), isFresh: false }
  }

  #notAfter(look: Look<C>, guardMs: number | undefined): number | undefined {
    if (guardMs === undefined || this.#backend.guards === false) return undefined
    return Math.floor(look.now + (look.isFresh ? Math.max(guardMs, FRESH_MS) : guardMs / 10))
  }
}
