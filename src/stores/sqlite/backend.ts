import type { Clock } from '../../util/clock.ts'
import { StoreError } from '../../model/errors.ts'
import { nextTurn } from '../../util/async.ts'
import type { Backend, DueRows, Found, Row, RowCount, RowFilter, RowPageRequest, Write } from '../backend.ts'
import { endedBefore, Sweep, SWEEP_LIMIT } from '../sweep.ts'
import { Connection, type SqliteDatabase, type SqliteValue } from './connection.ts'
import { storeError } from './errors.ts'
import { addChange, readChanges, trimChanges } from './feed.ts'
import { OpenedFile } from './file.ts'
import { countRows, type Read, readPage, ROW } from './lists.ts'
import { migrate, type Tables } from './schema.ts'
import { retryBusy, WriteQueue } from './write-queue.ts'

/** Number of list rows that are read at once. */
const PAGE = 100

/** Settings of a backend. */
export interface SqliteSettings {
  readonly open: () => SqliteDatabase
  /** Whether the backend opened the connection, and closes an unusable one. */
  readonly isOwned: boolean
  readonly volatile: boolean
  /** Path of the file, if known. @default what the connection says */
  readonly path?: string | undefined
  readonly tables: Tables
  readonly busyTimeoutMs: number
  readonly clock: Required<Clock>
}

interface Opened {
  readonly connection: Connection
  /** Absent: the database is in memory. */
  readonly file: OpenedFile | undefined
  readonly queue: WriteQueue
}

/** Rows in one table of SQLite. Reads take no lock. All swaps of one event-loop turn are one transaction. */
export class SqliteBackend implements Backend {
  readonly volatile: boolean
  readonly #settings: SqliteSettings
  readonly #sweep: Sweep
  readonly #select: string
  #opened: Promise<Opened> | undefined
  #closed = false

  constructor(settings: SqliteSettings) {
    this.volatile = settings.volatile
    this.#settings = settings
    this.#sweep = new Sweep(settings.clock)
    this.#select = `SELECT ${ROW} FROM ${settings.tables.rows}`
  }

  read(key: string): Promise<Found> {
    return this.#read((connection) => ({ row: this.#find(connection, key), now: this.#now() }))
  }

