import { encodeKey, type GrantKey } from '../../grant-key.ts'
import { dueSince } from '../decisions.ts'
import type { Failures, GrantRecord, Intent } from '../store.ts'
import type { SqliteValue } from './database.ts'

interface Row {
  readonly key: string
  readonly id: string
  readonly version: number
  readonly schema: number
  readonly issuer: string
  readonly client_id: string
  readonly state: GrantRecord['state']
  readonly reason: GrantRecord['reason'] | null
  readonly sealed: string
  readonly renewable: number
  readonly expires_at: number | null
  readonly refresh_after: number | null
  readonly refresh_token_expires_at: number | null
  readonly scope: string | null
  readonly last_refreshed_at: number | null
  readonly lease_owner: string | null
  readonly lease_until: number | null
  readonly intent: string | null
  readonly failures: string | null
  readonly created_at: number
  readonly updated_at: number
}

/** The columns in the order in which `toValues` gives their values. */
const COLUMNS = [
  'key',
  'subject',
  'id',
  'version',
  'schema',
  'issuer',
  'client_id',
  'state',
  'reason',
  'sealed',
  'renewable',
  'expires_at',
  'refresh_after',
  'refresh_token_expires_at',
  'scope',
  'last_refreshed_at',
  'lease_owner',
  'lease_until',
  'intent',
  'failures',
  'due_at',
  'created_at',
  'updated_at',
] as const

/** Reads whole rows of the columns that this release knows. */
export function select(table: string): string {
  return `SELECT ${COLUMNS.join(', ')} FROM ${table}`
}

/** Writes the whole row; columns that a newer release may have added stay as they are. */
export function upsert(table: string): string {
  const rest = COLUMNS.slice(1).map((column) => `${column} = excluded.${column}`)
  return (
    `INSERT INTO ${table} (${COLUMNS.join(', ')}) VALUES (${COLUMNS.map(() => '?').join(', ')}) ` +
    `ON CONFLICT (key) DO UPDATE SET ${rest.join(', ')}`
  )
}

/** Writes what a claim or a release changes: without the sealed token, which is most of a row. */
export function updateLease(table: string): string {
  return `UPDATE ${table} SET lease_owner = ?, lease_until = ?, intent = ?, failures = ?, due_at = ? WHERE key = ?`
}

export function toLeaseValues(record: GrantRecord): SqliteValue[] {
  return [
    record.lease?.owner ?? null,
    record.lease?.until ?? null,
    json(record.intent),
    json(record.failures),
    dueSince(record) ?? null,
    encodeKey(record.key),
  ]
}

export function toValues(record: GrantRecord): SqliteValue[] {
  return [
    encodeKey(record.key),
    subjectText(record.key.subject),
    record.id,
    record.version,
    record.schema,
    record.issuer,
    record.clientId,
    record.state,
    record.reason ?? null,
    record.sealed,
    record.renewable ? 1 : 0,
    record.expiresAt ?? null,
    record.refreshAfter ?? null,
    record.refreshTokenExpiresAt ?? null,
    json(record.scope),
    record.lastRefreshedAt ?? null,
    record.lease?.owner ?? null,
    record.lease?.until ?? null,
    json(record.intent),
    json(record.failures),
    dueSince(record) ?? null,
    record.createdAt,
    record.updatedAt,
  ]
}

export function toRecord(value: unknown): GrantRecord | undefined {
  if (value === undefined) return undefined
  const row = value as Row
  return {
    key: toKey(row.key),
    id: row.id,
    version: row.version,
    schema: row.schema,
    issuer: row.issuer,
    clientId: row.client_id,
    state: row.state,
    reason: row.reason ?? undefined,
    sealed: row.sealed,
    renewable: row.renewable !== 0,
    expiresAt: row.expires_at ?? undefined,
    refreshAfter: row.refresh_after ?? undefined,
    refreshTokenExpiresAt: row.refresh_token_expires_at ?? undefined,
    scope: parse(row.scope) as readonly string[] | undefined,
    lastRefreshedAt: row.last_refreshed_at ?? undefined,
    lease: row.lease_owner === null ? undefined : { owner: row.lease_owner, until: row.lease_until ?? 0 },
    intent: parse(row.intent) as Intent | undefined,
    failures: parse(row.failures) as Failures | undefined,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}

export function subjectText(subject: string): string {
  return JSON.stringify(subject)
}

function toKey(text: string): GrantKey {
  const [client = '', subject = '', account = ''] = JSON.parse(text) as readonly string[]
  return { client, subject, account }
}

function json(value: object | undefined): string | null {
  return value === undefined ? null : JSON.stringify(value)
}

function parse(text: string | null): unknown {
  return text === null ? undefined : JSON.parse(text)
}
