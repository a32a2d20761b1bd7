import type { Backend } from '../backend.ts'
import type { Change } from '../changes.ts'
import { SWEEP_LIMIT } from '../sweep.ts'
import type { Connection } from './connection.ts'
import type { Tables } from './schema.ts'

type ChangesOf = NonNullable<Backend['changes']>

/** Adds a change within the transaction that it is of. */
export function addChange(connection: Connection, { changes }: Tables, change: Change): void {
  connection.run(`INSERT INTO ${changes} (at, change) VALUES (?, ?)`, change.at, JSON.stringify(change))
}

/** Changes after a cursor, `<epoch>.<number of the last change>`. */
export function readChanges(
  connection: Connection,
  { changes, meta }: Tables,
  { after, limit }: Parameters<ChangesOf>[0],
): Awaited<ReturnType<ChangesOf>> {
  const [, epoch, number] = /^(.+)\.(\d{1,15})$/.exec(after ?? '') ?? []
  const sql = `SELECT seq, change FROM ${changes} WHERE seq > ? ORDER BY seq LIMIT ?`
  const rows = connection.all(sql, Number(number ?? 0), limit) as { seq: number; change: string }[]
  // Read last: what another process removes meanwhile counts as removed.
  const value = (name: string): string => `(SELECT value FROM ${meta} WHERE name = '${name}')`
  const kept = connection.get(
    `SELECT ${value('epoch')} AS epoch, ${value('removed')} AS removed, (SELECT max(seq) FROM ${changes}) AS last`,
  ) as { epoch: string; removed: number; last: number | null }
  const last = kept.last ?? kept.removed
  const from = after === undefined ? kept.removed : Number(number)
  if (after !== undefined && !(epoch === kept.epoch && from >= kept.removed && from <= last)) {
    return { expired: true, changes: [], next: `${kept.epoch}.${last}` }
  }
  const next = `${kept.epoch}.${rows.at(-1)?.seq ?? from}`
  return { changes: rows.map(({ change }) => JSON.parse(change) as Change), next }
}

/** Removes the oldest changes up to the last one of before `endedAt`, and notes which was the last. */
export function trimChanges(connection: Connection, { changes, meta }: Tables, endedAt: number): void {
  const oldest = `SELECT seq, at FROM ${changes} ORDER BY seq LIMIT ${SWEEP_LIMIT}`
  const { last } = connection.get(`SELECT max(seq) AS last FROM (${oldest}) WHERE at < ?`, endedAt) as {
    last: number | null
  }
  if (last === null) return
  connection.run(`DELETE FROM ${changes} WHERE seq <= ?`, last)
  connection.run(`UPDATE ${meta} SET value = ? WHERE name = 'removed'`, last)
}
