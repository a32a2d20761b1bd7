import type { Clock } from '../clock.ts'

/** What a promise resolves to, or undefined when `ms` pass first. */
export async function before<T>(promise: Promise<T>, clock: Required<Clock>, ms: number): Promise<T | undefined> {
  const over = new AbortController()
  const deadline = clock.delay(ms, over.signal).then(
    () => undefined,
    () => undefined,
  )
  try {
    return await Promise.race([promise, deadline])
  } finally {
    over.abort()
  }
}
