import { ConfigError } from '../../model/errors.ts'
import { codeOf, isUndone, mysqlFailure } from './errors.ts'

/** Values that the store binds to SQL. */
export type MysqlValue = string | number | null

/**
 * The part of a pool of `mysql2/promise` that the store uses. Each statement has its own options, independent of the
 * pool's.
 */
export interface MysqlPool {
  execute(
    query: Record<'rowsAsArray' | 'nestTables', boolean> & { sql: string; values: MysqlValue[] },
  ): Promise<readonly [unknown, ...unknown[]]>
}

/**
 * Resolves to a query's rows. For a write, to one row: the number of affected rows, and its `LAST_INSERT_ID(value)`.
 */
export type Run = (sql: string, values?: MysqlValue[]) => Promise<unknown[][]>

/** Runs prepared statements, up to five times if other transactions undo them. An `INSERT` over a row affects none. */
export function runner(pool: MysqlPool): Run {
  if (typeof (pool as MysqlPool | undefined)?.execute !== 'function' || 'promise' in pool) {
    throw new ConfigError("Expected client to be a pool of 'mysql2/promise', or `pool.promise()` of one of 'mysql2'.")
  }
  return async (sql, values = []) => {
    for (let tries = 1; ; tries += 1) {
      try {
        const [result] = await pool.execute({ sql, values, rowsAsArray: true, nestTables: false })
        const { affectedRows, insertId } = result as { affectedRows?: unknown; insertId?: unknown }
        return Array.isArray(result) ? result : [[affectedRows, insertId]]
      } catch (error) {
        if (codeOf(error) === 'ER_DUP_ENTRY') return [[0]]
        if (!isUndone(error) || tries === 5) throw mysqlFailure(error, values)
      }
    }
  }
}
