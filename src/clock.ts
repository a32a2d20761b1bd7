/** Where the library reads the time and waits. Every wait of the library goes through it, so that a test can own time. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number
  /** Milliseconds that never go backwards, from any start. @default performance.now() */
  monotonic?(): number
  /** Resolves after `ms` milliseconds; rejects with the signal's reason when it aborts first. @default a timer; one of more than a second doesn't keep the process alive */
  delay?(ms: number, signal?: AbortSignal): Promise<void>
}

/** The longest timer that JavaScript has: beyond it, a timer fires at once. */
export const MAX_TIMER_MS: number = 2 ** 31 - 1

const SHORT_WAIT_MS = 1000

/** The machine's clock. */
export const systemClock: Required<Clock> = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  delay: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason as Error)
        return
      }
      const onAbort = (): void => {
        clearTimeout(timer)
        reject(signal?.reason as Error)
      }
      const timer = setTimeout(
        () => {
          signal?.removeEventListener('abort', onAbort)
          resolve()
        },
        Math.min(Math.max(ms, 0), MAX_TIMER_MS),
      )
      // A long wait (a deadline, a settle time) must not keep a process alive that has nothing else to do; in a short one
      // somebody waits for an answer or a token waits to be saved. Browsers' timers are numbers.
      if (ms > SHORT_WAIT_MS && typeof timer === 'object') timer.unref()
      signal?.addEventListener('abort', onAbort, { once: true })
    }),
}

/** Fills in what a caller's clock leaves out. A clock without `monotonic` is taken to be its own monotonic clock. */
export function completeClock(clock: Clock | undefined): Required<Clock> {
  if (clock === undefined) return systemClock
  return {
    now: () => clock.now(),
    monotonic: clock.monotonic === undefined ? () => clock.now() : () => clock.monotonic?.() ?? clock.now(),
    delay:
      clock.delay === undefined ? systemClock.delay : (ms, signal) => clock.delay?.(ms, signal) ?? Promise.resolve(),
  }
}
