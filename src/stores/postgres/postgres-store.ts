import { systemClock } from '../../clock.ts'
import { StoreError } from '../../errors.ts'
import { encodeKey, type GrantKey } from '../../grant-key.ts'
import { decideClaim } from '../decisions.ts'
import { toPortableText } from '../portable-text.ts'
import {
  type ClaimAnswer,
  type ClaimRequest,
  type CommitAnswer,
  type DueRequest,
  type Expectation,
  type GrantRecord,
  type GrantStore,
  type ListFilter,
  type NewGrant,
  RECORD_SCHEMA,
  type ReleaseRequest,
  type TokenCommit,
  type VerdictCommit,
} from '../store.ts'
import { type PostgresPool, type PostgresSql, type PostgresValue, type Run, runner } from './client.ts'
import { listQuery, PAGE } from './list-query.ts'
import { isConflict, storeError } from './postgres-error.ts'
import { contentValues, failureValues, toRecord, whole } from './rows.ts'
import { migrate, type Tables, tablesNamed } from './schema.ts'
import type { Statement } from './statement.ts'
import { type Statements, statements } from './statements.ts'

/** What a PostgreSQL store may differ in. */
export interface PostgresStoreOptions {
  /** The schema of the tables, made when it is missing. @default the first one in the connections' `search_path` */
  readonly schema?: string | undefined
  /** The grants' table; the store's other tables are named after it. @default 'evergrant_grants' */
  readonly table?: string | undefined
  /**
   * Prepares each statement once for each connection, which halves the server's work; for `pg` and `postgres`. Not behind a
   * pooler in transaction mode, unless that keeps prepared statements. @default false
   */
  readonly prepare?: boolean | undefined
}

/** A statement that the server undid because of others' is sent so often in all. */
const ATTEMPTS = 5

/** The longest wait before such a repeat, jittered. */
const LONGEST_WAIT_MS = 16

/** Ended tombstones and single-use ids are swept out this often, a limited number at a time. */
const SWEEP_EVERY_MS = 60_000
const SWEEP_LIMIT = 500

/** More than any list of due grants has, and still a number to the server. */
const MOST = 2 ** 31 - 1

/**
 * A store in a PostgreSQL database (12 or newer), for any number of processes and machines. Its tables are made when they are
 * first needed; several processes may start at once, and one whose role may make none needs tables that are there.
 *
 * Takes a pool of `pg` or the sql function of `postgres` (postgres.js), which stay the caller's: `close()` doesn't end them. Give a
 * `pg` pool an 'error' listener, or the loss of an idle connection ends the process. Every operation is a single statement, so
 * that it works behind a pooler in transaction mode; time is the server's clock. What is answered as committed is as durable as
 * the database's `synchronous_commit` makes it.
 * Operations reject with `StoreError`, and with `ConfigError` for tables that a newer release made; those are left alone.
 * @throws ConfigError for a client or a name that can't be used
 */
export function postgresStore(client: PostgresPool | PostgresSql, options: PostgresStoreOptions = {}): GrantStore {
  return new PostgresStore(runner(client, options.prepare === true), tablesNamed(options))
}

class PostgresStore implements GrantStore {
  readonly #send: Run
  readonly #tables: Tables
  readonly #statements: Statements
  #ready: Promise<void> | undefined
  #closed = false
  #sweptAt = systemClock.monotonic()

  constructor(send: Run, tables: Tables) {
    this.#send = send
    this.#tables = tables
    this.#statements = statements(tables)
  }

  async read(key: GrantKey): Promise<{ record?: GrantRecord | undefined; now: number }> {
    const [row = []] = await this.#run(this.#statements.read, { key: encodeKey(key) })
    return answered(row)
  }

