import type { ReauthorizationReason, UnreadableRecordError } from '../model/errors.ts'
import type { GrantKey } from '../model/grant-key.ts'
import type { ChangesAnswer, ChangesRequest } from './changes.ts'
import type { Documents } from './documents.ts'

/** Who may redeem the grant's refresh token, until when (store time). */
export interface Lease {
  readonly owner: string
  readonly until: number
  /** For how long it was given. An `until` further ahead is from a clock that was set back since. */
  readonly leaseMs?: number | undefined
}

/** The durable note, written with the lease, that a refresh token is about to be redeemed. All times are the store's. */
export interface Intent {
  /** When the first attempt with this refresh token, whose outcome may still be unknown, was claimed. */
  readonly startedAt: number
  /** The latest moment at which its holder may still send. */
  readonly sendBefore: number
  /** How long after its claim its holder may send. A `sendBefore` further ahead is from a clock that was set back since. */
  readonly sendWithinMs?: number | undefined
  /** 1, or more when an attempt of unknown outcome came before. */
  readonly attempt: number
  /** A prefix of the refresh token's hash: tells refresh tokens apart, reveals none. */
  readonly hash: string
  /** Whether the outcome is not known (yet). */
  readonly open: boolean
  /** Whether any attempt with this refresh token ended without its outcome being known. */
  readonly everUnknown: boolean
}

/** What went wrong since the last committed token. */
export interface Failures {
  readonly code: string
  /** How many in a row. */
  readonly count: number
  readonly firstAt: number
  readonly lastAt: number
  /** No process tries again before (store time). */
  readonly notBefore: number
  /** Whether the provider itself named that time (`Retry-After`): then not even a manual refresh passes it. */
  readonly mandatory: boolean
}

/** What a log-in or a refresh writes. */
export interface GrantContent {
  readonly state: 'active' | 'reauthorization_required'
  readonly reason?: ReauthorizationReason | undefined
  /** The sealed envelope: opaque to the store. */
  readonly sealed: string
  /** Whether the grant can be renewed without the user. */
  readonly renewable: boolean
  /** Expiry of the access token (store time). */
  readonly expiresAt?: number | undefined
  /** From here on the keep-fresh worker renews it (store time); absent: never. */
  readonly refreshAfter?: number | undefined
  readonly refreshTokenExpiresAt?: number | undefined
  readonly scope?: readonly string[] | undefined
  /** When a token was last had from the provider (store time). */
  readonly lastRefreshedAt?: number | undefined
}

/** A grant after a log-in. */
export interface NewGrant extends GrantContent {
  /** Random, 128 bits, made once per log-in: a grant that was deleted and made again is another grant. */
  readonly id: string
  /** Form of this record. A release that doesn't know it leaves the record alone. */
  readonly schema: number
  /** Where the refresh token came from: the server's issuer, or its token endpoint where it has none. */
  readonly issuer: string
  readonly clientId: string
}

/** One grant in the store. */
export interface GrantRecord extends NewGrant {
  readonly key: GrantKey
  /** +1 at every committed change of token or state; nothing else writes it. */
  readonly version: number
  readonly lease?: Lease | undefined
  readonly intent?: Intent | undefined
  readonly failures?: Failures | undefined
  /** The lease's owner that gave the verdict: it recognises its own when it repeats the commit. */
  readonly verdictBy?: string | undefined
  readonly createdAt: number
  /** When token or state last changed. */
  readonly updatedAt: number
}

/** The form of the records that this release writes. */
export const RECORD_SCHEMA = 1

