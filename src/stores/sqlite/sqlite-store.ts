import { type Clock, completeClock } from '../../clock.ts'
import { ConfigError, StoreError } from '../../errors.ts'
import { encodeKey, type GrantKey } from '../../grant-key.ts'
import { decideClaim, decideCommit, decidePut, decideRelease, type Decision, TOMBSTONE_MS } from '../decisions.ts'
import {
  type ClaimAnswer,
  type ClaimRequest,
  type CommitAnswer,
  type DueRequest,
  type Expectation,
  type GrantRecord,
  type GrantStore,
  type ListFilter,
  type NewGrant,
  RECORD_SCHEMA,
  type ReleaseRequest,
  type TokenCommit,
  type VerdictCommit,
} from '../store.ts'
import { Connection, nodeSqlite, type SqliteDatabase } from './database.ts'
import { protectFile } from './file.ts'
import { listQuery } from './list-query.ts'
import { select, toLeaseValues, toRecord, toValues, updateLease, upsert } from './rows.ts'
import { migrate, type Tables, tablesNamed } from './schema.ts'
import { storeError } from './sqlite-error.ts'
import { retryBusy, Turns } from './turns.ts'

/** What an SQLite store may differ in. */
export interface SqliteStoreOptions {
  /** The grants' table; the store's other tables are named after it. @default 'evergrant_grants' */
  readonly table?: string
  /** How long an operation waits, in milliseconds, for other processes' writes, before it fails with a `StoreError`. @default 5_000 */
  readonly busyTimeoutMs?: number
  /** The store's time, which all processes that share the file must share. @default the machine's clock */
  readonly clock?: Clock
}

const MEMORY = ':memory:'

const PAGE = 100

/** Expired tombstones and single-use ids are swept out this often, a limited number at a time. */
const SWEEP_EVERY_MS = 60_000
const SWEEP_LIMIT = 500

/**
 * A store in one SQLite file, for any number of processes of one machine. The file is made when it is first needed, with its
 * tables, readable for its owner only. Not for network file systems: they don't keep SQLite's promises.
 *
 * Given a path, it is opened with Node's own SQLite (22.13 or newer). A connection of better-sqlite3, or another of that form, works
 * too; it must be the store's alone (its transactions and settings are), and `close()` closes it.
 * Operations reject with `StoreError`, and with `ConfigError` for a file whose tables a newer release made or that can't have a
 * write-ahead log; such a file is left alone.
 * @throws ConfigError for a path or an object that can't be used, or where Node has no SQLite
 */
export function sqliteStore(pathOrDatabase: string | SqliteDatabase, options: SqliteStoreOptions = {}): GrantStore {
  return new SqliteStore(pathOrDatabase, options)
}

function opener(source: string | SqliteDatabase): () => SqliteDatabase {
  if (typeof source !== 'string') {
    const usable = ['prepare', 'exec', 'close'].every(
      (name) => typeof (source as unknown as Record<string, unknown> | null)?.[name] === 'function',
    )
    if (usable) return () => source
    throw new ConfigError(
      'Expected a path or a database with prepare(), exec() and close(), as better-sqlite3 and node:sqlite make them.',
    )
  }
  if (source === '' || source.startsWith('file:')) {
    throw new ConfigError("Expected the path of a file, or ':memory:': SQLite's own URIs are not taken.")
  }
  const open = nodeSqlite()
  return () => {
    if (source !== MEMORY) protectFile(source)
    return open(source)
  }
}

interface Opened {
  readonly connection: Connection
  readonly turns: Turns
}

class SqliteStore implements GrantStore {
  readonly volatile: boolean
  readonly #open: () => SqliteDatabase
  readonly #ownsConnection: boolean
  readonly #tables: Tables
  readonly #clock: Required<Clock>
  readonly #busyTimeoutMs: number
  readonly #select: string
  readonly #upsert: string
  readonly #updateLease: string
  #opened: Promise<Opened> | undefined
  #closed = false
  #sweptAt = 0

