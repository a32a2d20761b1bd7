import { storeFailure } from '../failure.ts'

/** https://www.postgresql.org/docs/current/errcodes-appendix.html */
const SERIALIZATION_FAILURE = '40001'
const DEADLOCK_DETECTED = '40P01'
const INVALID_TEXT_REPRESENTATION = '22P02'

/** Whether the server undid the statement because of others, and may do it at another try. */
export function isConflict(error: unknown): boolean {
  const code = codeOf(error)
  return code === SERIALIZATION_FAILURE || code === DEADLOCK_DETECTED
}

/** Whether a store's error is of a swap that undid itself: `statements.ts` says how. */
export function isLate(error: unknown): boolean {
  return codeOf((error as { cause?: unknown } | null | undefined)?.cause) === INVALID_TEXT_REPRESENTATION
}

/** The store's error for one of the driver or the server. */
export function postgresFailure(error: unknown, values: readonly unknown[]): Error {
  return storeFailure('PostgreSQL', error, { values, advice: () => advice(codeOf(error)) })
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | null | undefined)?.code
}

function advice(code: unknown): string {
  if (typeof code !== 'string') return 'Check the connection and the server.'
  if (code === SERIALIZATION_FAILURE || code === DEADLOCK_DETECTED) return 'Nothing was written; try again.'
  if (code === '42501') return 'Grant the role the rights on its tables, or make them beforehand with one that may.'
  if (code === '42P01' || code === '42703')
    return "Check the schema and table options, the role's search_path, and that the tables were not removed."
  if (code === '25006') return 'The server takes no writes: connect to the primary.'
  if (code.startsWith('53')) return "The server has run out of a resource: check its disk and its connections' limit."
  if (code.startsWith('28') || code === '3D000') return 'Check the user, the password and the name of the database.'
  return 'Check the connection and the server.'
}
