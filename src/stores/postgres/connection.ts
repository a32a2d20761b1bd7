import { systemClock } from '../../util/clock.ts'
import { ConfigError } from '../../model/errors.ts'
import { isConflict, postgresFailure } from './errors.ts'

/** Values that this store binds to SQL. */
export type PostgresValue = string | number | boolean | null

/**
 * The part of a pool (or client) of `pg` that the store uses. PGlite and the serverless drivers of the same form have
 * it too.
 */
export interface PostgresPool {
  query(text: string, values?: PostgresValue[]): Promise<{ readonly rows: readonly unknown[] }>
}

/** The part of a `postgres.js` sql function that the store uses. */
export interface PostgresSql {
  unsafe(text: string, values?: PostgresValue[]): PromiseLike<readonly unknown[]>
}

/**
 * Runs one statement, again if the server undid it because of others: all isolation levels but the default one may.
 * Resolves to each row's values in the order of its columns: drivers may be set to rename columns. `planned: 'anew'`:
 * the statement is never prepared, so that each plan is made for its values.
 * @throws StoreError
 */
export type Run = (text: string, values: PostgresValue[], planned?: 'anew') => Promise<unknown[][]>

/** Maximum number of attempts of a statement that the server undid because of others. */
const ATTEMPTS = 5

/** Longest wait before such a repeat, jittered. */
const LONGEST_WAIT_MS = 16

/**
 * `prepare`: statements with values are prepared once for each connection.
 * @throws ConfigError for a client of another form
 */
export function runner(client: PostgresPool | PostgresSql, prepare: boolean): Run {
  const [plain, prepared] = [rowsOf(client), prepare ? preparedRowsOf(client) : undefined]
  return async (text, values, planned) => {
    // The statement that creates the tables has several statements in one text, which cannot be prepared.
    const rows = values.length > 0 && planned !== 'anew' ? (prepared ?? plain) : plain
    for (let attempt = 1; ; attempt += 1) {
      try {
        return (await rows(text, values)).map((row) => Object.values(row as object))
      } catch (error) {
        if (!isConflict(error) || attempt === ATTEMPTS) throw postgresFailure(error, values)
      }
      await systemClock.delay(Math.random() * Math.min(2 ** attempt, LONGEST_WAIT_MS))
    }
  }
}

type Rows = (text: string, values: PostgresValue[]) => PromiseLike<readonly unknown[]>

function rowsOf(client: PostgresPool | PostgresSql): Rows {
  if (has(client, 'unsafe')) return (text, values) => (client as PostgresSql).unsafe(text, values)
  if (has(client, 'query')) {
    return async (text, values) => (await (client as PostgresPool).query(text, values)).rows
  }
  throw new ConfigError(
    "Expected client to be a pool of 'pg' (new Pool({ connectionString })) or the sql function of 'postgres' (postgres(url)).",
  )
}

interface PreparingPool {
  query(query: { readonly name: string; readonly text: string; readonly values: PostgresValue[] }): Promise<{
    readonly rows: readonly unknown[]
  }>
}

interface PreparingSql {
  unsafe(text: string, values: PostgresValue[], options: { readonly prepare: boolean }): PromiseLike<readonly unknown[]>
}

function preparedRowsOf(client: PostgresPool | PostgresSql): Rows {
  if (has(client, 'unsafe')) {
    return (text, values) => (client as unknown as PreparingSql).unsafe(text, values, { prepare: true })
  }
  const names = new Map<string, string>()
  return async (text, values) => {
    const name = names.get(text) ?? nameOf(text)
    names.set(text, name)
    return (await (client as unknown as PreparingPool).query({ name, text, values })).rows
  }
}

/** Names a statement for `pg`, which refuses one name for two texts: other stores may use the same pool. */
function nameOf(text: string): string {
  let [high, low] = [0xdeadbeef, 0x41c6ce57]
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index)
    high = Math.imul(high ^ code, 2654435761)
    low = Math.imul(low ^ code, 1597334677)
  }
  return `evergrant_${(high >>> 0).toString(36)}_${(low >>> 0).toString(36)}`
}

function has(client: unknown, method: string): boolean {
  return typeof (client as Record<string, unknown> | null | undefined)?.[method] === 'function'
}
