import type { JournalEntry } from '../live/journal.ts'

/** The words for what happened to a grant: the server's first page and the script say the same. */

/** `14:05:09`, in local time. */
export function clockTime(at: number): string {
  return new Date(at).toTimeString().slice(0, 8)
}

/** Whole seconds, never below nothing. */
export function secondsUntil(at: number, now: number): number {
  return Math.max(0, Math.ceil((at - now) / 1000))
}

/** What happened. */
export function whatHappened(entry: JournalEntry): string {
  if (entry.kind === 'refreshed') return causes[entry.cause]
  if (entry.kind === 'failed') return `A refresh failed (${entry.code}); the token at hand goes on being used`
  if (entry.kind === 'dead') return `The grant is over (${entry.reason}): only the user can bring it back`
  return 'A new token is in use and waits to be saved'
}

const causes = {
  early: 'Renewed in the background, in good time',
  spent: 'Renewed for a caller, because it was spent',
  rejected: 'Renewed because the API refused the old one',
  manual: 'Renewed because you asked',
  keep_alive: 'Renewed to keep the grant alive',
} as const

/** How long it took. */
export function howLong(entry: JournalEntry): string {
  return entry.kind === 'refreshed' ? `${entry.durationMs} ms` : ''
}

export type LifeState = 'fresh' | 'early' | 'spent'

/** Where in its life a token is. */
export function lifeState(life: { readonly earlyAt: number; readonly spentAt: number }, now: number): LifeState {
  if (now < life.earlyAt) return 'fresh'
  return now < life.spentAt ? 'early' : 'spent'
}
