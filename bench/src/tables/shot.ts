import type { Cell } from '../harness/table.ts'
import { spread } from '../harness/stats.ts'

/** What one storm did. */
export interface Shot {
  readonly wallMs: number
  readonly requests: number
  readonly failed: number
  readonly revoked: boolean
}

/** A count where it was always the same, else its spread. */
export function counted(values: readonly number[]): Cell {
  const [first = 0] = values
  return values.every((value) => value === first) ? first : spread(values)
}

/** The cells of what some storms did: token requests, failed calls, wall time, whether the grant was ended. */
export function shotCells(shots: readonly Shot[]): readonly Cell[] {
  const ended = shots.filter(({ revoked }) => revoked).length
  return [
    counted(shots.map(({ requests }) => requests)),
    counted(shots.map(({ failed }) => failed)),
    { ...spread(shots.map(({ wallMs }) => wallMs)), unit: 'ms' },
    ended === 0 ? 'no' : ended === shots.length ? 'yes' : `${ended} of ${shots.length}`,
  ]
}
