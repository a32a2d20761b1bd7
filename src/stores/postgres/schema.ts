import { ConfigError } from '../../model/errors.ts'
import type { Run } from './connection.ts'

/** Version of the tables' form that this release knows. Tables of a newer one stay unchanged. */
const TABLES_VERSION = 2

/**
 * Processes that create the tables at once wait for each other at this advisory lock, which ends with its transaction.
 */
const MIGRATION_LOCK = "hashtextextended('evergrant migration', 0)"

/** The tables' names, quoted and with their schema. */
export interface Tables {
  readonly records: string
  readonly changes: string
  readonly meta: string
  /** The schema alone. Undefined: the first one of the connections' `search_path`. */
  readonly schema: string | undefined
  /** Returns the quoted name of an index of the records' table. */
  readonly index: (end: string) => string
}

/** @throws ConfigError for invalid names */
export function tablesNamed(options: {
  readonly schema?: string | undefined
  readonly table?: string | undefined
}): Tables {
  const { schema, table = 'evergrant_records' } = options
  for (const [name, value] of [
    ['schema', schema],
    ['table', table],
  ] as const) {
    // PostgreSQL truncates names at 63 bytes; the longest ending is added to these.
    if (value === undefined || (typeof value === 'string' && /^[A-Za-z_][A-Za-z0-9_]{0,47}$/.test(value))) continue
    throw new ConfigError(
      `Expected options.${name} to be a plain SQL name of at most 48 letters, digits and '_', not starting with a digit.`,
    )
  }
  const qualified = (name: string): string => (schema === undefined ? `"${name}"` : `"${schema}"."${name}"`)
  return {
    records: qualified(table),
    changes: qualified(`${table}_changes`),
    meta: qualified(`${table}_meta`),
    schema,
    index: (end) => `"${table}_${end}"`,
  }
}

/**
 * Creates what is missing. Any number of processes may do so at once. A process that finds the tables needs no right to
 * create any.
 * @throws ConfigError for tables of a newer release
 */
export async function migrate(run: Run, tables: Tables): Promise<void> {
  if ((await versionOf(run, tables)) === undefined) {
    await run(migration(tables), [])
    await versionOf(run, tables)
  }
  await noteServer(run, tables)
}

/** Which server and database these are: a restored dump, or a replica that became the primary, is another one. */
const HERE = `SELECT concat_ws('.', system_identifier, left(pg_walfile_name(pg_current_wal_lsn()), 8), d.oid) AS here
  FROM pg_control_system(), pg_database AS d WHERE d.datname = current_database()`

/**
 * A feed's transaction ids belong to one server. On another server they mean nothing: the changes are removed, and a
 * new epoch ends all cursors. A role that may not ask which server it is changes nothing.
 */
export async function noteServer(run: Run, { changes, meta }: Tables): Promise<void> {
  const moved = `SELECT 1 FROM ${meta}, (${HERE}) AS s WHERE server IS DISTINCT FROM here AND $1::text <> ''`
  // With a value, so that it can be pipelined behind a pooler, unlike a text of several statements.
  if ((await run(moved, ['all']).catch(() => [])).length === 0) return
  await run(
    `WITH moved AS (UPDATE ${meta} SET server = here, epoch = $1::text, removed_xid = 0, removed_seq = 0
      FROM (${HERE}) AS s WHERE server IS DISTINCT FROM here RETURNING 1)
    DELETE FROM ${changes} WHERE EXISTS (SELECT 1 FROM moved)`,
    [crypto.randomUUID()],
  )
}

async function versionOf(run: Run, { meta }: Tables): Promise<number | undefined> {
  const [found] = await run('SELECT to_regclass($1::text)::oid::text', [meta])
  if (found?.[0] === null || found === undefined) return undefined
  const [row] = await run(`SELECT version::text FROM ${meta} WHERE $1::text <> ''`, ['all'])
  const version = row === undefined ? undefined : Number(row[0])
  if (version !== undefined && !(version <= TABLES_VERSION)) {
    throw new ConfigError(
      `The tables of the PostgreSQL store are of version ${version}, and this release knows ${TABLES_VERSION}: a newer release made them. Upgrade this process; nothing was changed.`,
    )
  }
  return version
}

/**
 * One statement, so that it is one transaction also behind a pooler. Each check in it comes after the lock, and sees
 * what was created in the meantime, which other isolation levels might hide.
 */
function migration({ records, changes, meta, schema, index }: Tables): string {
  // A role that may not create schemas may use an existing one: `IF NOT EXISTS` alone checks the right first.
  const missing = `NOT EXISTS (SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = '${schema}')`
  const makeSchema = schema === undefined ? '' : `IF ${missing} THEN CREATE SCHEMA "${schema}"; END IF;`
  return `DO $migration$
    BEGIN
      COMMIT;
      SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
      PERFORM pg_advisory_xact_lock(${MIGRATION_LOCK});
      PERFORM set_config('client_min_messages', 'warning', true);
      ${makeSchema}
      CREATE TABLE IF NOT EXISTS ${meta} (
        version integer NOT NULL,
        epoch text NOT NULL,
        server text,
        removed_xid bigint NOT NULL,
        removed_seq bigint NOT NULL
      );
      IF EXISTS (SELECT 1 FROM ${meta}) THEN RETURN; END IF;
      CREATE TABLE IF NOT EXISTS ${records} (
        key text COLLATE "C" PRIMARY KEY,
        revision text NOT NULL,
        entry text NOT NULL,
        sealed text NOT NULL,
        subject text COLLATE "C",
        state text,
        schema integer,
        due_at bigint,
        forget_at bigint
      );
      CREATE INDEX IF NOT EXISTS ${index('subject')} ON ${records} (subject, key);
      CREATE INDEX IF NOT EXISTS ${index('state')} ON ${records} (state, key) WHERE state <> 'active';
      CREATE INDEX IF NOT EXISTS ${index('due')} ON ${records} (due_at) WHERE due_at IS NOT NULL;
      CREATE INDEX IF NOT EXISTS ${index('forget')} ON ${records} (forget_at) WHERE forget_at IS NOT NULL;
      CREATE TABLE IF NOT EXISTS ${changes} (
        xid bigint NOT NULL DEFAULT txid_current(),
        seq bigint GENERATED ALWAYS AS IDENTITY,
        at bigint NOT NULL,
        change text NOT NULL,
        PRIMARY KEY (xid, seq)
      );
      INSERT INTO ${meta} VALUES (${TABLES_VERSION}, '${crypto.randomUUID()}', NULL, 0, 0);
    END
  $migration$`
}
