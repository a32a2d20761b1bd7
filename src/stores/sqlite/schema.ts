import { ConfigError } from '../../errors.ts'
import type { Connection } from './database.ts'

/** The form of the tables that this release knows; a newer one is left alone. */
const TABLES_VERSION = 1

/** The tables' names: the grants' own, and what goes with it. */
export interface Tables {
  readonly grants: string
  readonly tombstones: string
  readonly once: string
  readonly meta: string
}

/** @throws ConfigError for a name that can't stand in SQL as it is */
export function tablesNamed(name: string): Tables {
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,62}$/.test(name)) {
    throw new ConfigError(
      "Expected options.table to be a plain SQL name: letters, digits and '_', not starting with a digit.",
    )
  }
  return { grants: name, tombstones: `${name}_tombstones`, once: `${name}_once`, meta: `${name}_meta` }
}

/** Makes what is missing. Several processes may do so at once: all but one find it made. */
export function migrate(connection: Connection, tables: Tables): void {
  if (versionOf(connection, tables) === TABLES_VERSION) return
  connection.transaction(() => {
    if (versionOf(connection, tables) === TABLES_VERSION) return
    for (const statement of statements(tables)) connection.exec(statement)
    connection.run(`INSERT INTO ${tables.meta} (name, value) VALUES ('version', ?)`, TABLES_VERSION)
  })
}

function versionOf(connection: Connection, { meta }: Tables): number | undefined {
  if (connection.get("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", meta) === undefined) {
    return undefined
  }
  const row = connection.get(`SELECT value FROM ${meta} WHERE name = 'version'`)
  const version = Number((row as { value: unknown } | undefined)?.value)
  if (version > TABLES_VERSION || Number.isNaN(version)) {
    throw new ConfigError(
      `The tables of the SQLite store are of version ${version}, and this release knows ${TABLES_VERSION}: a newer release made them. Upgrade this process; nothing was changed.`,
    )
  }
  return version
}

function statements({ grants, tombstones, once, meta }: Tables): readonly string[] {
  return [
    `CREATE TABLE ${meta} (name TEXT PRIMARY KEY NOT NULL, value INTEGER NOT NULL) WITHOUT ROWID`,
    // `key` and `subject` are JSON texts: no character of theirs means anything to a driver or to a prefix search.
    `CREATE TABLE ${grants} (
      key TEXT PRIMARY KEY NOT NULL,
      subject TEXT NOT NULL,
      id TEXT NOT NULL,
      version INTEGER NOT NULL,
      schema INTEGER NOT NULL,
      issuer TEXT NOT NULL,
      client_id TEXT NOT NULL,
      state TEXT NOT NULL,
      reason TEXT,
      sealed TEXT NOT NULL,
      renewable INTEGER NOT NULL,
      expires_at INTEGER,
      refresh_after INTEGER,
      refresh_token_expires_at INTEGER,
      scope TEXT,
      last_refreshed_at INTEGER,
      lease_owner TEXT,
      lease_until INTEGER,
      intent TEXT,
      failures TEXT,
      due_at INTEGER,
      created_at INTEGER NOT NULL,
      updated_at INTEGER NOT NULL
    )`,
    `CREATE INDEX ${grants}_by_subject ON ${grants} (subject, key)`,
    `CREATE INDEX ${grants}_dead ON ${grants} (key) WHERE state = 'reauthorization_required'`,
    `CREATE INDEX ${grants}_due ON ${grants} (due_at) WHERE due_at IS NOT NULL`,
    `CREATE TABLE ${tombstones} (
      key TEXT NOT NULL,
      id TEXT NOT NULL,
      until INTEGER NOT NULL,
      PRIMARY KEY (key, id)
    ) WITHOUT ROWID`,
    `CREATE INDEX ${tombstones}_until ON ${tombstones} (until)`,
    `CREATE TABLE ${once} (id TEXT PRIMARY KEY NOT NULL, until INTEGER NOT NULL) WITHOUT ROWID`,
    `CREATE INDEX ${once}_until ON ${once} (until)`,
  ]
}
