import { stopwatch, type Clock } from '../util/clock.ts'
import { isEvergrantError, StoreError } from '../model/errors.ts'

const TRIES = 4
const FIRST_DELAY_MS = 50
/** Total time after which a waiting caller does not ask a slow store again. */
const LONGEST_MS = 10_000

/** Whether the same operation may succeed later. */
export function maySucceedLater(error: unknown): boolean {
  return !isEvergrantError(error) || error.retryable
}

/** Whether a failed store operation may have been executed. */
export function isUnknown(error: unknown): boolean {
  return maySucceedLater(error) && !(error instanceof StoreError && error.notWritten === true)
}

/**
 * Repeats a store operation whose outcome is unknown, unchanged, a few times. One that hangs is tried at least
 * `leastTries` times.
 */
export async function persistently<T>(
  clock: Required<Clock>,
  work: () => Promise<T>,
  { leastTries = 1 }: { readonly leastTries?: number } = {},
): Promise<T> {
  const took = stopwatch(clock)
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work()
    } catch (error) {
      const isOver = attempt === TRIES || (attempt >= leastTries && took() >= LONGEST_MS)
      if (isOver || !isUnknown(error)) throw error
      await clock.delay(FIRST_DELAY_MS * 2 ** (attempt - 1))
    }
  }
}
