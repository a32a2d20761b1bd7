import { stopwatch, type Clock } from '../util/clock.ts'
import { isEvergrantError, StoreError } from '../model/errors.ts'

const TRIES = 4
const FIRST_DELAY_MS = 50
/** A store that took so long altogether is not asked again by a caller that waits. */
const LONGEST_MS = 10_000

/** Whether the same may work later. */
export function maySucceedLater(error: unknown): boolean {
  return !isEvergrantError(error) || error.retryable
}

/** Whether a store operation that failed so may have been done. */
export function isUnknown(error: unknown): boolean {
  return maySucceedLater(error) && !(error instanceof StoreError && error.notWritten === true)
}

/** Repeats a store operation whose outcome is unknown, unchanged, a few times; one that hangs at least `leastTries` times. */
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
