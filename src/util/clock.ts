import { promised } from './promised.ts'

/** Source of time and waits. Every wait of the library goes through it, so that a test can control time. */
export interface Clock {
  /** Returns milliseconds since the epoch. */
  now(): number
  /** Returns milliseconds that never decrease, from any start. @default performance.now() */
  monotonic?(): number
  /**
   * Resolves after `ms` milliseconds. Rejects with the signal's reason if it aborts first. @default a timer that keeps
   * the process running, because a caller waits for it
   */
  delay?(ms: number, signal?: AbortSignal): Promise<void>
}

/** Longest timer of JavaScript: beyond it, a timer fires at once. */
export const MAX_TIMER_MS: number = 2 ** 31 - 1

/** The machine's clock. */
export const systemClock: Required<Clock> = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  delay: (ms, signal) => systemDelay(ms, signal, true),
}

function systemDelay(ms: number, signal: AbortSignal | undefined, keepsAlive: boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason as Error)
      return
    }
    const onAbort = (): void => {
      stop()
      reject(signal?.reason as Error)
    }
    const stop = systemTimer(ms, keepsAlive, () => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    })
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}

function systemTimer(ms: number, keepsAlive: boolean, onEnd: () => void): () => void {
  const timer = setTimeout(onEnd, Math.min(Math.max(ms, 0), MAX_TIMER_MS))
  // Browsers' timers are numbers.
  if (!keepsAlive && typeof timer === 'object') timer.unref()
  return () => clearTimeout(timer)
}

/**
 * Waits like `clock.delay`, but without a waiting caller or an unsaved token: the machine's own clock does not keep the
 * process running for it.
 */
export function idleDelay(clock: Required<Clock>, ms: number, signal?: AbortSignal): Promise<void> {
  return clock.delay === systemClock.delay ? systemDelay(ms, signal, false) : clock.delay(ms, signal)
}

/** A reason of its own for each stopped wait would cost a stack trace. */
const STOPPED = new Error('The wait was stopped.')

/**
 * Runs `onEnd` after `ms` milliseconds, unless the returned function is called before. With `idle`, no caller waits for
 * it.
 */
export function startTimer(
  clock: Required<Clock>,
  ms: number,
  onEnd: () => void,
  { idle = false }: { readonly idle?: boolean } = {},
): () => void {
  // Most deadlines end unused: the machine's timers stop at the lowest cost.
  if (clock.delay === systemClock.delay) return systemTimer(ms, !idle, onEnd)
  const stopped = new AbortController()
  clock.delay(ms, stopped.signal).then(onEnd, () => undefined)
  return () => stopped.abort(STOPPED)
}

/**
 * Measures the time since this call, in ms: by the monotonic clock, or by the time of day if that is longer. A
 * suspended machine stops its monotonic clock.
 */
export function stopwatch(clock: Pick<Required<Clock>, 'now' | 'monotonic'>): () => number {
  const [monotonic, now] = [clock.monotonic(), clock.now()]
  return () => Math.max(clock.monotonic() - monotonic, clock.now() - now)
}

/** Adds what a caller's clock leaves out. A clock without `monotonic` serves as its own monotonic clock. */
export function completeClock(clock: Clock | undefined): Required<Clock> {
  if (clock === undefined || clock === systemClock) return systemClock
  return {
    now: () => clock.now(),
    monotonic: clock.monotonic === undefined ? () => clock.now() : () => clock.monotonic?.() ?? clock.now(),
    // The machine's own delay stays unchanged: an idle wait has to recognize it.
    delay:
      clock.delay === undefined || clock.delay === systemClock.delay
        ? systemClock.delay
        : (ms, signal) => promised<void>(() => clock.delay?.(ms, signal) ?? Promise.resolve()),
  }
}
