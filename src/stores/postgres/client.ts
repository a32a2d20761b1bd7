import { ConfigError } from '../../errors.ts'

/** What is bound to SQL by this store. */
export type PostgresValue = string | number | boolean | null

/** The part of a pool (or client) of `pg` that the store uses. PGlite and the serverless drivers of the same form have it too. */
export interface PostgresPool {
  query(text: string, values?: PostgresValue[]): Promise<{ readonly rows: readonly unknown[] }>
}

/** The part of a `postgres.js` sql function that the store uses. */
export interface PostgresSql {
  unsafe(text: string, values?: PostgresValue[]): PromiseLike<readonly unknown[]>
}

/** Runs one statement. Answers each row's values in the order of its columns: drivers may be set to rename columns. */
export type Run = (text: string, values: PostgresValue[]) => Promise<unknown[][]>

/** @throws ConfigError for a client of another form */
export function runner(client: PostgresPool | PostgresSql): Run {
  const rows = rowsOf(client)
  return async (text, values) => (await rows(text, values)).map((row) => Object.values(row as object))
}

function rowsOf(
  client: PostgresPool | PostgresSql,
): (text: string, values: PostgresValue[]) => PromiseLike<readonly unknown[]> {
  if (has(client, 'unsafe')) return (text, values) => (client as PostgresSql).unsafe(text, values)
  if (has(client, 'query')) {
    return async (text, values) => (await (client as PostgresPool).query(text, values)).rows
  }
  throw new ConfigError(
    "Expected a pool of 'pg' (new Pool({ connectionString })) or the sql function of 'postgres' (postgres(url)).",
  )
}

function has(client: unknown, method: string): boolean {
  return typeof (client as Record<string, unknown> | null | undefined)?.[method] === 'function'
}
