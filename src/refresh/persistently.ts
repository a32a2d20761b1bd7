import type { Clock } from '../clock.ts'
import { isEvergrantError } from '../errors.ts'

const TRIES = 4
const FIRST_DELAY_MS = 50

/** Repeats a store operation whose outcome is unknown, unchanged, a few times. */
export async function persistently<T>(clock: Required<Clock>, work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work()
    } catch (error) {
      if (attempt === TRIES || (isEvergrantError(error) && !error.retryable)) throw error
      await clock.delay(FIRST_DELAY_MS * 2 ** (attempt - 1))
    }
  }
}