  async swap(
    key: string,
    from: string | undefined,
    to: string,
    write: Write,
  ): Promise<Found & { readonly swapped: boolean }> {
    const { queue } = await this.#ready()
    return queue.write(write.durable, (connection) => {
      const now = this.#now()
      const isLate = write.notAfter !== undefined && now > write.notAfter
      if (isLate || !this.#write(connection, key, from, to, write)) {
        return { swapped: false, row: this.#find(connection, key), now }
      }
      if (write.change !== undefined) addChange(connection, this.#settings.tables, write.change)
      const isSwept = write.change !== undefined || write.index.forgetAt !== undefined
      if (isSwept && this.#sweep.isDue()) this.#removeEnded(connection, now)
      return { swapped: true, now }
    })
  }

  async *list(filter: RowFilter): AsyncGenerator<Row> {
    let after: string | undefined
    do {
      const { rows, next } = await this.page({ ...filter, after, limit: PAGE })
      yield* rows
      after = next
      await nextTurn()
    } while (after !== undefined)
  }

  page(request: RowPageRequest): Promise<{ rows: readonly Row[]; next?: string | undefined }> {
    return readPage(this.#read, this.#settings.tables.rows, request)
  }

  counts({ prefix = '[' }: { readonly prefix?: string | undefined }): Promise<readonly RowCount[]> {
    return countRows(this.#read, this.#settings.tables.rows, prefix)
  }

  async due({ before, limit, reserveMs, schema }: DueRows): Promise<{ rows: readonly Row[]; now: number }> {
    const table = this.#settings.tables.rows
    const sql = `${this.#select} WHERE due_at <= ? AND coalesce(schema, 0) <= ? ORDER BY due_at LIMIT ?`
    const find = (connection: Connection): { rows: Row[]; now: number } => ({
      rows: connection.all(sql, before, schema, limit) as Row[],
      now: this.#now(),
    })
    if (reserveMs === undefined) return this.#read(find)
    const { queue } = await this.#ready()
    return queue.write(false, (connection) => {
      const found = find(connection)
      const reserve = `UPDATE ${table} SET due_at = ? WHERE key = ?`
      for (const { key } of found.rows) connection.run(reserve, before + reserveMs, key)
      return found
    })
  }

  changes(request: Parameters<typeof readChanges>[2]): Promise<ReturnType<typeof readChanges>> {
    return this.#read((connection) => readChanges(connection, this.#settings.tables, request))
  }

  async close(): Promise<void> {
    this.#closed = true
    const opened = await this.#opened?.catch(() => undefined)
    if (opened === undefined) return
    await opened.queue.idle()
    opened.connection.close()
  }

  #now(): number {
    return Math.floor(this.#settings.clock.now())
  }

  #find(connection: Connection, key: string): Row | undefined {
    return connection.get(`${this.#select} WHERE key = ?`, key) as Row | undefined
  }

  /** Writes the row if its revision is `from`. Returns whether it was written. */
  #write(connection: Connection, key: string, from: string | undefined, to: string, write: Write): boolean {
    const table = this.#settings.tables.rows
    const { entry, sealed, index, sameIndex } = write
    const rest = [index.subject ?? null, index.state ?? null, index.schema ?? null, index.forgetAt ?? null]
    const values: SqliteValue[] = [to, entry, index.dueAt ?? null]
    if (from === undefined) {
      const columns = 'revision, entry, due_at, subject, state, schema, forget_at, sealed, key'
      const sql = `INSERT INTO ${table} (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`
      return connection.run(sql, ...values, ...rest, sealed ?? '', key) === 1
    }
    let set = 'revision = ?, entry = ?, due_at = ?'
    // SQLite writes the indexes of every column that is set, even to the same value.
    if (!sameIndex) {
      set += ', subject = ?, state = ?, schema = ?, forget_at = ?'
      values.push(...rest)
    }
    if (sealed !== undefined) {
      set += ', sealed = ?'
      values.push(sealed)
    }
    return connection.run(`UPDATE ${table} SET ${set} WHERE key = ? AND revision = ?`, ...values, key, from) === 1
  }

  #removeEnded(connection: Connection, now: number): void {
    const { tables } = this.#settings
    const ended = endedBefore(now)
    const keys = `SELECT key FROM ${tables.rows} WHERE forget_at < ? ORDER BY forget_at LIMIT ${SWEEP_LIMIT}`
    connection.run(`DELETE FROM ${tables.rows} WHERE key IN (${keys})`, ended.forgetAt)
    trimChanges(connection, tables, ended.changesAt)
  }

  readonly #read: Read = async (work) => {
    const { connection, file } = await this.#ready()
    try {
      file?.assertSame()
      return await retryBusy(this.#settings.clock, this.#settings.busyTimeoutMs, () => work(connection))
    } catch (error) {
      throw storeError(error)
    }
  }

  #ready(): Promise<Opened> {
    if (this.#closed) throw new StoreError('The SQLite store is closed. Create a new one.')
    if (this.#opened !== undefined) return this.#opened
    const opened = this.#connect()
    this.#opened = opened
    // The next operation tries again: a disk may be mounted late.
    opened.catch(() => (this.#opened = undefined))
    return opened
  }

  async #connect(): Promise<Opened> {
    const { busyTimeoutMs, clock, isOwned, open, tables } = this.#settings
    let connection: Connection | undefined
    try {
      const opened = (connection = new Connection(open()))
      opened.exec('PRAGMA busy_timeout = 0')
      await retryBusy(clock, busyTimeoutMs, () => {
        opened.requireWriteAheadLog()
        migrate(opened, tables)
      })
      const path = this.#settings.path ?? connection.path
      const file = path === undefined ? undefined : new OpenedFile(path)
      return { connection, file, queue: new WriteQueue(connection, { file, clock, busyTimeoutMs }) }
    } catch (error) {
      // A connection of the caller is tried again.
      if (isOwned) connection?.close()
      throw storeError(error)
    }
  }
}
