import { ConfigError } from '../../errors.ts'

/** What is bound to and read from SQL by this store. */
export type SqliteValue = string | number | null

/** A prepared statement, as node:sqlite and better-sqlite3 have it. */
export interface SqliteStatement {
  run(...parameters: SqliteValue[]): unknown
  get(...parameters: SqliteValue[]): unknown
  all(...parameters: SqliteValue[]): unknown[]
}

/** The part of a synchronous SQLite connection that the store uses: `node:sqlite`'s `DatabaseSync` and better-sqlite3's `Database` have it. */
export interface SqliteDatabase {
  prepare(sql: string): SqliteStatement
  exec(sql: string): unknown
  close(): unknown
}

/** Opens a file, or `:memory:`. */
export type SqliteOpener = (path: string) => SqliteDatabase

/**
 * Node's own SQLite, looked up when it is first needed, so that older versions can import this module.
 * @throws ConfigError where Node has none
 */
export function nodeSqlite(): SqliteOpener {
  const sqlite = process.getBuiltinModule?.('node:sqlite')
  if (sqlite === undefined) {
    throw new ConfigError(
      `Opening an SQLite file by its path needs Node 22.13 or newer, this is ${process.version}: upgrade Node, or pass sqliteStore() a Database of better-sqlite3 instead of the path.`,
    )
  }
  return (path) => new sqlite.DatabaseSync(path)
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

  run(sql: string, ...parameters: SqliteValue[]): void {
    this.#prepare(sql).run(...parameters)
  }

  /** The first row; undefined when there is none (some drivers say null). */
  get(sql: string, ...parameters: SqliteValue[]): unknown {
    return this.#prepare(sql).get(...parameters) ?? undefined
  }

  all(sql: string, ...parameters: SqliteValue[]): unknown[] {
    return this.#prepare(sql).all(...parameters)
  }

  /** Runs `work` holding the write lock, which it takes at once: a transaction that takes it later may find that it read too early. */
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
