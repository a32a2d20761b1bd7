import { storeFailure } from '../failure.ts'

export const codeOf = (error: unknown): string => String((error as { readonly code?: unknown } | undefined)?.code)

/** Whether the server undid a statement because of others', and would do it at another try. */
export const isUndone = (error: unknown): boolean =>
  /^ER_(LOCK_DEADLOCK|LOCK_WAIT_TIMEOUT|CHECKREAD)$/.test(codeOf(error))

/** The store's error for one of the driver, without the statement's values. */
export function mysqlFailure(error: unknown, values: readonly unknown[]): Error {
  const isRefused = /DENIED|PREVENTS|READ_ONLY/.test(codeOf(error))
  const advice = isRefused ? 'Connect to the primary, and check the rights.' : 'Check the connection and the server.'
  return storeFailure('MySQL', error, { values, advice: () => advice })
}