  async put(key: GrantKey, grant: NewGrant, expect?: Expectation): Promise<CommitAnswer> {
    const values = {
      key: encodeKey(key),
      id: toPortableText(grant.id),
      schema: grant.schema,
      issuer: toPortableText(grant.issuer),
      client_id: toPortableText(grant.clientId),
      ...contentValues(grant),
    }
    const [row] =
      expect?.id === undefined
        ? await this.#run(this.#statements.put, {
            ...values,
            subject: JSON.stringify(key.subject),
            only_new: expect !== undefined,
          })
        : await this.#run(this.#statements.replace, {
            ...values,
            expected_id: toPortableText(expect.id),
            expected_version: whole(expect.version),
          })
    await this.#sweep()
    if (row !== undefined) return { committed: true, ...answered(row) }
    const found = await this.read(key)
    return { committed: found.record?.id === grant.id, ...found }
  }

  async claim(key: GrantKey, request: ClaimRequest): Promise<ClaimAnswer> {
    const [row] = await this.#run(this.#statements.claim, {
      key: encodeKey(key),
      id: toPortableText(request.id),
      version: request.version,
      owner: toPortableText(request.owner),
      lease_ms: whole(request.leaseMs),
      settle_ms: whole(request.settleMs),
      repeat_within_ms: whole(request.repeatWithinMs ?? 0),
      hash: request.intent === undefined ? null : toPortableText(request.intent.hash),
      send_within_ms: whole(request.intent?.sendWithinMs),
      force: request.force === true,
    })
    if (row !== undefined) {
      const { record, now } = answered(row)
      if (record !== undefined) return { outcome: 'claimed', takeover: row.at(-1) === true, record, now }
    }
    const { record, now } = await this.read(key)
    const { answer } = decideClaim(record, request, now)
    // What stood in the way ended between the two looks. Nothing was written: the next claim may have it.
    return answer.outcome === 'claimed' ? { outcome: 'busy', waitMs: 1, leaseMs: 0, now } : answer
  }

  async commit(key: GrantKey, commit: TokenCommit | VerdictCommit): Promise<CommitAnswer> {
    const version = { key: encodeKey(key), id: toPortableText(commit.id), version: commit.version }
    const [row] =
      'verdict' in commit
        ? await this.#run(this.#statements.verdict, {
            ...version,
            owner: toPortableText(commit.owner),
            reason: commit.verdict,
          })
        : await this.#run(this.#statements.commit, {
            ...version,
            schema: commit.schema ?? null,
            ...contentValues(commit),
            ...failureValues(commit.failures),
          })
    if (row !== undefined) return { committed: true, ...answered(row) }
    return { committed: false, ...(await this.read(key)) }
  }

  async release(key: GrantKey, request: ReleaseRequest): Promise<void> {
    await this.#run(this.#statements.release, {
      key: encodeKey(key),
      owner: toPortableText(request.owner),
      unknown: request.spent === 'unknown',
      settled: request.settled === true,
      ...failureValues(request.failures),
    })
  }

  async reseal(key: GrantKey, request: { id: string; from: string; to: string }): Promise<boolean> {
    const rows = await this.#run(this.#statements.reseal, {
      key: encodeKey(key),
      id: toPortableText(request.id),
      from: toPortableText(request.from),
      to: toPortableText(request.to),
    })
    return rows.length > 0
  }

  async once(id: string, ttlMs: number): Promise<boolean> {
    const rows = await this.#run(this.#statements.once, { id: toPortableText(id), ttl_ms: whole(ttlMs) })
    await this.#sweep()
    return rows.length > 0
  }

  async delete(key: GrantKey, request: { id: string }): Promise<boolean> {
    const rows = await this.#run(this.#statements.remove, { key: encodeKey(key), id: toPortableText(request.id) })
    await this.#sweep()
    return rows.length > 0
  }

  async *list(filter?: ListFilter): AsyncGenerator<GrantRecord> {
    const { page, from, below, subject } = listQuery(this.#tables, filter)
    let after = from
    for (;;) {
      const rows = await this.#run(page, { after, below, subject })
      for (const row of rows) {
        const record = toRecord(row)
        if (record === undefined) continue
        after = encodeKey(record.key)
        yield record
      }
      if (rows.length < PAGE) return
    }
  }

  async due({ before, limit, reserveMs = 0 }: DueRequest): Promise<{ records: readonly GrantRecord[]; now: number }> {
    const asked = { before: Math.floor(before), schema: RECORD_SCHEMA, limit: Math.min(limit, MOST) }
    const rows =
      reserveMs > 0
        ? await this.#run(this.#statements.reserve, { ...asked, until: Math.round(before + reserveMs) })
        : await this.#run(this.#statements.due, asked)
    return { records: rows.flatMap((row) => answered(row).record ?? []), now: Number(rows[0]?.[0]) }
  }

  async close(): Promise<void> {
    this.#closed = true
  }

  async #run<Name extends string>(
    { text, bind }: Statement<Name>,
    parameters: Readonly<Record<Name, PostgresValue>>,
  ): Promise<unknown[][]> {
    if (this.#closed) throw new StoreError('The PostgreSQL store is closed. Make a new one.')
    this.#ready ??= this.#migrate()
    await this.#ready
    return this.#repeated(text, bind(parameters))
  }

  /** Sends a statement, again when the server undid it because of others'; all isolation levels but the default one do so. */
  async #repeated(text: string, values: PostgresValue[]): Promise<unknown[][]> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#send(text, values)
      } catch (error) {
        if (!isConflict(error) || attempt === ATTEMPTS) throw storeError(error, values)
      }
      await systemClock.delay(Math.random() * Math.min(2 ** attempt, LONGEST_WAIT_MS))
    }
  }

  async #migrate(): Promise<void> {
    try {
      await migrate((text, values) => this.#repeated(text, values), this.#tables)
    } catch (error) {
      // The next operation tries again: a server may come late.
      this.#ready = undefined
      throw error
    }
  }

  async #sweep(): Promise<void> {
    const now = systemClock.monotonic()
    if (now - this.#sweptAt < SWEEP_EVERY_MS) return
    this.#sweptAt = now
    const sweeps = [this.#statements.forget, this.#statements.forgetOnce].map(({ text, bind }) =>
      this.#send(text, bind({ limit: SWEEP_LIMIT })),
    )
    // What was asked for is done; what could not be swept out now is swept out later.
    await Promise.allSettled(sweeps)
  }
}

/** The time and the record in a row that begins with the time. */
function answered(row: readonly unknown[]): { record: GrantRecord | undefined; now: number } {
  const [now, ...values] = row
  return { record: toRecord(values), now: Number(now) }
}
