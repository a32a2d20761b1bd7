import { promised } from './promised.ts'

/** Where the library reads the time and waits. Every wait of the library goes through it, so that a test can own time. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number
  /** Milliseconds that never go backwards, from any start. @default performance.now() */
  monotonic?(): number
  /** Resolves after `ms` milliseconds; rejects with the signal's reason when it aborts first. @default a timer, which keeps the process alive: somebody waits for its end */
  delay?(ms: number, signal?: AbortSignal): Promise<void>
}

/** The longest timer that JavaScript has: beyond it, a timer fires at once. */
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

/** `clock.delay` for a wait that no caller and no unsaved token stands behind: the machine's own doesn't keep the process alive for it. */
export function idleDelay(clock: Required<Clock>, ms: number, signal?: AbortSignal): Promise<void> {
  return clock.delay === systemClock.delay ? systemDelay(ms, signal, false) : clock.delay(ms, signal)
}

/** A reason of its own for each stopped wait would cost a stack trace. */
const STOPPED = new Error('The wait was stopped.')

/** Runs `onEnd` after `ms` milliseconds, unless the function that it returns is called before. With `idle`, nobody waits for it. */
export function startTimer(
  clock: Required<Clock>,
  ms: number,
  onEnd: () => void,
  { idle = false }: { readonly idle?: boolean } = {},
): () => void {
  // Deadlines around whatever may hang mostly end unused: the machine's timers stop at the least cost.
  if (clock.delay === systemClock.delay) return systemTimer(ms, !idle, onEnd)
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
  if (clock === undefined || clock === systemClock) return systemClock
  return {
    now: () => clock.now(),
    monotonic: clock.monotonic === undefined ? () => clock.now() : () => clock.monotonic?.() ?? clock.now(),
    // The machine's own delay stays what it is: an idle wait has to recognise it.
    delay:
      clock.delay === undefined || clock.delay === systemClock.delay
        ? systemClock.delay
        : (ms, signal) => promised<void>(() => clock.delay?.(ms, signal) ?? Promise.resolve()),
  }
}
