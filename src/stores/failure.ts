import { isEvergrantError, StoreError } from '../model/errors.ts'
import { Secrets } from '../util/redact.ts'

/** A word shorter than this is none of the parameters' secrets, and may stand in any message. */
const SHORTEST = 9

/** What is known of an error. */
interface Known {
  /** What its message must not tell. */
  readonly values: readonly unknown[]
  readonly advice: (reason: string) => string
  /** Whether it says that nothing was written. */
  readonly notWritten: boolean
}

/** The store's error for one from below, which is rebuilt: drivers put commands and their parameters on theirs, servers quote values. */
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
