import { ConfigError } from '../model/errors.ts'
import type { GrantKey } from '../model/grant-key.ts'
import {
  type ClaimAnswer,
  type ClaimRequest,
  type CommitAnswer,
  type Expectation,
  type Failures,
  type GrantRecord,
  type Intent,
  type Lease,
  type ListFilter,
  type NewGrant,
  RECORD_SCHEMA,
  type ReleaseRequest,
  type TokenCommit,
  type VerdictCommit,
} from './store.ts'

/** How long a deleted or replaced login is remembered, so that a late repeat of its `put` cannot restore it. */
export const TOMBSTONE_MS: number = 24 * 3_600_000

/** How long a deleted record is remembered, so that a repeat of the deletion returns it again. */
export const DELETED_MS = 60_000

/**
 * A deletion that is written later than this after its read is decided again, so that the deleted record is remembered
 * from the deletion on.
 */
export const DELETE_WITHIN_MS = 10_000

/** How long a deleted record is kept after the read that its deletion was decided on. */
export const DELETED_KEPT_MS: number = DELETED_MS + DELETE_WITHIN_MS

/** The result of an operation, and the record to write with it. Without one nothing is written. */
export interface Decision<A> {
  readonly answer: A
  readonly write?: GrantRecord
}

/**
 * A time that is only this far ahead does not indicate a clock that was set back: its writer did not know the time
 * better.
 */
export const NOISE_MS = 1000

/** Start of an attempt at an unknown time: no provider's grace period is still open. */
const LONG_AGO = 0

/**
 * Returns the record with no time further ahead than its own length. A time further ahead was set by a clock that has
 * been set back since. It counts as that length from now, which is never less than what remains of it. Returns the
 * record itself if there is no such time.
 */
export function withoutFuture(record: GrantRecord, now: number): GrantRecord {
  const lease = leaseBy(record.lease, now)
  const intent = intentBy(record.intent, now)
  const failures = failuresBy(record.failures, now)
  const isSame = lease === record.lease && intent === record.intent && failures === record.failures
  return isSame ? record : { ...record, lease, intent, failures }
}

function isAhead(moment: number, lengthMs: number | undefined, now: number): lengthMs is number {
  return lengthMs !== undefined && moment > now + lengthMs + NOISE_MS
}

function leaseBy(lease: Lease | undefined, now: number): Lease | undefined {
  if (lease === undefined || !isAhead(lease.until, lease.leaseMs, now)) return lease
  return { ...lease, until: now + lease.leaseMs }
}

function intentBy(intent: Intent | undefined, now: number): Intent | undefined {
  if (intent === undefined) return intent
  const startedAt = isAhead(intent.startedAt, 0, now) ? LONG_AGO : intent.startedAt
  const sendBefore = isAhead(intent.sendBefore, intent.sendWithinMs, now)
    ? now + intent.sendWithinMs
    : intent.sendBefore
  const isSame = startedAt === intent.startedAt && sendBefore === intent.sendBefore
  return isSame ? intent : { ...intent, startedAt, sendBefore }
}

function failuresBy(failures: Failures | undefined, now: number): Failures | undefined {
  if (failures === undefined) return failures
  const delayMs = failures.notBefore - failures.lastAt
  if (failures.notBefore <= now || !isAhead(failures.notBefore, delayMs, now)) return failures
  return { ...failures, firstAt: Math.min(failures.firstAt, now), lastAt: now, notBefore: now + delayMs }
}

/**
 * The time from which neither another's lease, which lasts until `leaseEnd`, nor an unsettled intent blocks this claim.
 */
function freeAt({ intent }: GrantRecord, request: ClaimRequest, leaseEnd: number): number {
  if (intent?.open !== true) return leaseEnd
  // A clock that was set back proves nothing about the grace period, which needs `startedAt` in the past.
  const forgiven = leaseEnd >= intent.startedAt && leaseEnd < intent.startedAt + (request.repeatWithinMs ?? 0)
  return forgiven ? leaseEnd : Math.max(leaseEnd, intent.sendBefore + request.settleMs)
}

