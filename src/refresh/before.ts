import { startTimer, type Clock } from '../clock.ts'

/** What a promise resolves to, or undefined when `ms` pass first. */
export function before<T>(promise: Promise<T>, clock: Required<Clock>, ms: number): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const stop = startTimer(clock, ms, () => resolve(undefined))
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
