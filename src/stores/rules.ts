import type { GrantKey } from '../grant-key.ts'
import {
  type ClaimAnswer,
  type ClaimRequest,
  type CommitAnswer,
  type Expectation,
  type GrantRecord,
  type Intent,
  type ListFilter,
  type NewGrant,
  RECORD_SCHEMA,
  type ReleaseRequest,
  type TokenCommit,
  type VerdictCommit,
} from './store.ts'

/** How long a deleted or replaced log-in is remembered, so that a late repeat of its `put` can't bring it back. */
export const TOMBSTONE_MS: number = 24 * 3_600_000

/** How long a deleted record is remembered, so that a repeat of the deletion returns it again. */
export const DELETED_MS = 60_000

/** What an operation answers, and the record to write with it; without one nothing is written. */
export interface Decision<A> {
  readonly answer: A
  readonly write?: GrantRecord
}

/** From when on neither another's lease, which lives until `leaseEnd`, nor an unsettled intent stands in this claim's way. */
function freeAt({ intent }: GrantRecord, request: ClaimRequest, leaseEnd: number): number {
  if (intent?.open !== true) return leaseEnd
  // A clock that was set back proves nothing about the provider's window: forgiveness needs `startedAt` in the past.
  const forgiven = leaseEnd >= intent.startedAt && leaseEnd < intent.startedAt + (request.repeatWithinMs ?? 0)
  return forgiven ? leaseEnd : Math.max(leaseEnd, intent.sendBefore + request.settleMs)
}

function nextIntent(previous: Intent | undefined, note: { hash: string; sendWithinMs: number }, now: number): Intent {
  const sendBefore = now + note.sendWithinMs
  const carriesOn = previous !== undefined && (previous.open || (previous.everUnknown && previous.hash === note.hash))
  if (!carriesOn) return { startedAt: now, sendBefore, attempt: 1, hash: note.hash, open: true, everUnknown: false }
  return {
    startedAt: previous.startedAt,
    sendBefore,
    attempt: previous.attempt + 1,
    hash: note.hash,
    open: true,
    everUnknown: true,
  }
}

/** The answer to a claim: looked at in the order changed, own lease, busy, later. */
export function decideClaim(
  record: GrantRecord | undefined,
  request: ClaimRequest,
  now: number,
): Decision<ClaimAnswer> {
  if (record === undefined || record.id !== request.id || record.version !== request.version) {
    return { answer: { outcome: 'changed', record, now } }
  }
  const lease = { owner: request.owner, until: now + request.leaseMs }
  const { intent, failures } = record
  if (record.lease?.owner === request.owner) {
    // The flight's own repeat: of an ambiguous claim, or a renewal. It is no further attempt.
    const repeated =
      intent === undefined || request.intent === undefined
        ? intent
        : { ...intent, hash: request.intent.hash, sendBefore: now + request.intent.sendWithinMs }
    return claimed({ ...record, lease, intent: repeated }, intent?.everUnknown === true, now)
  }
  const leaseEnd = record.lease === undefined ? now : Math.max(record.lease.until, now)
  const free = freeAt(record, request, leaseEnd)
  if (free > now || request.intent === undefined) {
    return { answer: { outcome: 'busy', waitMs: Math.max(free - now, 1), leaseMs: leaseEnd - now, now } }
  }
  // A claim under which nothing is sent (a log-in that carries the refresh token over) annoys no provider.
  const passes = request.intent.sendWithinMs === 0 || (request.force === true && failures?.mandatory !== true)
  if (failures !== undefined && failures.notBefore > now && !passes) {
    const { notBefore: until, mandatory, code } = failures
    return { answer: { outcome: 'later', until, mandatory, code, now } }
  }
  return claimed({ ...record, lease, intent: nextIntent(intent, request.intent, now) }, intent?.open === true, now)
}

function claimed(record: GrantRecord, takeover: boolean, now: number): Decision<ClaimAnswer> {
  return { answer: { outcome: 'claimed', takeover, record, now }, write: record }
}

/** The answer to a commit of a token or a verdict. */
export function decideCommit(
  record: GrantRecord | undefined,
  commit: TokenCommit | VerdictCommit,
  now: number,
): Decision<CommitAnswer> {
  const lost: Decision<CommitAnswer> = { answer: { committed: false, record, now } }
  // A verdict whose answer was lost is recognised when it is repeated: it is emitted once.
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

/** The answer to a log-in's `put`; `buried` says whether that log-in has a tombstone. */
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

/** The record after its lease's owner gave it up; undefined when the lease is not the owner's. */
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

/** Since when (store time) the keep-fresh worker may take this grant; undefined: never. */
export function dueSince(record: GrantRecord): number | undefined {
  if (record.state !== 'active' || record.refreshAfter === undefined || record.schema > RECORD_SCHEMA) return undefined
  return Math.max(record.refreshAfter, record.failures?.notBefore ?? 0, record.lease?.until ?? 0)
}

/** Whether a record is one that the filter asks for. */
export function matchesFilter(record: GrantRecord, filter: ListFilter | undefined): boolean {
  return (
    (filter?.client === undefined || record.key.client === filter.client) &&
    (filter?.subject === undefined || record.key.subject === filter.subject) &&
    (filter?.state === undefined || record.state === filter.state)
  )
}
