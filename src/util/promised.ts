/** Whether it can be awaited: a promise, also one of another realm or library. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    (typeof value === 'object' || typeof value === 'function') &&
    value !== null &&
    typeof (value as { then?: unknown }).then === 'function'
  )
}

/**
 * Ignores the result of an application's function. The rejection of a promise, of any realm or library, must not end
 * the process.
 */
export function unheeded(result: unknown): void {
  try {
    if (isThenable(result)) result.then(nothing, nothing)
  } catch {
    // The application handles its own failures.
  }
}

/**
 * Returns the result of an application's function as a promise of this realm, also if it throws or returns no promise.
 */
export function promised<T>(work: () => PromiseLike<T> | T): Promise<T> {
  try {
    const result = work()
    return result instanceof Promise ? result : Promise.resolve(result)
  } catch (error) {
    return Promise.reject(error)
  }
}

function nothing(): void {}
