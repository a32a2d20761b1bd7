import { storeFailure } from '../failure.ts'

const ADVICE: readonly (readonly [code: RegExp, advice: string])[] = [
  [/DENIED/, "Check the user, the password and the user's rights."],
  [/LOCK_WAIT_TIMEOUT|LOCK_NOWAIT/, 'Another transaction holds the row: end it. SHOW PROCESSLIST names it.'],
  [/PREVENTS|READ_ONLY/, 'The server accepts no writes. Connect to the primary.'],
]

export const codeOf = (error: unknown): string => String((error as { readonly code?: unknown } | undefined)?.code)

/** Whether the server undid a statement because of other transactions, and may execute it at another attempt. */
export const isUndone = (error: unknown): boolean => /^ER_(LOCK_DEADLOCK|CHECKREAD)$/.test(codeOf(error))

/** The server undid the statement, or never started it. */
const NOT_WRITTEN = /^ER_(LOCK_|CHECKREAD$|OPTION_PREVENTS|.*READ_ONLY|RECORD_FILE_FULL$)|DENIED/

/** Makes the store's error for one of the driver, without the statement's values. */
export function mysqlFailure(error: unknown, values: readonly unknown[]): Error {
  const [, advice = 'Check the connection and the server.'] = ADVICE.find(([code]) => code.test(codeOf(error))) ?? []
  const notWritten = NOT_WRITTEN.test(codeOf(error))
  return storeFailure('MySQL', error, { values, advice: () => advice, notWritten })
}
