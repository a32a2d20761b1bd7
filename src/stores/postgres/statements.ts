import { SWEEP_LIMIT } from '../sweep.ts'
import type { Tables } from './schema.ts'
import { type Statement, statement } from './statement.ts'

/** The server's time, in seconds: for a row that is written, after the wait for its lock. */
const SECONDS = 'extract(epoch FROM clock_timestamp())'

/** Everything is returned as text: how a driver converts numbers and booleans is its owner's choice. */
const NOW = `(${SECONDS})::text`

const IN_TIME = 'clock_timestamp() < to_timestamp(:too_late::float8)'

/**
 * The time, if the row is written in time. An UPDATE that waited for a lock checks its conditions again only if the row
 * was changed in between. Only an error undoes a statement: a swap that is late by then fails with 22P02.
 */
const NOW_IN_TIME = `(CASE WHEN ${IN_TIME} THEN ${SECONDS} ELSE ('waited past its time: ' || r.revision)::numeric END)::text`

/** A row, in the order in which `backend.ts` reads its values. */
const ROW = 'r.key, r.revision, r.entry, r.sealed'

/**
 * How long a statement waits for a lock: longer than any statement of the store holds one, so that a stranger holds it.
 * Twice as long if others wait for the same row. Set by the statement itself and for it alone, so that no pooler can
 * interfere.
 */
const BOUND = "(SELECT set_config('lock_timeout', '3s', true) AS lock_timeout) AS bound"

/** The form in which a swap is sent. */
export interface SwapForm {
  /** Whether there must be no row. */
  readonly isNew: boolean
  /** Whether it may come too late. */
  readonly guarded: boolean
  /** Whether it adds to the feed. */
  readonly told: boolean
}

/** The statements of one store. Each is its whole operation, so that no pooler can separate two halves. */
export interface Statements {
  readonly read: Statement<'key'>
  readonly swap: (form: SwapForm) => Statement<string>
  readonly page: Statement<'from' | 'below' | 'after' | 'subject' | 'state' | 'due_before' | 'limit'>
  readonly counts: Statement<'from' | 'below'>
  readonly due: Statement<'before' | 'schema' | 'limit'>
  readonly reserve: Statement<'before' | 'schema' | 'limit' | 'until'>
  readonly changes: Statement<'epoch' | 'xid' | 'seq' | 'limit'>
  readonly forget: Statement<'before'>
  readonly trim: Statement<'before'>
}

/** The statements for these tables. */
export function statements(tables: Tables): Statements {
  const { records } = tables
  const swaps = new Map<string, Statement<string>>()
  const due = `SELECT * FROM ${records}
    WHERE due_at <= :before::bigint AND coalesce(schema, 0) <= :schema::integer ORDER BY due_at LIMIT :limit::bigint`
  return {
    read: statement(
      `SELECT ${NOW} AS now, ${ROW} FROM (SELECT 1) AS one LEFT JOIN ${records} AS r ON r.key = :key::text`,
    ),
    swap: (form) => {
      const name = JSON.stringify(form)
      const known = swaps.get(name) ?? statement(swapText(tables, form))
      swaps.set(name, known)
      return known
    },
    // Planned for its values: null is then no condition, and a state may have its own index.
    page: statement(`SELECT ${ROW} FROM ${records} AS r
      WHERE r.key >= :from::text AND r.key < :below::text AND (:after::text IS NULL OR r.key > :after::text)
        AND r.state IS NOT NULL AND (:state::text IS NULL OR r.state = :state::text)
        AND (:subject::text IS NULL OR r.subject = :subject::text)
        AND (:due_before::bigint IS NULL OR r.due_at <= :due_before::bigint)
      ORDER BY r.key LIMIT :limit::bigint`),
    // The split text may lack the end of a name with quotes and commas, but differs from client to client.
    counts: statement(`SELECT min(r.key) AS one, r.state, count(*)::text AS count FROM ${records} AS r
      WHERE r.key >= :from::text AND r.key < :below::text AND r.state IS NOT NULL
      GROUP BY split_part(r.key, '","', 1), r.state`),
    due: statement(
      `SELECT ${NOW} AS now, ${ROW} FROM (SELECT 1) AS one LEFT JOIN (${due}) AS r ON true ORDER BY r.due_at`,
    ),
    // Locked rows are being reserved by another worker, or written.
    reserve: statement(`WITH due AS MATERIALIZED (${due} FOR UPDATE SKIP LOCKED),
      reserved AS (
        UPDATE ${records} AS r SET due_at = :until::bigint FROM due WHERE r.key = due.key
        RETURNING ${ROW}, due.due_at AS since
      )
      SELECT ${NOW} AS now, ${ROW} FROM (SELECT 1) AS one LEFT JOIN reserved AS r ON true ORDER BY r.since`),
    // Rows are checked again under their locks: they may have been written in the meantime.
    forget: statement(`WITH ended AS MATERIALIZED (
        SELECT key FROM ${records} WHERE forget_at < :before::bigint
        ORDER BY forget_at LIMIT ${SWEEP_LIMIT} FOR UPDATE SKIP LOCKED
      )
      DELETE FROM ${records} AS r USING ended WHERE r.key = ended.key`),
    ...feedStatements(tables),
  }
}

