import type { PairEntry, PairView, WorkerView } from '../pair/pair-view.ts'

/** `2.4 s`, `10 s`. */
export function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`
}

/** What a process is doing. */
export function workerState({ state }: Pick<WorkerView, 'state'>): string {
  return {
    off: 'not running',
    starting: 'starting',
    calling: 'calling the API',
    refreshing: 'refreshing now',
    killed: 'ended by SIGKILL',
  }[state]
}

/** What happened. */
export function pairEntryText(entry: PairEntry): string {
  const { by } = entry
  switch (entry.kind) {
    case 'started':
      return `${by} ${entry.again ? 'was started again' : 'was started'}${entry.pid === undefined ? '' : `, process ${entry.pid}`}`
    case 'refreshed':
      return entry.recovered ? `${by} has a new token: the grant is saved` : `${by} renewed the token for both`
    case 'killed':
      return entry.consumed
        ? `${by} was ended; the provider had replaced the refresh token already`
        : `${by} was ended in the middle of its refresh`
    case 'took_over':
      return `${by} took over and sent the refresh token again`
    default:
      return `${by} could not refresh (${entry.code}); the token at hand goes on being used`
  }
}

/** How long it took, or after what. */
export function pairEntryTime(entry: PairEntry): string {
  if (entry.kind === 'refreshed') return seconds(entry.durationMs)
  if (entry.kind === 'killed') return `${seconds(entry.afterMs)} into it`
  return entry.kind === 'took_over' ? `${seconds(entry.afterMs)} after the end` : ''
}

export interface PairVerdict {
  /** Undefined where nothing is to be praised or blamed yet. */
  readonly good?: boolean
  readonly text: string
}

const endings = {
  asked: 'Both are stopped.',
  time: 'Both were stopped: the time is over.',
  left: 'Both were stopped: no page was looking.',
} as const

/** One sentence about how it stands. */
export function pairVerdict(view: PairView): PairVerdict {
  const { alive, armed, counters, ended, recovery, state, trouble } = view
  if (trouble !== undefined) return { good: false, text: trouble }
  if (state === 'starting') return { text: 'Two processes and a provider are being started…' }
  if (state === 'off') return { text: ended === undefined ? 'Start the two to begin.' : endings[ended] }
  if (!alive) return { good: false, text: 'The grant is over: the provider takes its refresh token no more.' }
  if (armed) return { text: 'The next process that refreshes is ended in the middle of it…' }
  if (recovery !== undefined) {
    const { by, calls, failed, killed, killedAt, recoveredAt, tookOverAt } = recovery
    if (recoveredAt !== undefined) {
      return {
        good: failed === 0,
        text: `${killed} died with the only copy of the answer. ${by} had a new token ${seconds(recoveredAt - killedAt)} later; ${calls} calls were made meanwhile, ${failed === 0 ? 'none failed' : `${failed} failed`}, and the grant is alive.`,
      }
    }
    if (tookOverAt !== undefined) {
      return { text: `Lease and settle time are over: ${by} sends the same refresh token again, once.` }
    }
    return {
      text: `${killed} is gone, and the answer with it. ${by} goes on with the token at hand until lease and settle time are over.`,
    }
  }
  if (counters.refreshes === 0) return { text: 'Both call their API with the same token; soon one of them renews it.' }
  return { good: true, text: 'Whoever is first renews the token, and the other takes it from the store.' }
}
