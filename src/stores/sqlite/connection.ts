import { ConfigError } from '../../model/errors.ts'
import { protectFile } from './file.ts'

/** Values that this store binds to SQL and reads from it. */
export type SqliteValue = string | number | null

/** A prepared statement, as in node:sqlite and better-sqlite3. */
export interface SqliteStatement {
  /** Returns the number of written rows. */
  run(...parameters: SqliteValue[]): { readonly changes: number | bigint }
  get(...parameters: SqliteValue[]): unknown
  all(...parameters: SqliteValue[]): unknown[]
}

/**
 * The part of a connection that the store uses: `DatabaseSync` of node:sqlite and `Database` of better-sqlite3 have it.
 */
export interface SqliteDatabase {
  prepare(sql: string): SqliteStatement
  exec(sql: string): unknown
  close(): unknown
}

export const MEMORY = ':memory:'

/**
 * Returns a function that opens a source at first use.
 * @throws ConfigError for an unusable source, or if Node has no SQLite
 */
export function openerOf(source: string | SqliteDatabase): () => SqliteDatabase {
  if (typeof source !== 'string') {
    const usable = ['prepare', 'exec', 'close'].every(
      (name) => typeof (source as unknown as Record<string, unknown> | null)?.[name] === 'function',
    )
    if (usable) return () => source
    throw new ConfigError(
      'Expected the database to be a path, or an object with prepare(), exec() and close() as better-sqlite3 and node:sqlite make, ' +
        `got ${source === null ? 'null' : typeof source}.`,
    )
  }
  if (source === '' || source.startsWith('file:')) {
    throw new ConfigError(
      `Expected the path to be that of a file, or '${MEMORY}', got ${source === '' ? 'an empty string' : 'a URI of SQLite'}.`,
    )
  }
  // Loaded only now, so that older versions of Node can import this module.
  const sqlite = process.getBuiltinModule?.('node:sqlite')
  if (sqlite === undefined) {
    throw new ConfigError(
      `Opening an SQLite file by its path requires Node 22.13 or newer, this is ${process.version}. ` +
        'Upgrade Node, or pass sqliteStore() a Database of better-sqlite3 instead of the path.',
    )
  }
  return () => {
    if (source !== MEMORY) protectFile(source)
    return new sqlite.DatabaseSync(source)
  }
}

/** A connection with its statements, each prepared once. */
export class Connection {
  readonly #database: SqliteDatabase
  readonly #statements = new Map<string, SqliteStatement>()

  constructor(database: SqliteDatabase) {
    this.#database = database
  }

  exec(sql: string): void {
    this.#database.exec(sql)
  }

  /** Returns the number of written rows. */
  run(sql: string, ...parameters: SqliteValue[]): number {
    return Number(this.#prepare(sql).run(...parameters).changes)
  }

  /** Returns the first row. Undefined if there is none (some drivers return null). */
  get(sql: string, ...parameters: SqliteValue[]): unknown {
    return this.#prepare(sql).get(...parameters) ?? undefined
  }

  all(sql: string, ...parameters: SqliteValue[]): unknown[] {
    return this.#prepare(sql).all(...parameters)
  }

  /** Runs `work` under the write lock, taken at once: a transaction that takes it later may have read too early. */
  transaction<T>(work: () => T): T {
    this.run('BEGIN IMMEDIATE')
    try {
      const result = work()
      this.run('COMMIT')
      return result
    } catch (error) {
      try {
        this.run('ROLLBACK')
      } catch {
        // SQLite itself has rolled it back, as after a full disk.
      }
      throw error
    }
  }

  /** @throws ConfigError for a database that cannot have a write-ahead log */
  requireWriteAheadLog(): void {
    const current = this.get('PRAGMA journal_mode') as { journal_mode: string }
    if (current.journal_mode === 'wal') return
    const set = this.get('PRAGMA journal_mode = WAL') as { journal_mode: string }
    // A database in memory has nothing to log and shares it with no process.
    if (set.journal_mode === 'wal' || set.journal_mode === 'memory') return
    throw new ConfigError(
      `The SQLite store requires a write-ahead log, but this database stays at journal mode '${set.journal_mode}'. ` +
        'Keep it in a file on a local disk.',
    )
  }

  /** Path of the database's file. Undefined if it is in memory. */
  get path(): string | undefined {
    const rows = this.all('PRAGMA database_list') as { readonly name: string; readonly file: string | null }[]
    return rows.find(({ name }) => name === 'main')?.file || undefined
  }

  close(): void {
    this.#statements.clear()
    this.#database.close()
  }

  #prepare(sql: string): SqliteStatement {
    let statement = this.#statements.get(sql)
    if (statement === undefined) this.#statements.set(sql, (statement = this.#database.prepare(sql)))
    return statement
  }
}