  constructor(source: string | SqliteDatabase, options: SqliteStoreOptions) {
    this.#open = opener(source)
    this.#ownsConnection = typeof source === 'string'
    this.volatile = source === MEMORY
    this.#tables = tablesNamed(options.table ?? 'evergrant_grants')
    this.#clock = completeClock(options.clock)
    this.#busyTimeoutMs = options.busyTimeoutMs ?? 5_000
    this.#select = select(this.#tables.grants)
    this.#upsert = upsert(this.#tables.grants)
    this.#updateLease = updateLease(this.#tables.grants)
    if (!(this.#busyTimeoutMs >= 0)) {
      throw new ConfigError('Expected options.busyTimeoutMs to be a number of milliseconds, 0 or more.')
    }
  }

  async read(key: GrantKey): Promise<{ record?: GrantRecord | undefined; now: number }> {
    return this.#read((connection) => ({ record: this.#find(connection, encodeKey(key)), now: this.#clock.now() }))
  }

  async put(key: GrantKey, grant: NewGrant, expect?: Expectation): Promise<CommitAnswer> {
    const name = encodeKey(key)
    const { tombstones } = this.#tables
    return this.#write(true, (connection) => {
      const now = this.#clock.now()
      this.#sweep(connection, now)
      const record = this.#find(connection, name)
      const sql = `SELECT 1 FROM ${tombstones} WHERE key = ? AND id = ? AND until > ?`
      const buried = connection.get(sql, name, grant.id, now) !== undefined
      const decision = decidePut(record, buried, key, grant, expect, now)
      if (decision.write !== undefined && record !== undefined) this.#bury(connection, name, record.id, now)
      return this.#settle(connection, decision)
    })
  }

  async claim(key: GrantKey, request: ClaimRequest): Promise<ClaimAnswer> {
    const name = encodeKey(key)
    return this.#write(false, (connection) => {
      const { answer, write } = decideClaim(this.#find(connection, name), request, this.#clock.now())
      if (write !== undefined) this.#saveLease(connection, write)
      return answer
    })
  }

  async commit(key: GrantKey, commit: TokenCommit | VerdictCommit): Promise<CommitAnswer> {
    const name = encodeKey(key)
    return this.#write(true, (connection) =>
      this.#settle(connection, decideCommit(this.#find(connection, name), commit, this.#clock.now())),
    )
  }

  async release(key: GrantKey, request: ReleaseRequest): Promise<void> {
    const name = encodeKey(key)
    return this.#write(false, (connection) => {
      const released = decideRelease(this.#find(connection, name), request)
      if (released !== undefined) this.#saveLease(connection, released)
    })
  }

  async reseal(key: GrantKey, request: { id: string; from: string; to: string }): Promise<boolean> {
    const name = encodeKey(key)
    // Durable: the key of the old envelope may be thrown away once all are said to be sealed anew.
    return this.#write(true, (connection) => {
      const record = this.#find(connection, name)
      if (record?.id !== request.id || record.sealed !== request.from) return false
      this.#save(connection, { ...record, sealed: request.to })
      return true
    })
  }

  async once(id: string, ttlMs: number): Promise<boolean> {
    const { once } = this.#tables
    return this.#write(false, (connection) => {
      const now = this.#clock.now()
      this.#sweep(connection, now)
      if (connection.get(`SELECT 1 FROM ${once} WHERE id = ? AND until > ?`, id, now) !== undefined) return false
      connection.run(`INSERT OR REPLACE INTO ${once} (id, until) VALUES (?, ?)`, id, now + ttlMs)
      return true
    })
  }

  async delete(key: GrantKey, request: { id: string }): Promise<boolean> {
    const name = encodeKey(key)
    return this.#write(true, (connection) => {
      const now = this.#clock.now()
      this.#sweep(connection, now)
      if (this.#find(connection, name)?.id !== request.id) return false
      connection.run(`DELETE FROM ${this.#tables.grants} WHERE key = ?`, name)
      this.#bury(connection, name, request.id, now)
      return true
    })
  }

  async *list(filter?: ListFilter): AsyncGenerator<GrantRecord> {
    const query = listQuery(this.#tables.grants, filter, PAGE)
    let after = query.from
    for (;;) {
      const rows = await this.#read((connection) => connection.all(query.sql, after, ...query.parameters))
      for (const row of rows) {
        const record = toRecord(row)
        if (record === undefined) continue
        after = encodeKey(record.key)
        yield record
      }
      if (rows.length < PAGE) return
    }
  }

  async due({ before, limit, reserveMs = 0 }: DueRequest): Promise<{ records: readonly GrantRecord[]; now: number }> {
    const sql = `${this.#select} WHERE due_at <= ? AND schema <= ? ORDER BY due_at LIMIT ?`
    const find = (connection: Connection): readonly GrantRecord[] =>
      connection.all(sql, before, RECORD_SCHEMA, limit).flatMap((row) => toRecord(row) ?? [])
    if (reserveMs <= 0) {
      return this.#read((connection) => ({ records: find(connection), now: this.#clock.now() }))
    }
    // Any write of a grant sets its due_at anew.
    const reserve = `UPDATE ${this.#tables.grants} SET due_at = ? WHERE key = ?`
    return this.#write(false, (connection) => {
      const records = find(connection)
      for (const { key } of records) connection.run(reserve, before + reserveMs, encodeKey(key))
      return { records, now: this.#clock.now() }
    })
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    const opened = await this.#opened?.catch(() => undefined)
    if (opened === undefined) return
    await opened.turns.idle()
    opened.connection.close()
  }

  #find(connection: Connection, name: string): GrantRecord | undefined {
    return toRecord(connection.get(`${this.#select} WHERE key = ?`, name))
  }

  #save(connection: Connection, record: GrantRecord): void {
    connection.run(this.#upsert, ...toValues(record))
  }

  #saveLease(connection: Connection, record: GrantRecord): void {
    connection.run(this.#updateLease, ...toLeaseValues(record))
  }

  #settle<A>(connection: Connection, decision: Decision<A>): A {
    if (decision.write !== undefined) this.#save(connection, decision.write)
    return decision.answer
  }

  #bury(connection: Connection, name: string, id: string, now: number): void {
    const sql = `INSERT OR REPLACE INTO ${this.#tables.tombstones} (key, id, until) VALUES (?, ?, ?)`
    connection.run(sql, name, id, now + TOMBSTONE_MS)
  }

  #sweep(connection: Connection, now: number): void {
    if (now - this.#sweptAt < SWEEP_EVERY_MS) return
    this.#sweptAt = now
    const { once, tombstones } = this.#tables
    connection.run(
      `DELETE FROM ${once} WHERE id IN (SELECT id FROM ${once} WHERE until <= ? LIMIT ${SWEEP_LIMIT})`,
      now,
    )
    connection.run(
      `DELETE FROM ${tombstones} WHERE (key, id) IN (SELECT key, id FROM ${tombstones} WHERE until <= ? LIMIT ${SWEEP_LIMIT})`,
      now,
    )
  }

  async #read<T>(work: (connection: Connection) => T): Promise<T> {
    const { connection } = await this.#ready()
    try {
      return await retryBusy(this.#clock, this.#busyTimeoutMs, () => work(connection))
    } catch (error) {
      throw storeError(error)
    }
  }

  async #write<T>(durable: boolean, work: (connection: Connection) => T): Promise<T> {
    const { turns } = await this.#ready()
    return turns.write(durable, work)
  }

  #ready(): Promise<Opened> {
    if (this.#closed) throw new StoreError('The SQLite store is closed. Make a new one.')
    if (this.#opened !== undefined) return this.#opened
    const opened = this.#connect()
    this.#opened = opened
    // The next operation tries again: a disk may be mounted late.
    opened.catch(() => (this.#opened = undefined))
    return opened
  }

  async #connect(): Promise<Opened> {
    let connection: Connection | undefined
    try {
      const opened = (connection = new Connection(this.#open()))
      opened.exec('PRAGMA busy_timeout = 0')
      await retryBusy(this.#clock, this.#busyTimeoutMs, () => {
        requireWriteAheadLog(opened)
        migrate(opened, this.#tables)
      })
      return { connection, turns: new Turns(connection, this.#clock, this.#busyTimeoutMs) }
    } catch (error) {
      // One that was given is tried again.
      if (this.#ownsConnection) connection?.close()
      throw storeError(error)
    }
  }
}

function requireWriteAheadLog(connection: Connection): void {
  const current = connection.get('PRAGMA journal_mode') as { journal_mode: string }
  if (current.journal_mode === 'wal') return
  const set = connection.get('PRAGMA journal_mode = WAL') as { journal_mode: string }
  // A database in memory has nothing to log and nobody to share it with.
  if (set.journal_mode === 'wal' || set.journal_mode === 'memory') return
  throw new ConfigError(
    `The SQLite store needs a write-ahead log, and this database stays at journal mode '${set.journal_mode}'. Keep it in a file on a local disk.`,
  )
}
