import { startTimer, type Clock } from './clock.ts'

/** Makes a promise and its resolver (Promise.withResolvers, which Node 20 does not have). */
export function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve: () => void = () => undefined
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve }
}

/**
 * Resolves to the promise's value, or to undefined if `ms` pass first. With `idle`, no caller waits for it: the process
 * may end before.
 */
export function within<T>(
  promise: Promise<T>,
  clock: Required<Clock>,
  ms: number,
  options?: { readonly idle?: boolean },
): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const stop = startTimer(clock, ms, () => resolve(undefined), options)
    promise.then(
      (value) => {
        stop()
        resolve(value)
      },
      (error: unknown) => {
        stop()
        reject(error)
      },
    )
  })
}

/** Runs work that others may share: an abort ends only this caller's wait, with the signal's reason. */
export function abortable<T>(work: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work()
  if (signal.aborted) return Promise.reject(signal.reason as Error)
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error)
    signal.addEventListener('abort', onAbort, { once: true })
    work()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', onAbort))
  })
}

/** Resolves in the event loop's next turn: other waiting work comes first, unlike with a resolved promise. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof setImmediate === 'function') setImmediate(resolve)
    else setTimeout(resolve, 0)
  })
}
