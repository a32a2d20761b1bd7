import { startTimer, type Clock } from './clock.ts'

/** What a promise resolves to, or undefined when `ms` pass first. With `idle`, nobody waits for it: the process may end meanwhile. */
export function before<T>(
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
