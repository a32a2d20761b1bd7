import { ConfigError } from '../../model/errors.ts'
import type { Run } from './connection.ts'
import { codeOf } from './errors.ts'

/** Version of the table's form: the entry of a row whose key belongs to no grant and no document. */
const VERSION = 2

/** Returns a runner that creates a missing table first. Any number of processes may do so at once. */
export function prepared(run: Run, table: string): Run {
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,47}$/.test(table)) {
    throw new ConfigError("Expected options.table to be up to 48 letters, digits and '_', not a digit first.")
  }
  let ready: Promise<void> | undefined
  return async (sql, values) => {
    ready ??= prepare(run, table)
    await ready.catch((error: unknown) => {
      ready = undefined
      throw error
    })
    return run(sql, values)
  }
}

/** @throws ConfigError for a table of a newer release, and for sessions that would lose writes or characters */
async function prepare(run: Run, table: string): Promise<void> {
  if (await isReady(run, table)) return
  await run(`CREATE TABLE IF NOT EXISTS ${table} (row_key VARBINARY(700) PRIMARY KEY, revision VARCHAR(64) NOT NULL,
    entry LONGTEXT NOT NULL, sealed LONGTEXT NOT NULL, subject VARBINARY(700), state VARCHAR(32), schema_version INT,
    due_at BIGINT, forget_at BIGINT, reserved_by VARCHAR(64), INDEX by_subject (subject), INDEX by_state (state),
    INDEX by_due (due_at), INDEX by_forget (forget_at)) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`)
  await run(`INSERT INTO ${table} (row_key, revision, entry, sealed) VALUES ('version', '', '${VERSION}', '')`)
  await isReady(run, table)
}

async function isReady(run: Run, table: string): Promise<boolean> {
  const sql = `SELECT @@autocommit, @@character_set_client, (SELECT entry FROM ${table} WHERE row_key = 'version')`
  const [[autocommit, charset, version] = []] = await run(sql).catch((error: Error) => {
    if (codeOf(error.cause) === 'ER_NO_SUCH_TABLE') return [[1, 'utf8mb4', null]]
    throw error
  })
  if (Number(autocommit) !== 1 || charset !== 'utf8mb4') {
    throw new ConfigError("The pool's sessions lack autocommit or the charset utf8mb4. Configure the pool so.")
  }
  if (Number(version) <= VERSION) return version !== null
  throw new ConfigError(`A newer release made the table '${table}' (version ${String(version)}). Upgrade this process.`)
}
