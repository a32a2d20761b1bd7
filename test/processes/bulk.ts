import { DatabaseSync } from 'node:sqlite'

import { Client } from 'pg'

import type { Place } from './stores.ts'

const TABLE = 'evergrant_grants'

/** Columns that each copy has for itself; `n` counts them. */
const copied = (subject: string): Record<string, string> => ({
  key: `'["acme",' || ${subject} || ',""]'`,
  subject,
})

/**
 * Copies the grant of subject 'template' so often, by SQL, for the subjects 'copy FROM' to 'copy TO'. The first `due` of them are
 * due, the others never. Only SQLite and PostgreSQL have SQL to do so.
 */
export async function copyGrants(
  place: Place,
  { due, from, to }: { readonly from: number; readonly to: number; readonly due: number },
): Promise<void> {
  const columns = { ...copied(`'"copy ' || n || '"'`), refresh_after: `CASE WHEN n < ${from + due} THEN n END` }
  if (place.kind === 'SQLite') {
    const database = new DatabaseSync(place.at, { timeout: 10_000 })
    const names = database.prepare(`SELECT name FROM pragma_table_info('${TABLE}')`).all() as { name: string }[]
    const all = { ...columns, due_at: columns.refresh_after }
    database.exec(`WITH RECURSIVE counting (n) AS (SELECT ${from} UNION ALL SELECT n + 1 FROM counting WHERE n + 1 < ${to})
      ${insert(
        TABLE,
        names.map(({ name }) => name),
        all,
      )} FROM counting, ${TABLE} WHERE subject = '"template"'`)
    database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    database.close()
    return
  }
  const client = new Client({ connectionString: place.at })
  await client.connect()
  const { rows } = await client.query<{ name: string }>(
    `SELECT column_name AS name FROM information_schema.columns
    WHERE table_schema = $1 AND table_name = $2 AND is_generated = 'NEVER'`,
    [place.space, TABLE],
  )
  const table = `${place.space}.${TABLE}`
  const names = rows.map(({ name }) => name)
  await client.query(
    `${insert(table, names, columns)} FROM generate_series(${from}, ${to - 1}) AS n, ${table} WHERE subject = '"template"'`,
  )
  await client.query(`VACUUM ANALYZE ${table}`)
  await client.end()
}

function insert(table: string, names: readonly string[], values: Readonly<Record<string, string>>): string {
  return `INSERT INTO ${table} (${names.join(', ')}) SELECT ${names.map((name) => values[name] ?? name).join(', ')}`
}

/** What is due no more: the copies can't be redeemed. */
export async function retireCopies(place: Place): Promise<void> {
  const sql = (table: string, set: string): string => `UPDATE ${table} SET ${set} WHERE due_at IS NOT NULL`
  if (place.kind === 'SQLite') {
    const database = new DatabaseSync(place.at, { timeout: 10_000 })
    database.exec(sql(TABLE, 'refresh_after = NULL, due_at = NULL'))
    database.close()
    return
  }
  const client = new Client({ connectionString: place.at })
  await client.connect()
  await client.query(sql(`${place.space}.${TABLE}`, 'refresh_after = NULL'))
  await client.end()
}
