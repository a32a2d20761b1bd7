import type { GrantKey } from '../../grant-key.ts'
import { fromPortableText, toPortableText } from '../portable-text.ts'
import type { Failures, GrantContent, GrantRecord, Intent } from '../store.ts'
import type { PostgresValue } from './client.ts'

/** The columns that every token or log-in writes, with their types. */
export const CONTENT = {
  state: 'text',
  reason: 'text',
  sealed: 'text',
  renewable: 'boolean',
  expires_at: 'bigint',
  refresh_after: 'bigint',
  refresh_token_expires_at: 'bigint',
  scope: 'text',
  last_refreshed_at: 'bigint',
} as const

export const INTENT = {
  intent_started_at: 'bigint',
  intent_send_before: 'bigint',
  intent_attempt: 'bigint',
  intent_hash: 'text',
  intent_open: 'boolean',
  intent_ever_unknown: 'boolean',
} as const

export const FAILURES = {
  failure_code: 'text',
  failure_count: 'bigint',
  failure_first_at: 'bigint',
  failure_last_at: 'bigint',
  failure_not_before: 'bigint',
  failure_mandatory: 'boolean',
} as const

/** The columns of a record, in the order in which `toRecord` takes their values. */
const COLUMNS = [
  'key',
  'id',
  'version',
  'schema',
  'issuer',
  'client_id',
  ...Object.keys(CONTENT),
  'lease_owner',
  'lease_until',
  ...Object.keys(INTENT),
  ...Object.keys(FAILURES),
  'created_at',
  'updated_at',
] as const

/** The record's columns, for a select list. */
export const RECORD: string = COLUMNS.map((column) => `g.${column}`).join(', ')

/** The names of some columns. */
export type Columns<T> = keyof T & string

/** The values of the columns that a token or a log-in writes. */
export function contentValues(content: GrantContent): Record<Columns<typeof CONTENT>, PostgresValue> {
  return {
    state: content.state,
    reason: content.reason ?? null,
    sealed: toPortableText(content.sealed),
    renewable: content.renewable,
    expires_at: whole(content.expiresAt),
    refresh_after: whole(content.refreshAfter),
    refresh_token_expires_at: whole(content.refreshTokenExpiresAt),
    scope: content.scope === undefined ? null : JSON.stringify(content.scope),
    last_refreshed_at: whole(content.lastRefreshedAt),
  }
}

/** The values of the failures' columns: all null when there are none. */
export function failureValues(failures: Failures | undefined): Record<Columns<typeof FAILURES>, PostgresValue> {
  return {
    failure_code: failures === undefined ? null : toPortableText(failures.code),
    failure_count: whole(failures?.count),
    failure_first_at: whole(failures?.firstAt),
    failure_last_at: whole(failures?.lastAt),
    failure_not_before: whole(failures?.notBefore),
    failure_mandatory: failures?.mandatory ?? null,
  }
}

/** Milliseconds as the server's integers. */
export function whole(ms: number): number
export function whole(ms: number | undefined): number | null
export function whole(ms: number | undefined): number | null {
  return ms === undefined ? null : Math.round(ms)
}

type Cell = string | number | bigint | boolean
type Row = Readonly<Record<string, Cell | undefined>>

/** The record in the values of one row; undefined when they are all null, as an outer join gives them. */
export function toRecord(values: readonly unknown[]): GrantRecord | undefined {
  const row: Row = Object.fromEntries(
    COLUMNS.map((column, index) => [column, (values[index] as Cell | null) ?? undefined]),
  )
  const key = row['key']
  if (key === undefined) return undefined
  return {
    key: toKey(String(key)),
    id: text(row['id']),
    version: Number(row['version']),
    schema: Number(row['schema']),
    issuer: text(row['issuer']),
    clientId: text(row['client_id']),
    state: row['state'] as GrantRecord['state'],
    reason: row['reason'] as GrantRecord['reason'],
    sealed: text(row['sealed']),
    renewable: row['renewable'] === true,
    expiresAt: time(row['expires_at']),
    refreshAfter: time(row['refresh_after']),
    refreshTokenExpiresAt: time(row['refresh_token_expires_at']),
    scope: row['scope'] === undefined ? undefined : (JSON.parse(String(row['scope'])) as readonly string[]),
    lastRefreshedAt: time(row['last_refreshed_at']),
    lease:
      row['lease_owner'] === undefined
        ? undefined
        : { owner: text(row['lease_owner']), until: Number(row['lease_until']) },
    intent: row['intent_started_at'] === undefined ? undefined : toIntent(row),
    failures: row['failure_code'] === undefined ? undefined : toFailures(row),
    createdAt: Number(row['created_at']),
    updatedAt: Number(row['updated_at']),
  }
}

function toIntent(row: Row): Intent {
  return {
    startedAt: Number(row['intent_started_at']),
    sendBefore: Number(row['intent_send_before']),
    attempt: Number(row['intent_attempt']),
    hash: text(row['intent_hash']),
    open: row['intent_open'] === true,
    everUnknown: row['intent_ever_unknown'] === true,
  }
}

function toFailures(row: Row): Failures {
  return {
    code: text(row['failure_code']),
    count: Number(row['failure_count']),
    firstAt: Number(row['failure_first_at']),
    lastAt: Number(row['failure_last_at']),
    notBefore: Number(row['failure_not_before']),
    mandatory: row['failure_mandatory'] === true,
  }
}

function text(cell: Cell | undefined): string {
  return fromPortableText(String(cell))
}

/** Drivers answer 64-bit integers as texts, unless told otherwise. */
function time(cell: Cell | undefined): number | undefined {
  return cell === undefined ? undefined : Number(cell)
}

function toKey(written: string): GrantKey {
  const [client = '', subject = '', account = ''] = JSON.parse(written) as readonly string[]
  return { client, subject, account }
}
