import { promised } from './promised.ts'

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
        stop()
        reject(signal?.reason as Error)
      }
      const stop = systemTimer(ms, () => {
        signal?.removeEventListener('abort', onAbort)
        resolve()
      })
      signal?.addEventListener('abort', onAbort, { once: true })
    }),
}

function systemTimer(ms: number, onEnd: () => void): () => void {
  const timer = setTimeout(onEnd, Math.min(Math.max(ms, 0), MAX_TIMER_MS))
  // A long wait (a deadline, a settle time) must not keep a process alive that has nothing else to do; in a short one
  // somebody waits for an answer or a token waits to be saved. Browsers' timers are numbers.
  if (ms > SHORT_WAIT_MS && typeof timer === 'object') timer.unref()
  return () => clearTimeout(timer)
}

/** A reason of its own for each stopped wait would cost a stack trace. */
const STOPPED = new Error('The wait was stopped.')

/** Runs `onEnd` after `ms` milliseconds, unless the function that it answers is called before. */
export function startTimer(clock: Required<Clock>, ms: number, onEnd: () => void): () => void {
  // Deadlines around whatever may hang mostly end unused: the machine's timers stop at the least cost.
  if (clock.delay === systemClock.delay) return systemTimer(ms, onEnd)
  const stopped = new AbortController()
  clock.delay(ms, stopped.signal).then(onEnd, () => undefined)
  return () => stopped.abort(STOPPED)
}

/**
 * Measures how long ago this was called, in milliseconds: by the monotonic clock, or by the time of day where that says more. A machine that
 * is suspended stops its monotonic clock.
 */
export function stopwatch(clock: Pick<Required<Clock>, 'now' | 'monotonic'>): () => number {
  const [monotonic, now] = [clock.monotonic(), clock.now()]
  return () => Math.max(clock.monotonic() - monotonic, clock.now() - now)
}

/** Fills in what a caller's clock leaves out. A clock without `monotonic` is taken to be its own monotonic clock. */
export function completeClock(clock: Clock | undefined): Required<Clock> {
  if (clock === undefined) return systemClock
  return {
    now: () => clock.now(),
    monotonic: clock.monotonic === undefined ? () => clock.now() : () => clock.monotonic?.() ?? clock.now(),
    delay:
      clock.delay === undefined
        ? systemClock.delay
        : (ms, signal) => promised<void>(() => clock.delay?.(ms, signal) ?? Promise.resolve()),
  }
}
