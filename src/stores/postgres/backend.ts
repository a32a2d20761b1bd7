import { systemClock } from '../../util/clock.ts'
import type { Backend, DueRows, Found, Row, RowCount, RowFilter, RowPageRequest, Write } from '../backend.ts'
import { changeIn, type ChangesAnswer } from '../changes.ts'
import { clientOfKey, keyRange } from '../lists.ts'
import { endedBefore, Sweep } from '../sweep.ts'
import type { PostgresValue, Run } from './connection.ts'
import { isLate } from './errors.ts'
import { migrate, noteServer, type Tables } from './schema.ts'
import type { Statement } from './statement.ts'
import { type Statements, statements } from './statements.ts'

/** Number of rows of one page of a list. */
const PAGE = 100

/** A cursor: the epoch, then transaction and number of the last change before it. */
const CURSOR = /^([\w-]+)\.(\d{1,18})\.(\d{1,18})$/

/** Rows in a PostgreSQL database. Each member is one statement; a swap that writes nothing is followed by a read. */
export class PostgresBackend implements Backend {
  readonly #send: Run
  readonly #tables: Tables
  readonly #statements: Statements
  readonly #sweep = new Sweep(systemClock)
  #ready: Promise<void> | undefined

  constructor(send: Run, tables: Tables) {
    this.#send = send
    this.#tables = tables
    this.#statements = statements(tables)
  }

  async read(key: string): Promise<Found> {
    const [[now, ...row] = []] = await this.#run(this.#statements.read, { key })
    return { now: milliseconds(now), row: toRow(row) }
  }

  async swap(key: string, from: string | undefined, to: string, write: Write): Promise<Found & { swapped: boolean }> {
    const { entry, sealed = null, index, notAfter, change } = write
    const form = { isNew: from === undefined, guarded: notAfter !== undefined, told: change !== undefined }
    const [row] = await this.#run(this.#statements.swap(form), {
      key,
      from: from ?? null,
      to,
      entry,
      sealed,
      subject: index.subject ?? null,
      state: index.state ?? null,
      schema: index.schema ?? null,
      due_at: index.dueAt ?? null,
      forget_at: index.forgetAt ?? null,
      too_late: notAfter === undefined ? null : (notAfter + 1) / 1000,
      at: change?.at ?? null,
      change: change === undefined ? null : JSON.stringify(change),
    }).catch((error: unknown) => {
      if (form.guarded && isLate(error)) return []
      throw error
    })
    if (row === undefined) return { ...(await this.read(key)), swapped: false }
    const now = milliseconds(row[0])
    if ((form.told || index.forgetAt !== undefined) && this.#sweep.isDue()) await this.#sweepOut(now)
    return { now, swapped: true }
  }

  async *list(filter: RowFilter): AsyncGenerator<Row> {
    let after: string | undefined
    do {
      const { rows, next } = await this.page({ ...filter, after, limit: PAGE })
      yield* rows
      after = next
    } while (after !== undefined)
  }

  async page(request: RowPageRequest): Promise<{ rows: readonly Row[]; next?: string | undefined }> {
    const { prefix, after = null, subject = null, state = null, dueBefore = null, limit } = request
    const found = await this.#run(
      this.#statements.page,
      { ...keyRange(prefix), after, subject, state, due_before: dueBefore, limit: limit + 1 },
      'anew',
    )
    const rows = found.slice(0, limit).flatMap((row) => toRow(row) ?? [])
    return { rows, next: found.length > limit ? rows.at(-1)?.key : undefined }
  }

  async counts({ prefix = '[' }: { readonly prefix?: string | undefined }): Promise<readonly RowCount[]> {
    const rows = await this.#run(this.#statements.counts, { ...keyRange(prefix) }, 'anew')
    return rows.map(([one, state, count]) => ({
      key: clientOfKey(String(one)),
      state: String(state),
      count: Number(count),
    }))
  }

  async due({ before, limit, reserveMs, schema }: DueRows): Promise<{ rows: readonly Row[]; now: number }> {
    const asked = { before, limit, schema }
    const rows =
      reserveMs === undefined
        ? await this.#run(this.#statements.due, asked)
        : await this.#run(this.#statements.reserve, { ...asked, until: before + reserveMs })
    return { rows: rows.flatMap(([, ...row]) => toRow(row) ?? []), now: milliseconds(rows[0]?.[0]) }
  }

  async changes({ after, limit }: Parameters<NonNullable<Backend['changes']>>[0]): Promise<ChangesAnswer> {
    // A text that is not a cursor has an epoch that no feed has.
    const [, epoch = '', xid = '0', seq = '0'] = CURSOR.exec(after ?? '') ?? []
    const cursor = { epoch: after === undefined ? null : epoch, xid, seq }
    const rows = await this.#run(this.#statements.changes, { ...cursor, limit })
    const [present, finished, goesOn] = rows[0] ?? []
    const end = `${String(present)}.${String(finished)}.0`
    if (goesOn !== 'true') return { expired: true, changes: [], next: end }
    const changes = rows.filter((row) => row[3] !== null)
    const last = changes.at(-1)
    return {
      changes: changes.flatMap((row) => changeIn(String(row[5]))),
      next: last === undefined ? (after ?? end) : `${String(present)}.${String(last[3])}.${String(last[4])}`,
    }
  }

  async close(): Promise<void> {
    // The client belongs to the caller.
  }

  async #run<Name extends string>(
    { text, bind }: Statement<Name>,
    values: Readonly<Record<Name, PostgresValue>>,
    planned?: 'anew',
  ): Promise<unknown[][]> {
    this.#ready ??= this.#migrate()
    await this.#ready
    return this.#send(text, bind(values), planned)
  }

  async #migrate(): Promise<void> {
    try {
      await migrate(this.#send, this.#tables)
    } catch (error) {
      // The next operation tries again: a server may start late.
      this.#ready = undefined
      throw error
    }
  }

  /** The requested work is done; what cannot be removed now is removed later. */
  async #sweepOut(now: number): Promise<void> {
    const { forgetAt, changesAt } = endedBefore(now)
    await Promise.allSettled([
      this.#run(this.#statements.forget, { before: forgetAt }),
      this.#run(this.#statements.trim, { before: changesAt }),
      noteServer(this.#send, this.#tables),
    ])
  }
}

function toRow([key, revision, entry, sealed]: readonly unknown[]): Row | undefined {
  if (typeof key !== 'string') return undefined
  return { key, revision: String(revision), entry: String(entry), sealed: String(sealed) }
}

/**
 * Converts the server's seconds to whole milliseconds. They have six decimals: the addition exceeds a number's error.
 */
function milliseconds(seconds: unknown): number {
  return Math.floor(Number(seconds) * 1000 + 0.0005)
}
