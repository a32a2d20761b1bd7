import { TOMBSTONE_MS } from '../decisions.ts'
import { type Columns, CONTENT, FAILURES, INTENT, RECORD } from './rows.ts'
import type { Tables } from './schema.ts'
import { type Statement, statement } from './statement.ts'

/** The server's time, read once for the whole statement. One that waited for a row's lock works with an earlier time, which makes leases shorter and never two of them. */
const CLOCK = 'WITH clock AS MATERIALIZED (SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now)'

/** A deleted grant's row stays until its tombstones are over: a log-in that is put meanwhile meets it under its row lock, whatever its snapshot showed. */
const PRESENT = "g.state <> 'deleted'"

const SAME_VERSION = 'g.key = :key::text AND g.id = :id::text AND g.version = :version::bigint'

/** As long as there is a lease, its intent is there and open. */
const OWN = '(g.lease_owner = :owner::text)'

/** Whether a claim is a further attempt with a refresh token whose fate is not known. */
const CARRIES_ON = '(g.intent_open OR (g.intent_ever_unknown AND g.intent_hash = :hash::text))'

/** Whether the owner only renews its lease. */
const INTENT_STAYS = `(${OWN} AND :hash::text IS NULL)`

/** Neither another's lease nor an unsettled intent nor the back-off stands in the way: `decideClaim` in SQL. */
const FREE = `(:hash::text IS NOT NULL
    AND (g.lease_until IS NULL OR g.lease_until <= clock.now)
    AND (g.intent_open IS NOT TRUE
      OR (clock.now >= g.intent_started_at AND clock.now < g.intent_started_at + :repeat_within_ms::bigint)
      OR g.intent_send_before + :settle_ms::bigint <= clock.now)
    AND (g.failure_not_before IS NULL OR g.failure_not_before <= clock.now
      OR (:force::boolean AND NOT g.failure_mandatory)))`

/** Every write of a grant ends a worker's reservation. */
const UNRESERVED = 'reserved_until = NULL'

const UNHELD = `${UNRESERVED}, lease_owner = NULL, lease_until = NULL, claim_takeover = NULL`

const typed = (columns: Readonly<Record<string, string>>): [name: string, parameter: string][] =>
  Object.entries(columns).map(([name, type]) => [name, `:${name}::${type}`])

const given = (columns: Readonly<Record<string, string>>): string =>
  typed(columns)
    .map(([name, parameter]) => `${name} = ${parameter}`)
    .join(', ')

const nothing = (columns: Readonly<Record<string, string>>): string =>
  Object.keys(columns)
    .map((name) => `${name} = NULL`)
    .join(', ')

/** What a log-in writes. */
const LOG_IN = { id: 'text', schema: 'integer', issuer: 'text', client_id: 'text', ...CONTENT } as const

type LogInColumn = 'id' | 'schema' | 'issuer' | 'client_id' | Columns<typeof CONTENT>
type LogInNames = 'key' | LogInColumn

/** The statements of one store. Each is the whole of its operation, so that no pooler can come between two halves. */
export interface Statements {
  readonly read: Statement<'key'>
  readonly claim: Statement<
    | 'key'
    | 'id'
    | 'version'
    | 'owner'
    | 'lease_ms'
    | 'settle_ms'
    | 'repeat_within_ms'
    | 'hash'
    | 'send_within_ms'
    | 'force'
  >
  readonly commit: Statement<'key' | 'id' | 'version' | 'schema' | Columns<typeof CONTENT> | Columns<typeof FAILURES>>
  readonly verdict: Statement<'key' | 'id' | 'version' | 'owner' | 'reason'>
  readonly release: Statement<'key' | 'owner' | 'unknown' | 'settled' | Columns<typeof FAILURES>>
  readonly put: Statement<LogInNames | 'subject' | 'only_new'>
  readonly replace: Statement<LogInNames | 'expected_id' | 'expected_version'>
  readonly reseal: Statement<'key' | 'id' | 'from' | 'to'>
  readonly once: Statement<'id' | 'ttl_ms'>
  readonly remove: Statement<'key' | 'id'>
  readonly due: Statement<'before' | 'schema' | 'limit'>
  readonly reserve: Statement<'before' | 'schema' | 'limit' | 'until'>
  readonly forget: Statement<'limit'>
  readonly forgetOnce: Statement<'limit'>
}

