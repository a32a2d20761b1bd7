import { isEvergrantError, StoreError } from '../../errors.ts'
import { Secrets } from '../../redact.ts'
import type { PostgresValue } from './client.ts'

/** https://www.postgresql.org/docs/current/errcodes-appendix.html */
const SERIALIZATION_FAILURE = '40001'
const DEADLOCK_DETECTED = '40P01'

/** A word shorter than this is none of the parameters' secrets, and may stand in any message. */
const SHORTEST = 9

/** Whether the server undid the statement because of others' and would do it at another try. */
export function isConflict(error: unknown): boolean {
  const code = codeOf(error)
  return code === SERIALIZATION_FAILURE || code === DEADLOCK_DETECTED
}

/** The store's error for one from below, which is rebuilt: drivers hang SQL and its parameters on theirs, servers quote values. */
export function storeError(error: unknown, values: readonly PostgresValue[]): Error {
  if (isEvergrantError(error)) return error
  const texts = values.filter((value) => typeof value === 'string' && value.length >= SHORTEST) as string[]
  const cause = new Secrets().add(...texts).cause(error)
  const reason = cause === undefined || cause.message === '' ? 'unexpected failure' : cause.message
  return new StoreError(`The PostgreSQL store failed: ${reason.replace(/\.$/, '')}. ${advice(codeOf(error))}`, {
    cause,
  })
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | null | undefined)?.code
}

function advice(code: unknown): string {
  if (typeof code !== 'string') return 'Check the connection and the server.'
  if (code === SERIALIZATION_FAILURE || code === DEADLOCK_DETECTED) return 'Nothing was written; try again.'
  if (code === '42501') return 'Grant the role the rights on its tables, or make them beforehand with one that may.'
  if (code === '42P01' || code === '42703')
    return "Check the schema and table options, the role's search_path, and that nobody removed the tables."
  if (code === '25006') return 'The server takes no writes: connect to the primary.'
  if (code.startsWith('53')) return "The server has run out of a resource: check its disk and its connections' limit."
  if (code.startsWith('28') || code === '3D000') return 'Check the user, the password and the name of the database.'
  return 'Check the connection and the server.'
}
