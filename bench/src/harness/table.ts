import { spread, type Spread } from './stats.ts'

/** A text, a count, or what was measured: its median and quartiles. */
export type Cell = string | number | (Spread & { readonly unit?: string })

export interface Aim {
  readonly aim: string
  readonly measured: string
  readonly met: boolean
  /** What bounds the figure, above all where the aim is missed. */
  readonly why?: string
}

/** One table of results. */
export interface Table {
  readonly name: string
  readonly title: string
  readonly intro?: string
  readonly columns: readonly string[]
  readonly rows: readonly (readonly Cell[])[]
  readonly notes?: readonly string[]
  readonly aims?: readonly Aim[]
}

/** What makes a table. `full`: the size that is published; else a quick look. */
export interface Bench {
  readonly name: string
  /** What is measured, in a few words. */
  readonly description: string
  run(size: { readonly full: boolean }): Promise<Omit<Table, 'name'>>
}

/** What was measured, with its unit; a dash where nothing was. */
export function cell(samples: readonly number[] | Spread, unit?: string): Cell {
  if (Array.isArray(samples) && samples.length === 0) return '–'
  const measured = 'median' in samples ? samples : spread(samples)
  return unit === undefined ? measured : { ...measured, unit }
}

/** The cells of a contestant that is not installed. */
export const notInstalled = (cells: number): readonly Cell[] => [
  'not installed',
  ...Array.from({ length: cells - 1 }, () => ''),
]

/** An aim; `why` is said only where it is missed. */
export function aimOf(aim: string, measured: string, met: boolean, why?: string | false): Aim {
  return { aim, measured, met, ...(!met && typeof why === 'string' && { why }) }
}
