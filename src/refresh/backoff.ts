import type { Failures } from '../stores/store.ts'

const FIRST_DELAY_MS = 1000
const LONGEST_DELAY_MS = 300_000
const LONGEST_RETRY_AFTER_MS = 3_600_000
const JITTER = 0.2

/** A grant that was refused this often over this long, without a readable error, is given up. */
const REFUSALS = 10
const REFUSED_FOR_MS = 24 * 3_600_000

/** `ms` give or take a share, so that processes don't come back together. */
export function jittered(ms: number, share: number = JITTER): number {
  return Math.round(ms * (1 - share + 2 * share * Math.random()))
}

/**
 * What is noted after one more failure: 1 s of back-off, doubled to 5 min, give or take 20 %, or the provider's own
 * `Retry-After`, up to an hour. `now` is the store's time. The count starts again when the code changes; the delay goes on.
 */
export function nextFailures(
  previous: Failures | undefined,
  failure: { code: string; now: number; retryAfterMs?: number | undefined },
): Failures {
  const { code, now, retryAfterMs } = failure
  const repeated = previous?.code === code
  const lastDelay = previous === undefined || previous.mandatory ? 0 : previous.notBefore - previous.lastAt
  const delay = jittered(Math.min(LONGEST_DELAY_MS, Math.max(FIRST_DELAY_MS, lastDelay * 2)))
  const asked = retryAfterMs === undefined ? 0 : Math.min(LONGEST_RETRY_AFTER_MS, retryAfterMs)
  return {
    code,
    count: repeated ? previous.count + 1 : 1,
    firstAt: repeated ? previous.firstAt : now,
    lastAt: now,
    notBefore: now + Math.max(delay, asked),
    mandatory: asked > 0,
  }
}

/** Whether refusals without a readable error have gone on for too long. */
export function refusedTooLong(failures: Failures): boolean {
  return (
    failures.code === 'refused' && failures.count >= REFUSALS && failures.lastAt - failures.firstAt >= REFUSED_FOR_MS
  )
}
