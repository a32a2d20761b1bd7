import type { Circumstances } from './machine.ts'
import type { Spread } from './stats.ts'
import type { Aim, Cell, Table } from './table.ts'

/** A table's section of the page. */
export function toMarkdown(table: Table, { date, machine, versions }: Circumstances): string {
  const { aims = [], columns, intro, name, notes = [], rows, title } = table
  const parts = [
    `## ${title}`,
    `\`npm run bench -- ${name} --full\``,
    intro,
    [line(columns), line(columns.map(() => '---')), ...rows.map((row) => line(row.map(cellText)))].join('\n'),
    notes.map((note) => `- ${note}`).join('\n'),
    aims.map(aimText).join('\n'),
    `Measured ${date} with Node ${versions['node']} on ${machine}.`,
  ]
  return `${parts.filter((part) => part !== undefined && part !== '').join('\n\n')}\n`
}

const line = (cells: readonly string[]): string => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`

function aimText({ aim, measured, met, why }: Aim): string {
  return `- ${met ? 'Met' : '**Missed**'}: ${aim}. Measured: ${measured}.${why === undefined ? '' : ` ${why}`}`
}

export function cellText(cell: Cell): string {
  if (typeof cell === 'string') return cell
  if (typeof cell === 'number') return numberText(cell)
  return spreadText(cell)
}

function spreadText({ median, q1, q3, unit }: Spread & { readonly unit?: string }): string {
  const text = `${numberText(median)} (${numberText(q1)}–${numberText(q3)})`
  return unit === undefined ? text : `${text} ${unit}`
}

/** Three digits that mean something; large numbers whole. */
export function numberText(value: number): string {
  if (Number.isInteger(value) || Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en')
  if (Math.abs(value) >= 100) return value.toFixed(0)
  return Number(value.toPrecision(Math.abs(value) >= 10 ? 3 : 2)).toString()
}
