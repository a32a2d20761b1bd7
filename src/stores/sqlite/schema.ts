import { ConfigError } from '../../model/errors.ts'
import type { Connection } from './connection.ts'

/** Version of the tables' form that this release knows. Tables of another one stay unchanged. */
const TABLES_VERSION = 2

/** The tables' names. */
export interface Tables {
  readonly rows: string
  readonly changes: string
  readonly meta: string
}

/** @throws ConfigError for a name that SQL would need quoted */
export function tablesNamed(name: string): Tables {
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,62}$/.test(name)) {
    throw new ConfigError(
      "Expected options.table to be a plain SQL name (letters, digits and '_', not starting with a digit), " +
        `got '${name}'.`,
    )
  }
  return { rows: name, changes: `${name}_changes`, meta: `${name}_meta` }
}

/**
 * Creates what is missing. Several processes may do so at once: all but one find it created.
 * @throws ConfigError for tables of another release
 */
export function migrate(connection: Connection, tables: Tables): void {
  if (isMade(connection, tables)) return
  connection.transaction(() => {
    if (isMade(connection, tables)) return
    for (const statement of statements(tables)) connection.exec(statement)
    const insert = `INSERT INTO ${tables.meta} (name, value) VALUES (?, ?)`
    connection.run(insert, 'version', TABLES_VERSION)
    connection.run(insert, 'epoch', crypto.randomUUID())
    connection.run(insert, 'removed', 0)
  })
}

function isMade(connection: Connection, { meta }: Tables): boolean {
  const table = connection.get("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", meta)
  if (table === undefined) return false
  const row = connection.get(`SELECT value FROM ${meta} WHERE name = 'version'`)
  const version = Number((row as { value: unknown } | undefined)?.value)
  if (version === TABLES_VERSION) return true
  const release = version < TABLES_VERSION ? 'an older' : 'a newer'
  const advice = version < TABLES_VERSION ? 'Choose another options.table' : 'Upgrade this process'
  throw new ConfigError(
    `The tables of the SQLite store are of version ${version}, and this release knows ${TABLES_VERSION}: ` +
      `${release} release made them. ${advice}; nothing was changed.`,
  )
}

function statements({ rows, changes, meta }: Tables): readonly string[] {
  return [
    `CREATE TABLE ${meta} (name TEXT PRIMARY KEY NOT NULL, value NOT NULL) WITHOUT ROWID`,
    `CREATE TABLE ${rows} (
      key TEXT PRIMARY KEY NOT NULL,
      revision TEXT NOT NULL,
      subject TEXT,
      state TEXT,
      schema INTEGER,
      due_at INTEGER,
      forget_at INTEGER,
      entry TEXT NOT NULL,
      sealed TEXT NOT NULL
    )`,
    `CREATE INDEX ${rows}_by_subject ON ${rows} (subject, key) WHERE subject IS NOT NULL`,
    `CREATE INDEX ${rows}_by_state ON ${rows} (state, key) WHERE state IS NOT NULL`,
    // With key and state, a page of due rows is found among thousands without reading each.
    `CREATE INDEX ${rows}_due ON ${rows} (due_at, key, state) WHERE due_at IS NOT NULL`,
    `CREATE INDEX ${rows}_ended ON ${rows} (forget_at) WHERE forget_at IS NOT NULL`,
    // AUTOINCREMENT: the number of a removed change never recurs.
    `CREATE TABLE ${changes} (seq INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, change TEXT NOT NULL)`,
  ]
}
