import { startTimer, type Clock } from '../../util/clock.ts'

/**
 * Resolves to the promise's value, or rejects with the signal's reason if it aborts first. The promise's later result
 * is ignored then.
 */
export function untilAborted<T>(promise: PromiseLike<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return Promise.resolve(promise)
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error)
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
    // An application's own function may return another kind of promise.
    Promise.resolve(promise)
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', onAbort))
  })
}

/**
 * Runs work under a signal that aborts after `timeoutMs` with the result of `onTimeout`, or with the caller's own
 * signal.
 */
export async function withDeadline<T>(
  clock: Required<Clock>,
  timeoutMs: number,
  signal: AbortSignal | undefined,
  onTimeout: () => Error,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted()
  const stop = new AbortController()
  const onAbort = (): void => stop.abort(signal?.reason)
  signal?.addEventListener('abort', onAbort, { once: true })
  const stopTimer = startTimer(clock, timeoutMs, () => stop.abort(onTimeout()))
  try {
    return await untilAborted(work(stop.signal), stop.signal)
  } finally {
    stopTimer()
    signal?.removeEventListener('abort', onAbort)
  }
}
