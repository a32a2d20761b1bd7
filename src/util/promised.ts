/** Whether it can be waited for: a promise, also one of another realm or library. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    (typeof value === 'object' || typeof value === 'function') &&
    value !== null &&
    typeof (value as { then?: unknown }).then === 'function'
  )
}

/**
 * Takes note of what an application's function answered that nobody waits for: where that is a promise, of whatever realm or library, its
 * rejection must not end the process.
 */
export function unheeded(answer: unknown): void {
  try {
    if (isThenable(answer)) answer.then(nothing, nothing)
  } catch {
    // The application's own problem.
  }
}

/** What a function of the application's answers, as a promise of this realm: also where it throws, or answers none. */
export function promised<T>(work: () => PromiseLike<T> | T): Promise<T> {
  try {
    const answer = work()
    return answer instanceof Promise ? answer : Promise.resolve(answer)
  } catch (error) {
    return Promise.reject(error)
  }
}

function nothing(): void {}