function swapText({ records, changes }: Tables, { isNew, guarded, told }: SwapForm): string {
  const write = isNew
    ? `INSERT INTO ${records} AS r (key, revision, entry, sealed, subject, state, schema, due_at, forget_at)
      SELECT :key::text, :to::text, :entry::text, coalesce(:sealed::text, ''), :subject::text, :state::text,
        :schema::integer, :due_at::bigint, :forget_at::bigint
      FROM ${BOUND} WHERE bound.lock_timeout <> '' ${guarded ? `AND ${IN_TIME}` : ''}
      ON CONFLICT (key) DO NOTHING`
    : `UPDATE ${records} AS r SET revision = :to::text, entry = :entry::text,
        sealed = coalesce(:sealed::text, r.sealed), subject = :subject::text, state = :state::text,
        schema = :schema::integer, due_at = :due_at::bigint, forget_at = :forget_at::bigint
      FROM ${BOUND} WHERE bound.lock_timeout <> '' AND r.key = :key::text AND r.revision = :from::text ${guarded ? `AND ${IN_TIME}` : ''}`
  const swapped = `${write} RETURNING ${guarded ? NOW_IN_TIME : NOW} AS now`
  if (!told) return swapped
  return `WITH swapped AS (${swapped}),
    told AS (INSERT INTO ${changes} (at, change) SELECT :at::bigint, :change::text FROM swapped)
    SELECT now FROM swapped`
}

function feedStatements({ changes, meta }: Tables): Pick<Statements, 'changes' | 'trim'> {
  return {
    // Transactions below the snapshot's `xmin` are all finished: no further changes can appear among theirs.
    changes: statement(`SELECT feed.epoch, feed.finished::text, feed.goes_on::text, c.xid::text, c.seq::text, c.change
      FROM (
        SELECT m.epoch, txid_snapshot_xmin(t.seen) AS finished, :epoch::text IS NULL OR (m.epoch = :epoch::text
          AND (:xid::bigint, :seq::bigint) >= (m.removed_xid, m.removed_seq)
          AND :xid::bigint <= txid_snapshot_xmax(t.seen)) AS goes_on
        FROM ${meta} AS m, (SELECT txid_current_snapshot() AS seen) AS t
      ) AS feed
      LEFT JOIN LATERAL (
        SELECT * FROM ${changes}
        WHERE feed.goes_on AND (xid, seq) > (:xid::bigint, :seq::bigint) AND xid < feed.finished
        ORDER BY xid, seq LIMIT :limit::bigint
      ) AS c ON true ORDER BY c.xid, c.seq`),
    // The last removed change is recorded: a cursor before it is expired.
    trim: statement(`WITH removed AS (
        DELETE FROM ${changes} AS c
        USING (SELECT xid, seq, at FROM ${changes}, ${BOUND} WHERE bound.lock_timeout <> ''
          ORDER BY xid, seq LIMIT ${SWEEP_LIMIT}) AS first
        WHERE c.xid = first.xid AND c.seq = first.seq AND first.at < :before::bigint
          AND first.xid < txid_snapshot_xmin(txid_current_snapshot())
        RETURNING c.xid, c.seq
      ), last AS (SELECT xid, seq FROM removed ORDER BY xid DESC, seq DESC LIMIT 1)
      UPDATE ${meta} AS m SET removed_xid = last.xid, removed_seq = last.seq
      FROM last WHERE (last.xid, last.seq) > (m.removed_xid, m.removed_seq)`),
  }
}
