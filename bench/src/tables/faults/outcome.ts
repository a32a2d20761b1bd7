import { cell, type Cell } from '../../harness/table.ts'
import { counted } from '../storms.ts'

/** What a caller got: a token that it did not have before, the one it had, or one that the API refuses; a response to its GET; an error, which says that a repeat may help or not; or nothing within the limit. */
export type Got = 'new' | 'current' | 'refused' | 'answered' | 'retryable' | 'failed' | 'waiting'

/** The caller got what it asked for. */
export const served = (got: Got): boolean => got === 'new' || got === 'current' || got === 'answered'

/** What some callers got, and the token requests until then. */
export interface Part {
  readonly got: readonly Got[]
  readonly requests: number
}

/** What one contestant did on one fault, once: callers while it lasted, once or at each expiry. */
export interface Outcome extends Part {
  /** The same with a token that is still good for a while, asked for twice. */
  readonly expiring?: Part
  /** When the fault was gone, after asking, again and again, for `waitedMs`. */
  readonly after?: Part & { readonly waitedMs: number }
  /** What a new process got that started with what was kept. */
  readonly restarted?: Part
  /** Whether the server has ended the grant in the end. */
  readonly revoked: boolean
  /** What the library emitted. */
  readonly events: readonly string[]
}

/** What the cells of a contestant's runs are. */
export const OUTCOME_COLUMNS = [
  'served',
  'token requests',
  'served, expiring',
  'token requests',
  'works again',
  'after',
  'after a restart',
  'grant ended',
] as const

/** Counts over all runs. */
export function cellsOf(runs: readonly Outcome[]): readonly Cell[] {
  const parts = (name: 'expiring' | 'after' | 'restarted'): readonly Part[] => runs.flatMap((run) => run[name] ?? [])
  const working = runs.flatMap(({ after }) => (after !== undefined && after.got.every(served) ? after : []))
  return [
    share(runs),
    requests(runs),
    share(parts('expiring')),
    requests(parts('expiring')),
    share(parts('after')),
    cell(
      working.map(({ waitedMs }) => Math.round(waitedMs / 1000)),
      's',
    ),
    share(parts('restarted')),
    `${runs.filter(({ revoked }) => revoked).length} of ${runs.length}`,
  ]
}

function share(parts: readonly Part[]): Cell {
  const all = parts.flatMap(({ got }) => got)
  return all.length === 0 ? '–' : `${all.filter(served).length} of ${all.length}`
}

const requests = (parts: readonly Part[]): Cell =>
  parts.length === 0 ? '–' : counted(parts.map(({ requests }) => requests))
