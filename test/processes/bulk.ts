import { DatabaseSync } from 'node:sqlite'

import { Client } from 'pg'

import type { Place } from './stores.ts'

const TABLE = 'evergrant_records'

/** The columns that all copies share. */
const SHARED = ['entry', 'sealed', 'state', 'schema']

/** The columns that differ between copies. `n` counts them. */
const copied = (subject: string, due: string, revision: string): Record<string, string> => ({
  key: `'["acme",' || ${subject} || ',""]'`,
  revision,
  subject,
  due_at: due,
})

/**
 * Copies the grant of subject 'template' by SQL, for the subjects 'copy FROM' to 'copy TO'. The first `due` of them
 * are due, the others never. Only SQLite and PostgreSQL are supported.
 */
export async function copyGrants(
  place: Place,
  { due, from, to }: { readonly from: number; readonly to: number; readonly due: number },
): Promise<void> {
  const columns = copied(`'"copy ' || n || '"'`, `CASE WHEN n < ${from + due} THEN n END`, `'copy ' || n`)
  if (place.kind === 'SQLite') {
    const database = new DatabaseSync(place.at, { timeout: 10_000 })
    database.exec(`WITH RECURSIVE counting (n) AS (SELECT ${from} UNION ALL SELECT n + 1 FROM counting WHERE n + 1 < ${to})
      ${insert(TABLE, columns)} FROM counting, ${TABLE} WHERE subject = '"template"'`)
    database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    database.close()
    return
  }
  const client = new Client({ connectionString: place.at })
  await client.connect()
  const table = `${place.space}.${TABLE}`
  await client.query(
    `${insert(table, columns)} FROM generate_series(${from}, ${to - 1}) AS n, ${table} WHERE subject = '"template"'`,
  )
  await client.query(`VACUUM ANALYZE ${table}`)
  await client.end()
}

function insert(table: string, own: Readonly<Record<string, string>>): string {
  const names = [...Object.keys(own), ...SHARED]
  return `INSERT INTO ${table} (${names.join(', ')}) SELECT ${[...Object.values(own), ...SHARED].join(', ')}`
}

/** Removes the due time of the copies, because they cannot be redeemed. */
export async function retireCopies(place: Place): Promise<void> {
  const sql = (table: string): string => `UPDATE ${table} SET due_at = NULL WHERE due_at IS NOT NULL`
  if (place.kind === 'SQLite') {
    const database = new DatabaseSync(place.at, { timeout: 10_000 })
    database.exec(sql(TABLE))
    database.close()
    return
  }
  const client = new Client({ connectionString: place.at })
  await client.connect()
  await client.query(sql(`${place.space}.${TABLE}`))
  await client.end()
}
