import { ConfigError, UnreadableRecordError } from '../model/errors.ts'
import { decodeKey } from '../model/grant-key.ts'
import type { Row, RowIndex, Write } from './backend.ts'
import { fromPortableText, toPortableText } from './portable-text.ts'
import { dueSince } from './rules.ts'
import type { Failures, GrantRecord, Intent, Lease } from './store.ts'

/** Longest sealed text of a grant, in characters. */
const LONGEST_SEALED = 1_000_000

/** The content of a grant's row. */
export interface GrantRow {
  readonly record?: GrantRecord | undefined
  /** Logins that were deleted or replaced, and until when they are remembered. */
  readonly buried: Readonly<Record<string, number>>
  /** Deleted records, for repeats of their deletion whose first response was lost. */
  readonly deleted: readonly Deleted[]
}

/** A deleted record, remembered for a minute. */
export interface Deleted {
  readonly until: number
  readonly record: GrantRecord
}

/** The form of an entry. Ended parts are left out at each write. */
interface Entry {
  readonly record?: Omit<GrantRecord, 'key' | 'sealed'>
  readonly buried?: Readonly<Record<string, number>>
  readonly deleted?: readonly { readonly until: number; readonly record: Omit<GrantRecord, 'key'> }[]
}

/** Members that a record may lack. All records get them, so that they have one shape. */
const ABSENT = {
  reason: undefined,
  expiresAt: undefined,
  refreshAfter: undefined,
  refreshTokenExpiresAt: undefined,
  scope: undefined,
  lastRefreshedAt: undefined,
  lease: undefined,
  intent: undefined,
  failures: undefined,
  verdictBy: undefined,
} as const

const MEMBERS: ReadonlySet<string> = new Set<keyof Entry>(['record', 'buried', 'deleted'])

const NO_ROW: GrantRow = { buried: {}, deleted: [] }

/**
 * Reads the content of a grant's row.
 * @throws UnreadableRecordError for a row that no release like this one wrote
 */
export function decodeRow(row: Row | undefined): GrantRow {
  if (row === undefined) return NO_ROW
  const key = decodeKey(row.key)
  const entry = parseEntry(row.entry)
  if (key === undefined || !isEntry(entry)) throw new UnreadableRecordError(key)
  const { record, buried = {}, deleted = [] } = entry
  return {
    record:
      record === undefined
        ? undefined
        : partsFrozen({ ...ABSENT, ...record, key, sealed: fromPortableText(row.sealed) }),
    buried,
    deleted: deleted.map((each) => ({ ...each, record: partsFrozen({ ...ABSENT, ...each.record, key }) })),
  }
}

/** Returns what to write into a row with `before`, so that it contains `content`. */
export function encodeRow(before: GrantRow, content: GrantRow, now: number): Omit<Write, 'durable' | 'notAfter'> {
  const { record } = content
  const buried = Object.entries(content.buried).filter(([, until]) => until > now)
  const deleted = content.deleted.filter(({ until }) => until > now)
  const entry: Entry = {
    ...(record !== undefined && { record: clear(record) }),
    ...(buried.length > 0 && { buried: Object.fromEntries(buried) }),
    ...(deleted.length > 0 && { deleted: deleted.map(({ until, record }) => ({ until, record: withoutKey(record) })) }),
  }
  const isSameSealed = before.record !== undefined && before.record.sealed === record?.sealed
  return {
    entry: JSON.stringify(entry),
    ...(!isSameSealed && { sealed: toPortableText(record?.sealed ?? '') }),
    index: indexOf(record, buried, now),
    sameIndex:
      before.record !== undefined && before.record.state === record?.state && before.record.schema === record.schema,
  }
}

function indexOf(record: GrantRecord | undefined, buried: readonly [string, number][], now: number): RowIndex {
  if (record === undefined) return { forgetAt: Math.max(now, ...buried.map(([, until]) => until)) }
  const { key, state, schema } = record
  return { subject: JSON.stringify(key.subject), state, schema, dueAt: dueSince(record, now) }
}