/** The statements for these tables. Each answers the time first, where it answers it, then a record's columns. */
export function statements({ grants, once }: Tables): Statements {
  const update = `${CLOCK} UPDATE ${grants} AS g`
  const answer = `RETURNING clock.now, ${RECORD}`
  return {
    read: statement(
      `${CLOCK} SELECT clock.now, ${RECORD} FROM clock LEFT JOIN ${grants} AS g ON g.key = :key::text AND ${PRESENT}`,
    ),
    claim: statement(`${update} SET
        ${UNRESERVED}, lease_owner = :owner::text,
        lease_until = clock.now + :lease_ms::bigint,
        claim_takeover = coalesce(CASE WHEN ${OWN} THEN g.intent_ever_unknown ELSE g.intent_open END, false),
        intent_started_at = CASE WHEN ${OWN} OR ${CARRIES_ON} THEN g.intent_started_at ELSE clock.now END,
        intent_send_before =
          CASE WHEN ${INTENT_STAYS} THEN g.intent_send_before ELSE clock.now + :send_within_ms::bigint END,
        intent_attempt =
          CASE WHEN ${OWN} THEN g.intent_attempt WHEN ${CARRIES_ON} THEN g.intent_attempt + 1 ELSE 1 END,
        intent_hash = CASE WHEN ${INTENT_STAYS} THEN g.intent_hash ELSE :hash::text END,
        intent_open = true,
        intent_ever_unknown = CASE WHEN ${OWN} THEN g.intent_ever_unknown ELSE coalesce(${CARRIES_ON}, false) END
      FROM clock WHERE ${SAME_VERSION} AND (${OWN} OR ${FREE})
      ${answer}, g.claim_takeover`),
    commit: statement(`${update} SET
        version = g.version + 1, schema = coalesce(:schema::integer, g.schema), ${given(CONTENT)},
        ${UNHELD}, ${nothing(INTENT)}, ${given(FAILURES)}, updated_at = clock.now
      FROM clock WHERE ${SAME_VERSION} ${answer}`),
    verdict: statement(`${update} SET
        version = g.version + 1, state = 'reauthorization_required', reason = :reason::text,
        ${UNHELD}, intent_open = false, updated_at = clock.now
      FROM clock WHERE ${SAME_VERSION} AND ${OWN} ${answer}`),
    release: statement(`UPDATE ${grants} AS g SET
        ${UNHELD},
        intent_open = :unknown::boolean AND NOT :settled::boolean,
        intent_ever_unknown = g.intent_ever_unknown OR :unknown::boolean,
        ${typed(FAILURES)
          .map(
            ([name, parameter]) =>
              `${name} = CASE WHEN :failure_code::text IS NULL THEN g.${name} ELSE ${parameter} END`,
          )
          .join(', ')}
      WHERE g.key = :key::text AND ${OWN}`),
    put: statement(`${CLOCK} INSERT INTO ${grants} AS g
        (key, subject, version, ${Object.keys(LOG_IN).join(', ')}, created_at, updated_at)
      SELECT :key::text, :subject::text, 1, ${typed(LOG_IN)
        .map(([, parameter]) => parameter)
        .join(', ')}, clock.now, clock.now
      FROM clock
      ON CONFLICT (key) DO UPDATE SET ${replacing((column) => `excluded.${column}`, 'excluded.updated_at')}
      WHERE g.id <> excluded.id AND ${notBuried('excluded.id', 'excluded.updated_at')}
        AND (NOT :only_new::boolean OR NOT (${PRESENT}))
      RETURNING g.updated_at AS now, ${RECORD}`),
    replace: statement(`${update} SET ${replacing((column) => `:${column}::${LOG_IN[column]}`, 'clock.now')}
      FROM clock
      WHERE g.key = :key::text AND g.id = :expected_id::text AND g.version = :expected_version::bigint
        AND g.id <> :id::text AND ${notBuried(':id::text', 'clock.now')}
      ${answer}`),
    reseal: statement(
      `UPDATE ${grants} AS g SET ${UNRESERVED}, sealed = :to::text
      WHERE g.key = :key::text AND g.id = :id::text AND g.sealed = :from::text RETURNING 1`,
    ),
    once: statement(`${CLOCK} INSERT INTO ${once} AS o (id, until)
      SELECT :id::text, clock.now + :ttl_ms::bigint FROM clock
      ON CONFLICT (id) DO UPDATE SET until = excluded.until WHERE o.until <= excluded.until - :ttl_ms::bigint
      RETURNING 1`),
    remove: statement(`${update} SET
        tombstones = ${buried('clock.now')}, forget_at = clock.now + ${TOMBSTONE_MS},
        state = 'deleted', id = '', version = 0, sealed = '', issuer = '', client_id = '',
        reason = NULL, expires_at = NULL, refresh_after = NULL, refresh_token_expires_at = NULL, scope = NULL,
        last_refreshed_at = NULL, ${UNHELD}, ${nothing(INTENT)}, ${nothing(FAILURES)}, updated_at = clock.now
      FROM clock WHERE g.key = :key::text AND g.id = :id::text RETURNING 1`),
    due: statement(
      `${CLOCK} SELECT clock.now, ${RECORD} FROM clock LEFT JOIN (${dueIn(grants)}) AS g ON true ORDER BY g.due_at`,
    ),
    // Rows that are locked are being reserved by another worker, or written.
    reserve: statement(`${CLOCK}, due AS MATERIALIZED (${dueIn(grants)} FOR UPDATE SKIP LOCKED),
      reserved AS (
        UPDATE ${grants} AS g SET reserved_until = :until::bigint FROM due WHERE g.key = due.key
        RETURNING ${RECORD}, due.due_at AS since
      )
      SELECT clock.now, ${RECORD} FROM clock LEFT JOIN reserved AS g ON true ORDER BY g.since`),
    // Looked at again under its lock: a log-in may have come meanwhile. Rows that another sweep has are its own.
    forget: statement(`${CLOCK} DELETE FROM ${grants} AS g USING clock
      WHERE g.forget_at <= clock.now AND g.key IN (
        SELECT d.key FROM ${grants} AS d, clock WHERE d.forget_at <= clock.now
        LIMIT :limit::bigint FOR UPDATE OF d SKIP LOCKED)`),
    forgetOnce: statement(`${CLOCK} DELETE FROM ${once} AS o USING clock
      WHERE o.until <= clock.now AND o.id IN (
        SELECT d.id FROM ${once} AS d, clock WHERE d.until <= clock.now
        LIMIT :limit::bigint FOR UPDATE OF d SKIP LOCKED)`),
  }
}

