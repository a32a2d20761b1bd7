import type { Backend } from '../backend.ts'
import { type Change, changeIn } from '../changes.ts'
import { SWEEP_LIMIT } from '../sweep.ts'
import type { Connection } from './connection.ts'
import type { Tables } from './schema.ts'

type ChangesOf = NonNullable<Backend['changes']>
type Kept = { readonly epoch: string; readonly removed: number }
type Line = { readonly seq: number; readonly at: number; readonly change: string }

/** Adds a change within its transaction. */
export function addChange(connection: Connection, { changes }: Tables, change: Change): void {
  connection.run(`INSERT INTO ${changes} (at, change) VALUES (?, ?)`, change.at, JSON.stringify(change))
}

/**
 * Reads changes after a cursor: `<epoch>.<number of the last change>.<its time>`. The time distinguishes it from one in
 * a restored backup.
 */
export function readChanges(
  connection: Connection,
  { changes, meta }: Tables,
  { after, limit }: Parameters<ChangesOf>[0],
): Awaited<ReturnType<ChangesOf>> {
  const [, epoch, number, at] = /^(.+)\.(\d{1,15})\.(\d{1,15})$/.exec(after ?? '') ?? []
  const sql = `SELECT seq, at, change FROM ${changes} WHERE seq > ? ORDER BY seq LIMIT ?`
  const rows = connection.all(sql, Number(number ?? 0), limit) as Line[]
  // Read last: what another process removes in the meantime counts as removed.
  const value = (name: string): string => `(SELECT value FROM ${meta} WHERE name = '${name}')`
  const kept = connection.get(`SELECT ${value('epoch')} AS epoch, ${value('removed')} AS removed`) as Kept
  const last = connection.get(`SELECT seq, at FROM ${changes} ORDER BY seq DESC LIMIT 1`) as Line | undefined
  const cursor = (line: Line | undefined): string => `${kept.epoch}.${line?.seq ?? kept.removed}.${line?.at ?? 0}`
  if (after !== undefined && (epoch !== kept.epoch || Number(number) !== kept.removed)) {
    const seen = connection.get(`SELECT seq, at FROM ${changes} WHERE seq = ?`, Number(number ?? 0)) as Line | undefined
    if (epoch !== kept.epoch || `${seen?.at}` !== at) return { expired: true, changes: [], next: cursor(last) }
  }
  const next = rows.length > 0 || after === undefined ? cursor(rows.at(-1)) : after
  return { changes: rows.flatMap(({ change }) => changeIn(change)), next }
}

/** Removes the oldest changes up to the last one before `endedAt`, and records which was the last. */
export function trimChanges(connection: Connection, { changes, meta }: Tables, endedAt: number): void {
  const oldest = `SELECT seq, at FROM ${changes} ORDER BY seq LIMIT ${SWEEP_LIMIT}`
  const { last } = connection.get(`SELECT max(seq) AS last FROM (${oldest}) WHERE at < ?`, endedAt) as {
    last: number | null
  }
  if (last === null) return
  connection.run(`DELETE FROM ${changes} WHERE seq <= ?`, last)
  connection.run(`UPDATE ${meta} SET value = ? WHERE name = 'removed'`, last)
}
