import { storeFailure } from '../failure.ts'

/** SQLSTATE codes: https://www.postgresql.org/docs/current/errcodes-appendix.html */
const SERIALIZATION_FAILURE = '40001'
const DEADLOCK_DETECTED = '40P01'
const INVALID_TEXT_REPRESENTATION = '22P02'

/** Whether the server undid the statement because of others, and may execute it at another attempt. */
export function isConflict(error: unknown): boolean {
  const code = codeOf(error)
  return code === SERIALIZATION_FAILURE || code === DEADLOCK_DETECTED
}

/** Whether a store's error comes from a swap that undid itself. See `statements.ts`. */
export function isLate(error: unknown): boolean {
  return codeOf((error as { cause?: unknown } | null | undefined)?.cause) === INVALID_TEXT_REPRESENTATION
}

/** Makes the store's error for one of the driver or the server. */
export function postgresFailure(error: unknown, values: readonly unknown[]): Error {
  const code = codeOf(error)
  const notWritten = typeof code === 'string' && UNDONE.test(code)
  return storeFailure('PostgreSQL', error, { values, advice: () => advice(code), notWritten })
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | null | undefined)?.code
}

/** The server undid the statement, which is its own transaction. Not included: a connection or the server ended. */
const UNDONE = /^(2[2-8]|3[DF]|4[024]|5[345])[0-9A-Z]{3}$|^57014$/

const ADVICE: readonly (readonly [code: RegExp, advice: string])[] = [
  [/^40001$|^40P01$/, 'Nothing was written; try again.'],
  [/^42501$/, 'Grant the role the rights on its tables, or create them beforehand with one that may.'],
  [
    /^42P01$|^42703$/,
    "Check the schema and table options, the role's search_path, and that the tables were not removed.",
  ],
  [
    /^3F000$/,
    "Check the schema option and the role's search_path: it names no schema in which the role may create tables.",
  ],
  [
    /^42P05$|^26000$/,
    "A pooler mixes up prepared statements: leave out the option 'prepare', or let the pooler keep them.",
  ],
  [/^22P05$|^22021$/, 'The database cannot keep all characters. Use one whose encoding is UTF8.'],
  [
    /^54000$/,
    'A text is too long for an index of the table. Remove indexes that were added to it, or use shorter ids.',
  ],
  [/^55P03$/, 'Another transaction holds the row or the table. End it: pg_stat_activity names it.'],
  [/^57014$/, 'The statement was stopped. Check for locks, and statement_timeout.'],
  [/^25006$/, 'The server accepts no writes. Connect to the primary.'],
  [/^53/, "The server has run out of a resource. Check its disk and its connections' limit."],
  [/^28|^3D000$/, 'Check the user, the password and the name of the database.'],
]

function advice(code: unknown): string {
  const [, found] = ADVICE.find(([form]) => typeof code === 'string' && form.test(code)) ?? []
  return found ?? 'Check the connection and the server.'
}
