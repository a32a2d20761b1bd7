import type { Backend, DueRows, Found, Row, RowFilter, RowPageRequest, Write } from '../backend.ts'
import { keyRange } from '../lists.ts'
import { endedBefore, Sweep, SWEEP_LIMIT } from '../sweep.ts'
import { type MysqlPool, type MysqlValue, type Run, runner } from './connection.ts'
import { prepared } from './schema.ts'

/** When the statement started, in UTC: local times are ambiguous for an hour when summer time ends. */
const CLOCK = "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000"

/** The present time, also after a wait for a lock. A write returns no rows: the driver gets it as the last id. */
const PRESENT = `LAST_INSERT_ID(${CLOCK} + TIMESTAMPDIFF(MICROSECOND, NOW(3), SYSDATE(3)) DIV 1000)`

/** Rows of one table. Each statement is its own transaction, and may run on any connection of the pool. */
export class MysqlBackend implements Backend {
  readonly #run: Run
  readonly #table: string
  readonly #rows: string
  readonly #sweep = new Sweep()

  constructor(pool: MysqlPool, table = 'evergrant_records') {
    this.#run = prepared(runner(pool), table)
    this.#table = table
    this.#rows = `SELECT ${CLOCK}, CONVERT(row_key USING utf8mb4), revision, entry, sealed FROM`
  }

  async read(key: string): Promise<Found> {
    const [row = []] = await this.#run(`${this.#rows} (SELECT 1) AS one LEFT JOIN ${this.#table} ON row_key = ?`, [key])
    return { now: Number(row[0]), row: row[1] === null ? undefined : toRow(row) }
  }

  /** Sets all columns: InnoDB writes those that change. */
  async swap(key: string, from: string | undefined, to: string, write: Write): Promise<Found & { swapped: boolean }> {
    const { subject, state, schema, dueAt, forgetAt } = write.index
    const sql =
      from === undefined
        ? `INSERT INTO ${this.#table}
          (revision, entry, sealed, subject, state, schema_version, due_at, forget_at, row_key)
          SELECT ?, ?, ?, ?, ?, ?, ?, ?, ? FROM DUAL WHERE ${PRESENT} <= ?`
        : `UPDATE ${this.#table} SET revision = ?, entry = ?, sealed = COALESCE(?, sealed), subject = ?, state = ?,
          schema_version = ?, due_at = ?, forget_at = ? WHERE row_key = ? AND revision = ? AND ${PRESENT} <= ?`
    const set = [to, write.entry, write.sealed, subject, state, schema, dueAt, forgetAt].map((value) => value ?? null)
    const where = [key, ...(from === undefined ? [] : [from]), write.notAfter ?? Number.MAX_SAFE_INTEGER]
    const [[affected, now] = []] = await this.#run(sql, [...set, ...where])
    if (Number(affected) === 0) return { swapped: false, ...(await this.read(key)) }
    if (this.#sweep.isDue()) void this.#removeEnded(Number(now)).catch(() => undefined)
    return { swapped: true, now: Number(now) }
  }

  async *list(filter: RowFilter): AsyncGenerator<Row> {
    for (let after: string | undefined = ''; after !== undefined;) {
      const page = await this.page({ ...filter, after, limit: 200 })
      yield* page.rows
      after = page.next
    }
  }

  async page(request: RowPageRequest): Promise<{ readonly rows: readonly Row[]; readonly next: string | undefined }> {
    const { prefix, after = '', limit, subject, state, dueBefore } = request
    const { from, below } = keyRange(prefix)
    const filters = { 'subject =': subject, 'state =': state, 'due_at <=': dueBefore }
    const given = Object.entries(filters).flatMap(([name, value]) => (value === undefined ? [] : [{ name, value }]))
    const more = given.map(({ name }) => `AND ${name} ?`).join(' ')
    const sql = `${this.#rows} ${this.#table} WHERE row_key >= ? AND row_key > ? AND row_key < ? ${more}
      AND state IS NOT NULL ORDER BY row_key LIMIT ${limit + 1}`
    const rows = await this.#run(sql, [from, after, below, ...given.map(({ value }) => value)])
    const found = rows.slice(0, limit).map(toRow)
    return { rows: found, next: rows.length > limit ? found.at(-1)?.key : undefined }
  }

  async due({ before, limit, reserveMs, schema }: DueRows): Promise<{ rows: Row[]; now: number }> {
    let where = 'due_at <= ? AND schema_version <= ? ORDER BY due_at'
    let values: MysqlValue[] = [before, schema]
    if (reserveMs !== undefined) {
      const mine = [crypto.randomUUID(), before + reserveMs]
      const set = "reserved_by = CONCAT(?, LPAD(due_at, 16, '0')), due_at = ?"
      await this.#run(`UPDATE ${this.#table} SET ${set} WHERE ${where} LIMIT ${limit}`, [...mine, ...values])
      where = "reserved_by LIKE CONCAT(?, '%') AND due_at = ? ORDER BY reserved_by"
      values = mine
    }
    const rows = await this.#run(`${this.#rows} ${this.#table} WHERE ${where} LIMIT ${limit}`, values)
    return { rows: rows.map(toRow), now: Number(rows[0]?.[0] ?? (await this.read('')).now) }
  }

  async close(): Promise<void> {
    // The pool belongs to the caller.
  }

  #removeEnded(now: number): Promise<unknown> {
    const ended = `DELETE FROM ${this.#table} WHERE forget_at < ? ORDER BY forget_at LIMIT ${SWEEP_LIMIT}`
    return this.#run(ended, [endedBefore(now).forgetAt])
  }
}

function toRow([, ...texts]: unknown[]): Row {
  const [key = '', revision = '', entry = '', sealed = ''] = texts.map(String)
  return { key, revision, entry, sealed }
}
