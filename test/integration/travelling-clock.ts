import type { Clock } from '../../src/util/clock.ts'

/** The machine's clock, with a way into the future. */
export interface TravellingClock extends Required<Clock> {
  /** Advances by this number of milliseconds at once, and ends the waits that end within them. */
  travel(ms: number): void
  /** Goes to the end of the next wait, if that is no longer than a second away: over the pauses of what is tried again, not over deadlines. */
  travelToNext(): void
  /** The rest of each wait in progress, in milliseconds. */
  waits(): readonly number[]
}

/**
 * A clock that runs with the machine's, so that real sockets can be waited for, and jumps ahead where a test would otherwise have
 * to sleep: over a token's life, a back-off, a settle time. `aheadMs` starts it as far ahead as another process's.
 */
export function travellingClock(aheadMs = 0): TravellingClock {
  let ahead = aheadMs
  /** What restarts each wait, and when that wait ends. */
  const waiting = new Map<() => void, number>()
  const monotonic = (): number => performance.now() + ahead
  const travel = (ms: number): void => {
    ahead += ms
    for (const arm of waiting.keys()) arm()
  }
  const waits = (): number[] => [...waiting.values()].map((due) => due - monotonic())
  return {
    now: () => Date.now() + ahead,
    monotonic,
    delay: (ms, signal) =>
      new Promise((resolve, reject) => {
        signal?.throwIfAborted()
        const due = monotonic() + Math.max(0, ms)
        let timer: NodeJS.Timeout | undefined
        const arm = (): void => {
          clearTimeout(timer)
          timer = setTimeout(end, Math.max(0, due - monotonic()))
        }
        const end = (): void => {
          waiting.delete(arm)
          signal?.removeEventListener('abort', abort)
          resolve()
        }
        const abort = (): void => {
          clearTimeout(timer)
          waiting.delete(arm)
          reject(signal?.reason as Error)
        }
        signal?.addEventListener('abort', abort, { once: true })
        waiting.set(arm, due)
        arm()
      }),
    travel,
    travelToNext: () => {
      const next = Math.min(...waits())
      if (next > 0 && next <= 1000) travel(next)
    },
    waits,
  }
}
