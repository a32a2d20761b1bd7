import { ConfigError } from '../../errors.ts'
import type { Run } from './client.ts'
import { CONTENT, FAILURES, INTENT } from './rows.ts'

/** The form of the tables that this release knows; a newer one is left alone. */
const TABLES_VERSION = 1

/** Two processes that make the tables at once wait for each other at this advisory lock, which ends with its transaction. */
const MIGRATION_LOCK = "hashtextextended('evergrant migration', 0)"

/** The tables' names, quoted and with their schema. */
export interface Tables {
  readonly grants: string
  readonly once: string
  readonly meta: string
  /** The schema alone; undefined: the first one of the connections' `search_path`. */
  readonly schema: string | undefined
  /** The quoted name of an index of the grants' table. */
  readonly index: (end: string) => string
}

/** @throws ConfigError for names that are none */
export function tablesNamed(options: {
  readonly schema?: string | undefined
  readonly table?: string | undefined
}): Tables {
  const { schema, table = 'evergrant_grants' } = options
  for (const [name, value] of [
    ['schema', schema],
    ['table', table],
  ] as const) {
    // PostgreSQL cuts names off at 63 bytes; the longest ending is added to these.
    if (value === undefined || (typeof value === 'string' && /^[A-Za-z_][A-Za-z0-9_]{0,47}$/.test(value))) continue
    throw new ConfigError(
      `Expected options.${name} to be a plain SQL name of at most 48 letters, digits and '_', not starting with a digit.`,
    )
  }
  const qualified = (name: string): string => (schema === undefined ? `"${name}"` : `"${schema}"."${name}"`)
  return {
    grants: qualified(table),
    once: qualified(`${table}_once`),
    meta: qualified(`${table}_meta`),
    schema,
    index: (end) => `"${table}_${end}"`,
  }
}

/**
 * Makes what is missing. Any number of processes may do so at once; one that finds the tables made needs no right to make any.
 * @throws ConfigError for tables of a newer release
 */
export async function migrate(run: Run, tables: Tables): Promise<void> {
  if ((await versionOf(run, tables)) === TABLES_VERSION) return
  await run(migration(tables), [])
  await versionOf(run, tables)
}

async function versionOf(run: Run, { meta }: Tables): Promise<number | undefined> {
  const [found] = await run('SELECT to_regclass($1::text)::oid', [meta])
  if (found?.[0] === null || found === undefined) return undefined
  const [row] = await run(`SELECT value FROM ${meta} WHERE name = $1::text`, ['version'])
  const version = row === undefined ? undefined : Number(row[0])
  if (version !== undefined && !(version <= TABLES_VERSION)) {
    throw new ConfigError(
      `The tables of the PostgreSQL store are of version ${version}, and this release knows ${TABLES_VERSION}: a newer release made them. Upgrade this process; nothing was changed.`,
    )
  }
  return version
}

/** One statement, so that it is one transaction also behind a pooler. Each look in it comes after the lock, and sees what was made meanwhile. */
function migration(tables: Tables): string {
  const { grants, once, meta, schema, index } = tables
  const typed = (columns: Readonly<Record<string, string>>): string =>
    Object.entries(columns)
      .map(([name, type]) => `${name} ${type}${['state', 'sealed', 'renewable'].includes(name) ? ' NOT NULL' : ''},`)
      .join(' ')
  return `DO $migration$
    BEGIN
      PERFORM pg_advisory_xact_lock(${MIGRATION_LOCK});
      PERFORM set_config('client_min_messages', 'warning', true);
      ${schema === undefined ? '' : schemaMigration(schema)}
      CREATE TABLE IF NOT EXISTS ${meta} (name text PRIMARY KEY, value integer NOT NULL);
      IF EXISTS (SELECT 1 FROM ${meta} WHERE name = 'version') THEN RETURN; END IF;
      CREATE TABLE IF NOT EXISTS ${grants} (
        key text COLLATE "C" PRIMARY KEY,
        subject text COLLATE "C" NOT NULL,
        id text NOT NULL,
        version bigint NOT NULL,
        schema integer NOT NULL,
        issuer text NOT NULL,
        client_id text NOT NULL,
        ${typed(CONTENT)}
        lease_owner text,
        lease_until bigint,
        claim_takeover boolean,
        ${typed(INTENT)}
        ${typed(FAILURES)}
        tombstones jsonb,
        forget_at bigint,
        reserved_until bigint,
        due_at bigint GENERATED ALWAYS AS (
          CASE WHEN state = 'active' AND refresh_after IS NOT NULL
          THEN coalesce(reserved_until, greatest(refresh_after, failure_not_before, lease_until, 0)) END
        ) STORED,
        created_at bigint NOT NULL,
        updated_at bigint NOT NULL
      );
      CREATE INDEX IF NOT EXISTS ${index('subject')} ON ${grants} (subject, key);
      CREATE INDEX IF NOT EXISTS ${index('dead')} ON ${grants} (key) WHERE state = 'reauthorization_required';
      CREATE INDEX IF NOT EXISTS ${index('due')} ON ${grants} (due_at) WHERE due_at IS NOT NULL;
      CREATE INDEX IF NOT EXISTS ${index('forget')} ON ${grants} (forget_at) WHERE forget_at IS NOT NULL;
      CREATE TABLE IF NOT EXISTS ${once} (id text PRIMARY KEY, until bigint NOT NULL);
      CREATE INDEX IF NOT EXISTS ${index('once_until')} ON ${once} (until);
      INSERT INTO ${meta} (name, value) VALUES ('version', ${TABLES_VERSION});
    END
  $migration$`
}

/** Whoever may not make schemas may use one that is there: `IF NOT EXISTS` alone asks for the right first. */
function schemaMigration(schema: string): string {
  return `IF NOT EXISTS (SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = '${schema}') THEN
        CREATE SCHEMA "${schema}";
      END IF;`
}