function nextIntent(previous: Intent | undefined, note: { hash: string; sendWithinMs: number }, now: number): Intent {
  const { hash, sendWithinMs } = note
  const times = { sendBefore: now + sendWithinMs, sendWithinMs }
  const carriesOn = previous !== undefined && (previous.open || (previous.everUnknown && previous.hash === hash))
  if (!carriesOn) return { startedAt: now, ...times, attempt: 1, hash, open: true, everUnknown: false }
  const { startedAt, attempt } = previous
  return { startedAt, ...times, attempt: attempt + 1, hash, open: true, everUnknown: true }
}

/** Decides the result of a claim, checked in the order changed, own lease, busy, later. */
export function decideClaim(
  stored: GrantRecord | undefined,
  request: ClaimRequest,
  now: number,
): Decision<ClaimAnswer> {
  if (stored === undefined || stored.id !== request.id || stored.version !== request.version) {
    return { answer: { outcome: 'changed', record: stored, now } }
  }
  const record = withoutFuture(stored, now)
  // Written: from this moment on that length is counted once.
  const seen = record === stored ? {} : { write: record }
  const lease = { owner: request.owner, until: now + request.leaseMs, leaseMs: request.leaseMs }
  const { intent, failures } = record
  if (record.lease?.owner === request.owner) {
    // The flight's own repeat: of an ambiguous claim, or a renewal. It is not another attempt.
    const repeated =
      intent === undefined || request.intent === undefined
        ? intent
        : { ...intent, ...request.intent, sendBefore: now + request.intent.sendWithinMs }
    return claimed({ ...record, lease, intent: repeated }, intent?.everUnknown === true, now)
  }
  const leaseEnd = record.lease === undefined ? now : Math.max(record.lease.until, now)
  const free = freeAt(record, request, leaseEnd)
  if (free > now || request.intent === undefined) {
    return { answer: { outcome: 'busy', waitMs: Math.max(free - now, 1), leaseMs: leaseEnd - now, now }, ...seen }
  }
  // A claim under which nothing is sent (a login that carries the refresh token over) does not bother the provider.
  const passes = request.intent.sendWithinMs === 0 || (request.force === true && failures?.mandatory !== true)
  if (failures !== undefined && failures.notBefore > now && !passes) {
    const { notBefore: until, mandatory, code } = failures
    return { answer: { outcome: 'later', until, mandatory, code, now }, ...seen }
  }
  return claimed({ ...record, lease, intent: nextIntent(intent, request.intent, now) }, intent?.open === true, now)
}

function claimed(record: GrantRecord, takeover: boolean, now: number): Decision<ClaimAnswer> {
  return { answer: { outcome: 'claimed', takeover, record, now }, write: record }
}

/** Decides the result of a commit of a token or a verdict. */
export function decideCommit(
  record: GrantRecord | undefined,
  commit: TokenCommit | VerdictCommit,
  now: number,
): Decision<CommitAnswer> {
  const lost: Decision<CommitAnswer> = { answer: { committed: false, record, now } }
  // A verdict whose response was lost is recognized when it is repeated: it is emitted once.
  if ('verdict' in commit && record?.id === commit.id && record.version === commit.version + 1)
    return { answer: { committed: record.verdictBy === commit.owner, record, now } }
  if (record === undefined || record.id !== commit.id || record.version !== commit.version) return lost
  if ('verdict' in commit && record.lease?.owner !== commit.owner) return lost
  const next = 'verdict' in commit ? withVerdict(record, commit) : withToken(record, commit)
  const written = { ...next, version: record.version + 1, lease: undefined, updatedAt: now }
  return { answer: { committed: true, record: written, now }, write: written }
}

function withVerdict(record: GrantRecord, commit: VerdictCommit): GrantRecord {
  const { verdict: reason, owner: verdictBy } = commit
  return { ...record, state: 'reauthorization_required', reason, verdictBy, intent: closed(record.intent) }
}