/** What a log-in sets in the row of the one before. */
function replacing(value: (column: LogInColumn) => string, now: string): string {
  const columns = (Object.keys(LOG_IN) as LogInColumn[]).map((column) => `${column} = ${value(column)}`)
  return `${columns.join(', ')}, version = g.version + 1, ${UNHELD}, ${nothing(INTENT)}, ${nothing(FAILURES)},
        tombstones = ${buried(now)}, forget_at = NULL, created_at = ${now}, updated_at = ${now}`
}

/** The row's tombstones that are not over, with one of the log-in that is in it. */
function buried(now: string): string {
  return `nullif(
          coalesce((SELECT jsonb_object_agg(t.key, t.value) FROM jsonb_each(g.tombstones) AS t WHERE t.value::bigint > ${now}), '{}')
          || CASE WHEN ${PRESENT} THEN jsonb_build_object(g.id, ${now} + ${TOMBSTONE_MS}) ELSE '{}' END, '{}')`
}

function notBuried(id: string, now: string): string {
  return `coalesce((g.tombstones ->> ${id})::bigint <= ${now}, true)`
}

function dueIn(grants: string): string {
  return `SELECT * FROM ${grants}
        WHERE due_at <= :before::bigint AND schema <= :schema::integer ORDER BY due_at LIMIT :limit::bigint`
}
