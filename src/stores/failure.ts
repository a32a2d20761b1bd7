import { isEvergrantError, StoreError } from '../model/errors.ts'
import { Secrets } from '../util/redact.ts'

/** A word shorter than this is not a secret of the parameters, and may be part of any message. */
const SHORTEST = 9

/** What is known of an error. */
interface Known {
  /** Values that its message must not contain. */
  readonly values: readonly unknown[]
  readonly advice: (reason: string) => string
  /** Whether it says that nothing was written. */
  readonly notWritten: boolean
}

/** Rebuilds an error from below as the store's: drivers attach commands and their parameters, servers quote values. */
export function storeFailure(database: string, error: unknown, { values, advice, notWritten }: Known): Error {
  if (isEvergrantError(error)) return error
  const texts = values.filter((value) => typeof value === 'string' && value.length >= SHORTEST) as string[]
  const cause = new Secrets().add(...texts).cause(error)
  const reason = cause === undefined || cause.message === '' ? 'unexpected failure' : cause.message
  return new StoreError(`The ${database} store failed: ${reason.replace(/\.$/, '')}. ${advice(reason)}`, {
    cause,
    notWritten,
  })
}
