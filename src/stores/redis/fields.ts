import type { GrantKey } from '../../grant-key.ts'
import { fromPortableText, toPortableText } from '../portable-text.ts'
import type { Failures, GrantContent, GrantRecord, Intent } from '../store.ts'

const CONTENT = [
  'state',
  'reason',
  'sealed',
  'renewable',
  'expires_at',
  'refresh_after',
  'refresh_token_expires_at',
  'scope',
  'last_refreshed_at',
] as const

const LEASE = ['lease_owner', 'lease_until'] as const

const INTENT = [
  'intent_started_at',
  'intent_send_before',
  'intent_attempt',
  'intent_hash',
  'intent_open',
  'intent_ever_unknown',
] as const

const FAILURES = [
  'failure_code',
  'failure_count',
  'failure_first_at',
  'failure_last_at',
  'failure_not_before',
  'failure_mandatory',
] as const

/** A record's fields, in the order in which the scripts answer them. An absent value is an absent field. */
export const FIELDS: readonly string[] = [
  'id',
  'version',
  'schema',
  'issuer',
  'client_id',
  ...CONTENT,
  ...LEASE,
  ...INTENT,
  ...FAILURES,
  'created_at',
  'updated_at',
]

/** The fields that a token replaces: those it leaves out end. */
export const REPLACED: readonly string[] = [...CONTENT, ...LEASE, ...INTENT, ...FAILURES]

/** A name and a value, and so on. */
export type Pairs = readonly string[]

/** What a token or a log-in writes. */
export function contentPairs(content: GrantContent): Pairs {
  return pairs({
    state: content.state,
    reason: content.reason,
    sealed: toPortableText(content.sealed),
    renewable: flag(content.renewable),
    expires_at: whole(content.expiresAt),
    refresh_after: whole(content.refreshAfter),
    refresh_token_expires_at: whole(content.refreshTokenExpiresAt),
    scope: content.scope === undefined ? undefined : JSON.stringify(content.scope),
    last_refreshed_at: whole(content.lastRefreshedAt),
  })
}

/** The fields of the failures; none when there are none. */
export function failurePairs(failures: Failures | undefined): Pairs {
  if (failures === undefined) return []
  return pairs({
    failure_code: toPortableText(failures.code),
    failure_count: whole(failures.count),
    failure_first_at: whole(failures.firstAt),
    failure_last_at: whole(failures.lastAt),
    failure_not_before: whole(failures.notBefore),
    failure_mandatory: flag(failures.mandatory),
  })
}

/** The given fields that have a value. */
export function pairs(fields: Readonly<Record<string, string | undefined>>): Pairs {
  return Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [name, value]))
}

export function flag(value: boolean | undefined): string {
  return value === true ? '1' : '0'
}

/** Milliseconds as the scripts' integers. */
export function whole(ms: number): string
export function whole(ms: number | undefined): string | undefined
export function whole(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : `${Math.round(ms)}`
}

type Fields = Readonly<Record<string, string | undefined>>

/** The record of a script's answer; undefined where there is none. */
export function toRecord(key: GrantKey, answer: unknown): GrantRecord | undefined {
  if (!Array.isArray(answer)) return undefined
  const fields: Fields = Object.fromEntries(FIELDS.map((name, index) => [name, fieldOf(answer[index])]))
  if (fields['id'] === undefined) return undefined
  const { client, subject, account } = key
  return {
    key: { client, subject, account },
    id: text(fields['id']),
    version: Number(fields['version']),
    schema: Number(fields['schema']),
    issuer: text(fields['issuer']),
    clientId: text(fields['client_id']),
    state: fields['state'] as GrantRecord['state'],
    reason: fields['reason'] as GrantRecord['reason'],
    sealed: text(fields['sealed']),
    renewable: fields['renewable'] === '1',
    expiresAt: time(fields['expires_at']),
    refreshAfter: time(fields['refresh_after']),
    refreshTokenExpiresAt: time(fields['refresh_token_expires_at']),
    scope: fields['scope'] === undefined ? undefined : (JSON.parse(fields['scope']) as readonly string[]),
    lastRefreshedAt: time(fields['last_refreshed_at']),
    lease:
      fields['lease_owner'] === undefined
        ? undefined
        : { owner: text(fields['lease_owner']), until: Number(fields['lease_until']) },
    intent: fields['intent_started_at'] === undefined ? undefined : toIntent(fields),
    failures: fields['failure_code'] === undefined ? undefined : toFailures(fields),
    createdAt: Number(fields['created_at']),
    updatedAt: Number(fields['updated_at']),
  }
}

function toIntent(fields: Fields): Intent {
  return {
    startedAt: Number(fields['intent_started_at']),
    sendBefore: Number(fields['intent_send_before']),
    attempt: Number(fields['intent_attempt']),
    hash: text(fields['intent_hash']),
    open: fields['intent_open'] === '1',
    everUnknown: fields['intent_ever_unknown'] === '1',
  }
}

function toFailures(fields: Fields): Failures {
  return {
    code: text(fields['failure_code']),
    count: Number(fields['failure_count']),
    firstAt: Number(fields['failure_first_at']),
    lastAt: Number(fields['failure_last_at']),
    notBefore: Number(fields['failure_not_before']),
    mandatory: fields['failure_mandatory'] === '1',
  }
}

/** Clients may be set to answer bytes instead of texts. */
export function replyText(value: unknown): string {
  if (typeof value === 'string') return value
  return value instanceof Uint8Array ? new TextDecoder().decode(value) : String(value)
}

function fieldOf(value: unknown): string | undefined {
  return value === null || value === undefined ? undefined : replyText(value)
}

function text(field: string | undefined): string {
  return fromPortableText(field ?? '')
}

function time(field: string | undefined): number | undefined {
  return field === undefined ? undefined : Number(field)
}