function withToken(record: GrantRecord, commit: TokenCommit): GrantRecord {
  return {
    ...contentOf(commit),
    key: record.key,
    id: record.id,
    version: record.version,
    schema: commit.schema ?? record.schema,
    issuer: record.issuer,
    clientId: record.clientId,
    intent: undefined,
    failures: commit.failures,
    createdAt: record.createdAt,
    updatedAt: record.updatedAt,
  }
}

function contentOf(source: TokenCommit | NewGrant): Omit<NewGrant, 'id' | 'schema' | 'issuer' | 'clientId'> {
  const { state, reason, sealed, renewable, expiresAt, refreshAfter, refreshTokenExpiresAt, scope, lastRefreshedAt } =
    source
  return { state, reason, sealed, renewable, expiresAt, refreshAfter, refreshTokenExpiresAt, scope, lastRefreshedAt }
}

function closed(intent: Intent | undefined): Intent | undefined {
  return intent === undefined ? undefined : { ...intent, open: false }
}

/**
 * Decides the result of a login's `put`. `buried` says whether that login has a tombstone.
 * @throws ConfigError if it would replace a record of a newer form
 */
export function decidePut(
  record: GrantRecord | undefined,
  buried: boolean,
  key: GrantKey,
  grant: NewGrant,
  expect: Expectation | undefined,
  now: number,
): Decision<CommitAnswer> {
  if (record?.id === grant.id) return { answer: { committed: true, record, now } }
  const unexpected =
    expect !== undefined &&
    (record?.id !== expect.id || (expect.id !== undefined && record?.version !== expect.version))
  if (buried || unexpected) return { answer: { committed: false, record, now } }
  assertKnown(record)
  const written: GrantRecord = {
    ...contentOf(grant),
    key: { client: key.client, subject: key.subject, account: key.account },
    id: grant.id,
    version: (record?.version ?? 0) + 1,
    schema: grant.schema,
    issuer: grant.issuer,
    clientId: grant.clientId,
    createdAt: now,
    updatedAt: now,
  }
  return { answer: { committed: true, record: written, now }, write: written }
}

/** Returns the record after its lease's owner gave it up. Undefined if the lease is not the owner's. */
export function decideRelease(record: GrantRecord | undefined, request: ReleaseRequest): GrantRecord | undefined {
  if (record === undefined || record.lease?.owner !== request.owner) return undefined
  return {
    ...record,
    lease: undefined,
    intent: afterRelease(record.intent, request),
    failures: request.failures ?? record.failures,
  }
}

function afterRelease(intent: Intent | undefined, { spent, settled }: ReleaseRequest): Intent | undefined {
  if (spent === 'no' || intent?.open !== true) return closed(intent)
  return { ...intent, open: settled !== true, everUnknown: true }
}

/**
 * Returns since when (store time) the keep-fresh worker may take this grant. Undefined: never. Without `now`, its times
 * are trusted.
 */
export function dueSince(record: GrantRecord, now: number = Number.POSITIVE_INFINITY): number | undefined {
  if (record.state !== 'active' || record.refreshAfter === undefined || record.schema > RECORD_SCHEMA) return undefined
  const { refreshAfter, failures, lease } = withoutFuture(record, now)
  return Math.max(refreshAfter ?? 0, failures?.notBefore ?? 0, lease?.until ?? 0)
}

/**
 * A record of a newer form is neither replaced nor deleted: what this release does not know of it would be lost.
 * @throws ConfigError for such a record
 */
export function assertKnown(record: GrantRecord | undefined): void {
  if (record === undefined || record.schema <= RECORD_SCHEMA) return
  const { key, schema } = record
  throw new ConfigError(
    `The grant of subject '${key.subject}' at client '${key.client}' was written by a newer release (schema ${schema}). ` +
      'It was left unchanged; upgrade this process.',
  )
}

/** Whether a record matches the filter. */
export function matchesFilter(record: GrantRecord, filter: ListFilter | undefined): boolean {
  return (
    (filter?.client === undefined || record.key.client === filter.client) &&
    (filter?.subject === undefined || record.key.subject === filter.subject) &&
    (filter?.state === undefined || record.state === filter.state)
  )
}
