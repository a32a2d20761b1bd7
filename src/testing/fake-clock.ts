import type { Clock } from '../util/clock.ts'
import { loadParts } from '../util/lazy.ts'

/** A clock that a test moves. */
export interface FakeClock extends Required<Clock> {
  /**
   * Moves the time forward by this many milliseconds. Waits that end in between end in order, and what waited runs
   * before time continues.
   */
  advance(ms: number): Promise<void>
  /** Sets the time of day, as an administrator or a time server does. Waits and `monotonic()` do not notice. */
  set(now: number): void
  /** Number of waits that have not ended. */
  readonly pending: number
}

interface Wait {
  readonly at: number
  end(): void
}

// Taken now: a test runner may replace timers later.
const { setTimeout } = globalThis
const setImmediate = (globalThis as { setImmediate?: (run: () => void) => unknown }).setImmediate

/** Number of steps of quick asynchronous work, one after the other, that are awaited before time continues. */
const TURNS = 8

const PROBE = new Uint8Array(1)

/**
 * Lets promise jobs run, and the results of Web Crypto arrive. Its operations queue up in their own threads: one
 * started later shows, on a busy machine too, that the earlier ones are done.
 */
async function settle(): Promise<void> {
  await loadParts()
  for (let turn = 0; turn < TURNS; turn++) {
    await crypto.subtle.digest('SHA-256', PROBE)
    await new Promise<void>((resolve) => {
      if (setImmediate === undefined || turn === 0) setTimeout(resolve, 0)
      else setImmediate(resolve)
    })
  }
}

/**
 * Returns a clock that stands still until it is advanced.
 * @param options.now start of the clock, in ms since the epoch; default 2026-01-01T00:00:00Z
 */
export function fakeClock(options: { readonly now?: number } = {}): FakeClock {
  let elapsed = 0
  let start = options.now ?? Date.UTC(2026, 0, 1)
  const waits = new Set<Wait>()

  const nextUntil = (time: number): Wait | undefined => {
    let next: Wait | undefined
    for (const wait of waits) if (wait.at <= time && (next === undefined || wait.at < next.at)) next = wait
    return next
  }

  return {
    now: () => start + elapsed,
    monotonic: () => elapsed,
    delay: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted === true) {
          reject(signal.reason as Error)
          return
        }
        if (!(ms > 0)) {
          resolve()
          return
        }
        const abort = (): void => {
          waits.delete(wait)
          reject(signal?.reason as Error)
        }
        const wait = {
          at: elapsed + ms,
          end: () => {
            waits.delete(wait)
            signal?.removeEventListener('abort', abort)
            resolve()
          },
        }
        waits.add(wait)
        signal?.addEventListener('abort', abort, { once: true })
      }),
    advance: async (ms) => {
      const target = elapsed + ms
      await settle()
      for (let wait = nextUntil(target); wait !== undefined; wait = nextUntil(target)) {
        elapsed = Math.max(elapsed, wait.at)
        wait.end()
        await settle()
      }
      elapsed = Math.max(elapsed, target)
      await settle()
    },
    set: (now) => {
      start = now - elapsed
    },
    get pending() {
      return waits.size
    },
  }
}