/** Asks for the right to redeem the refresh token of one version of a grant. */
export interface ClaimRequest {
  readonly id: string
  readonly version: number
  /** A new id for each flight, not for each process. */
  readonly owner: string
  readonly leaseMs: number
  /** An open intent is settled this long after its `sendBefore`; until then the claim is `busy`. */
  readonly settleMs: number
  /** An open intent that was first started less than this long ago may be taken over at once: the provider forgives a repeat by time, or doesn't rotate. @default 0 */
  readonly repeatWithinMs?: number | undefined
  /** The note to write. Absent: the present owner renews its lease, and the intent stays as it is. */
  readonly intent?: { readonly hash: string; readonly sendWithinMs: number } | undefined
  /** Pass the record's back-off, unless it is mandatory. */
  readonly force?: boolean | undefined
}

/**
 * Every answer carries the store's time (`now`).
 * `claimed`: the lease is the owner's, `takeover` when an open intent was taken over.
 * `changed`: id or version are others now (no record: deleted).
 * `busy`: another owner's lease lives or an open intent is unsettled, for `waitMs` from now, `leaseMs` of it the lease's (0: nobody holds it).
 * `later`: the record's back-off lasts until `until`.
 */
export type ClaimAnswer =
  | { readonly outcome: 'claimed'; readonly takeover: boolean; readonly record: GrantRecord; readonly now: number }
  | { readonly outcome: 'changed'; readonly record?: GrantRecord | undefined; readonly now: number }
  | { readonly outcome: 'busy'; readonly waitMs: number; readonly leaseMs: number; readonly now: number }
  | {
      readonly outcome: 'later'
      readonly until: number
      readonly mandatory: boolean
      readonly code: string
      readonly now: number
    }

/** A new token for the grant, which needs id and version and not the lease: with a strict server it is the only live one. */
export interface TokenCommit extends GrantContent {
  readonly id: string
  readonly version: number
  /** The form of what is written, when it is another than the record's. @default as it was */
  readonly schema?: number | undefined
  /** Kept in the record when the token is only half usable; absent clears what was there. */
  readonly failures?: Failures | undefined
}

/** The grant is dead, which needs id, version **and** the lease's owner (the lease may have run out, but nobody may have taken it). */
export interface VerdictCommit {
  readonly id: string
  readonly version: number
  readonly owner: string
  readonly verdict: ReauthorizationReason
}

/** What came of a write. */
export interface CommitAnswer {
  /**
   * Whether this call wrote, or found what it would have written: a repeated `put` while its own login is there, a repeated verdict.
   * A repeated token commit is answered false, with its own record.
   */
  readonly committed: boolean
  /** The record as it is now, ours or the one that won; absent when there is none. */
  readonly record?: GrantRecord | undefined
  readonly now: number
}

/** What a `put` must find: that id and version, or, with an undefined id, nothing. */
export interface Expectation {
  readonly id: string | undefined
  readonly version?: number | undefined
}

/** Gives a lease back, and says what is known of the refresh token. */
export interface ReleaseRequest {
  readonly owner: string
  /** `no`: the refresh token was surely not consumed, the intent is closed. `unknown`: it may have been; the intent stays open until it is settled. */
  readonly spent: 'no' | 'unknown'
  /** With `unknown`: a complete answer came, so that nothing is under way any more. The intent is closed, but remembered as once unknown. @default false */
  readonly settled?: boolean | undefined
  readonly failures?: Failures | undefined
}

/** Which grants to list: all that fit every given member. */
export interface ListFilter {
  readonly client?: string | undefined
  readonly subject?: string | undefined
  readonly state?: 'active' | 'reauthorization_required' | undefined
}

/** One page of a list, in the order of the encoded keys' bytes. */
export interface PageRequest extends ListFilter {
  /** `next` of the page before. @default the beginning */
  readonly after?: string | undefined
  /** The store may return fewer, with `next`. */
  readonly limit: number
  /** Only grants whose next refresh is due at this moment or before (store time). */
  readonly dueBefore?: number | undefined
}

/** Some grants of a list. */
export interface GrantPage {
  readonly records: readonly GrantRecord[]
  /** Where the next page begins; absent: there is none. */
  readonly next?: string | undefined
  /** What kept rows from being read. They are left out. @default none */
  readonly unreadable?: readonly UnreadableRecordError[] | undefined
}