/**
 * Returns the record as it is stored: its times in whole milliseconds, its parts frozen copies.
 * @throws ConfigError for a sealed value that is not a string, or too long
 */
export function storable(record: GrantRecord): GrantRecord {
  const { sealed } = record
  if (typeof sealed !== 'string') throw new ConfigError(`Expected sealed to be a string, got ${typeof sealed}.`)
  if (sealed.length > LONGEST_SEALED) {
    throw new ConfigError(`Expected sealed to be at most ${LONGEST_SEALED} characters, got ${sealed.length}.`)
  }
  const { lease, intent, failures } = record
  return partsFrozen({
    ...ABSENT,
    ...record,
    key: { client: record.key.client, subject: record.key.subject, account: record.key.account },
    expiresAt: whole(record.expiresAt),
    refreshAfter: whole(record.refreshAfter),
    refreshTokenExpiresAt: whole(record.refreshTokenExpiresAt),
    lastRefreshedAt: whole(record.lastRefreshedAt),
    createdAt: Math.round(record.createdAt),
    updatedAt: Math.round(record.updatedAt),
    scope: record.scope === undefined ? undefined : [...record.scope],
    lease: lease && wholeLease(lease),
    intent: intent && wholeIntent(intent),
    failures: failures && wholeFailures(failures),
  })
}

function wholeLease(lease: Lease): Lease {
  return { ...lease, until: Math.round(lease.until), leaseMs: whole(lease.leaseMs) }
}

function wholeIntent(intent: Intent): Intent {
  const { startedAt, sendBefore, sendWithinMs } = intent
  return {
    ...intent,
    startedAt: Math.round(startedAt),
    sendBefore: Math.round(sendBefore),
    sendWithinMs: whole(sendWithinMs),
  }
}

function wholeFailures(failures: Failures): Failures {
  const { firstAt, lastAt, notBefore } = failures
  return {
    ...failures,
    firstAt: Math.round(firstAt),
    lastAt: Math.round(lastAt),
    notBefore: Math.round(notBefore),
  }
}

function whole(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.round(ms)
}

/** The store freezes the record itself, since it may attach what it was read with. */
function partsFrozen(record: GrantRecord): GrantRecord {
  for (const part of [record.key, record.scope, record.lease, record.intent, record.failures]) Object.freeze(part)
  return record
}

function withoutKey<R extends { readonly key: unknown }>({ key: _key, ...rest }: R): Omit<R, 'key'> {
  return rest
}

function clear({ key: _key, sealed: _sealed, ...rest }: GrantRecord): Omit<GrantRecord, 'key' | 'sealed'> {
  return rest
}

function parseEntry(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Whether an entry belongs to a grant, as far as any rule relies on it. */
function isEntry(value: unknown): value is Entry {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  // An entry of another application may be an object too.
  if (Object.keys(value).some((name) => !MEMBERS.has(name))) return false
  const { record, buried = {}, deleted = [] } = value as Entry
  if (typeof buried !== 'object' || buried === null || !Array.isArray(deleted)) return false
  return (
    (record === undefined || isRecord(record)) &&
    deleted.every((each: unknown) => has(each, 'number', ['until']) && isRecord((each as Deleted).record))
  )
}

function isRecord(value: unknown): boolean {
  if (!has(value, 'string', ['id', 'issuer', 'clientId', 'state'])) return false
  if (!has(value, 'number', ['version', 'schema', 'createdAt', 'updatedAt'])) return false
  const { lease, intent, failures, scope } = value as GrantRecord
  return (
    (lease === undefined || has(lease, 'number', ['until'])) &&
    (intent === undefined || has(intent, 'number', ['startedAt', 'sendBefore', 'attempt'])) &&
    (failures === undefined || has(failures, 'number', ['notBefore', 'count'])) &&
    (scope === undefined || Array.isArray(scope))
  )
}

/** Whether a value has members of these names, all of that type. */
function has(value: unknown, type: 'string' | 'number', names: readonly string[]): boolean {
  if (typeof value !== 'object' || value === null) return false
  return names.every((name) => typeof (value as Record<string, unknown>)[name] === type)
}
