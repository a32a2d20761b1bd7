import type { DatabaseSync } from 'node:sqlite'

import type { SqliteDatabase, SqliteValue } from '../../src/stores/sqlite/index.ts'

/**
 * A database like those of better-sqlite3, over node:sqlite. `run` rejects statements that return rows, `get` and
 * `all` reject those that return none, errors have its own codes, and it waits for locks by default.
 */
export function betterSqliteShaped(database: DatabaseSync): SqliteDatabase {
  const translated = <T>(work: () => T): T => {
    try {
      return work()
    } catch (error) {
      const { errcode, message } = error as { errcode?: number; message: string }
      const names: Record<number, string> = {
        5: 'SQLITE_BUSY',
        6: 'SQLITE_LOCKED',
        8: 'SQLITE_READONLY',
        13: 'SQLITE_FULL',
      }
      throw Object.assign(new Error(message), {
        name: 'SqliteError',
        code: names[(errcode ?? 1) & 0xff] ?? 'SQLITE_ERROR',
      })
    }
  }
  return {
    exec: (sql) => translated(() => database.exec(sql)),
    close: () => database.close(),
    prepare: (sql) => {
      const statement = translated(() => database.prepare(sql))
      const rows = statement.columns().length > 0
      const call = <T>(wantsRows: boolean, work: () => T): T => {
        if (rows !== wantsRows) throw new TypeError(`This statement ${rows ? 'returns data' : 'does not return data'}.`)
        return translated(work)
      }
      const check = (parameters: SqliteValue[]): SqliteValue[] => {
        for (const value of parameters) {
          if (value !== null && !['string', 'number'].includes(typeof value))
            throw new TypeError('can only bind numbers, strings, null')
        }
        return parameters
      }
      return {
        run: (...parameters) => call(false, () => statement.run(...check(parameters))),
        get: (...parameters) => call(true, () => statement.get(...check(parameters))),
        all: (...parameters) => call(true, () => statement.all(...check(parameters))),
      }
    },
  }
}

/** A connection that writes down the SQL it is given. */
export function spied(database: DatabaseSync): { database: SqliteDatabase; log: string[] } {
  const log: string[] = []
  const inner = betterSqliteShaped(database)
  return {
    log,
    database: {
      exec: (sql) => {
        log.push(sql)
        return inner.exec(sql)
      },
      close: () => inner.close(),
      prepare: (sql) => {
        const statement = inner.prepare(sql)
        const told =
          <A extends unknown[], R>(run: (...parameters: A) => R) =>
          (...parameters: A): R => {
            log.push(sql)
            return run(...parameters)
          }
        return { run: told(statement.run), get: told(statement.get), all: told(statement.all) }
      },
    },
  }
}
