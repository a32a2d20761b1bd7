import { promised, unheeded } from '../util/promised.ts'

/**
 * Where work goes that nobody waits for (early refreshes, looks at the store, retried revocations): `detached` just runs it,
 * `none` has none (callers then wait for what they need), a function gets each promise, so that a serverless host keeps it
 * alive beyond the answer (`waitUntil`, Next's `after`).
 */
export type Background = 'detached' | 'none' | ((work: Promise<unknown>) => void)

/** Hands work over. What a function does with it is its own problem: it may throw or reject, the work goes on. */
export function runInBackground(background: Background, work: () => Promise<unknown>): void {
  if (background === 'none') return
  const running = promised(work).catch(() => undefined)
  if (typeof background === 'function') unheeded(promised(() => background(running)))
}

/** Lets the host know of work that is under way, so that it is not ended with the request that began it. What it rejects with is the caller's. */
export function handOver(background: Background, running: Promise<unknown>): void {
  if (typeof background === 'function') unheeded(promised(() => background(running.catch(() => undefined))))
}