/** How many grants of one client are in one state. */
export interface GrantCount {
  readonly client: string
  readonly state: 'active' | 'reauthorization_required'
  readonly count: number
}

/** What a deletion deleted. */
export interface DeleteAnswer {
  /** The deleted record, also when the deletion is repeated within a minute; absent: that login was not there. */
  readonly record?: GrantRecord | undefined
  readonly now: number
}

/** Which grants to renew next. */
export interface DueRequest {
  readonly before: number
  readonly limit: number
  /** @default 0 */
  readonly reserveMs?: number | undefined
}

/**
 * Where grants are kept. Each operation is atomic; time is the store's own clock; a commit is durable before its promise resolves.
 * Every operation may reject; then its outcome is unknown and the caller repeats it unchanged.
 * `storeOver` in `evergrant/store` makes one over a small backend; `storeContract` in `evergrant/testing` proves an implementation.
 * Records are frozen. The last parameter of `claim`, `commit` and `release`, `seen`, is the record that the caller works from, as this
 * store returned it: it saves a store that reads before it writes a round trip, and may be ignored.
 */
export interface GrantStore {
  /** Whether nothing of it outlives the process: then `Grants` needs no sealing keys. @default false */
  readonly volatile?: boolean
  /** Small texts by name, next to the grants. */
  readonly documents?: Documents | undefined
  read(key: GrantKey): Promise<{ record?: GrantRecord | undefined; now: number }>
  /**
   * Writes a login: replaces what is there with version + 1, no lease, no intent, no failures.
   * A login that it replaces leaves a tombstone, as a deleted one does.
   * When the record or a tombstone already has that id nothing changes and the record is returned: a retry is harmless.
   * With `expect`, only while id and version of what is there are those.
   */
  put(key: GrantKey, grant: NewGrant, expect?: Expectation): Promise<CommitAnswer>
  claim(key: GrantKey, request: ClaimRequest, seen?: GrantRecord): Promise<ClaimAnswer>
  /** Writes token or verdict, version + 1, ends any lease; a token ends the intent too, a verdict closes it. */
  commit(key: GrantKey, commit: TokenCommit | VerdictCommit, seen?: GrantRecord): Promise<CommitAnswer>
  /** Ends the owner's lease; another's is left alone. */
  release(key: GrantKey, request: ReleaseRequest, seen?: GrantRecord): Promise<void>
  /** Replaces the sealed envelope by the same one sealed anew, if it is still the old one; version and times stay. */
  reseal(key: GrantKey, request: { id: string; from: string; to: string }): Promise<boolean>
  /** True for the first caller that uses this id within `ttlMs`, and again for the same `by`: single use of pending logins. */
  once(id: string, ttlMs: number, by: string): Promise<boolean>
  /** Deletes that login's grant only; leaves a tombstone of its id for a day. */
  delete(key: GrantKey, request: { id: string }): Promise<DeleteAnswer>
  /** All grants that fit. Each that is there from beginning to end comes once. */
  list(filter?: ListFilter): AsyncIterable<GrantRecord>
  /** @throws ConfigError for an `after` that is no cursor */
  page?: ((request: PageRequest) => Promise<GrantPage>) | undefined
  counts?: ((filter?: { readonly client?: string | undefined }) => Promise<readonly GrantCount[]>) | undefined
  /**
   * Active grants, of no newer schema, whose `refreshAfter`, back-off and lease are past at `before` (store time), the longest due first.
   * With `reserveMs`, each is returned to one caller only during that time, unless it is written in between: workers then share the due grants.
   */
  due(request: DueRequest): Promise<{ records: readonly GrantRecord[]; now: number }>
  /** Reads the change feed. */
  changes?: ((request: ChangesRequest) => Promise<ChangesAnswer>) | undefined
  close(): Promise<void>
}
