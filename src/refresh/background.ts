import { promised, unheeded } from '../util/promised.ts'

/**
 * How work that no caller waits for is run: early refreshes, store reads, revocations. `'detached'` starts it. `'none'`
 * makes callers wait. A function receives each promise, for example `waitUntil` or Next's `after`, so that a serverless
 * host keeps it running.
 */
export type Background = 'detached' | 'none' | ((work: Promise<unknown>) => void)

/** Hands work to the background. If the function throws or rejects, the work continues. */
export function runInBackground(background: Background, work: () => Promise<unknown>): void {
  if (background === 'none') return
  const running = promised(work).catch(() => undefined)
  if (typeof background === 'function') unheeded(promised(() => background(running)))
}

/**
 * Reports work in progress to the host, so that the host does not end it with the request that started it. The caller
 * handles its rejection.
 */
export function handOver(background: Background, running: Promise<unknown>): void {
  if (typeof background === 'function') unheeded(promised(() => background(running.catch(() => undefined))))
}
