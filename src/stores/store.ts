import type { ReauthorizationReason, UnreadableRecordError } from '../model/errors.ts'
import type { GrantKey } from '../model/grant-key.ts'
import type { ChangesAnswer, ChangesRequest } from './changes.ts'
import type { Documents } from './documents.ts'

/** Which process may redeem the grant's refresh token, and until when (store time). */
export interface Lease {
  readonly owner: string
  readonly until: number
  /** How long it was given for. An `until` further ahead comes from a clock that was set back since. */
  readonly leaseMs?: number | undefined
}

/**
 * The durable record, written with the lease, that a refresh token is about to be redeemed. All times are the store's.
 */
export interface Intent {
  /** When the first attempt with this refresh token that may still have an unknown outcome was claimed. */
  readonly startedAt: number
  /** The latest time at which its holder may still send. */
  readonly sendBefore: number
  /**
   * How long after its claim its holder may send. A `sendBefore` further ahead comes from a clock that was set back
   * since.
   */
  readonly sendWithinMs?: number | undefined
  /** 1, or more if an attempt of unknown outcome came before. */
  readonly attempt: number
  /** A prefix of the refresh token's hash: distinguishes refresh tokens, reveals none. */
  readonly hash: string
  /** Whether the outcome is not known (yet). */
  readonly open: boolean
  /** Whether any attempt with this refresh token ended without a known outcome. */
  readonly everUnknown: boolean
}

/** What has failed since the last committed token. */
export interface Failures {
  readonly code: string
  /** Number of consecutive failures. */
  readonly count: number
  readonly firstAt: number
  readonly lastAt: number
  /** Time before which no process tries again (store time). */
  readonly notBefore: number
  /** Whether the provider itself named that time (`Retry-After`): then even a manual refresh respects it. */
  readonly mandatory: boolean
}

/** What a login or a refresh writes. */
export interface GrantContent {
  readonly state: 'active' | 'reauthorization_required'
  readonly reason?: ReauthorizationReason | undefined
  /** The sealed envelope, opaque to the store. */
  readonly sealed: string
  /** Whether the grant can be refreshed without the user. */
  readonly renewable: boolean
  /** Expiry of the access token (store time). */
  readonly expiresAt?: number | undefined
  /** Time from which the keep-fresh worker refreshes it (store time). Absent: never. */
  readonly refreshAfter?: number | undefined
  readonly refreshTokenExpiresAt?: number | undefined
  readonly scope?: readonly string[] | undefined
  /** Time of the last token from the provider (store time). */
  readonly lastRefreshedAt?: number | undefined
}

/** A grant after a login. */
export interface NewGrant extends GrantContent {
  /** Random, 128 bits, made once per login: a grant that was deleted and made again is another grant. */
  readonly id: string
  /** Version of this record's form. A release that does not know it leaves the record unchanged. */
  readonly schema: number
  /** Where the refresh token came from: the server's issuer, or its token endpoint if it has none. */
  readonly issuer: string
  readonly clientId: string
}

/** One grant in the store. */
export interface GrantRecord extends NewGrant {
  readonly key: GrantKey
  /** Incremented at every committed change of token or state, and by nothing else. */
  readonly version: number
  readonly lease?: Lease | undefined
  readonly intent?: Intent | undefined
  readonly failures?: Failures | undefined
  /** Owner of the lease that wrote the verdict: it recognizes its own when it repeats the commit. */
  readonly verdictBy?: string | undefined
  readonly createdAt: number
  /** When token or state last changed. */
  readonly updatedAt: number
}

/** Version of the records' form that this release writes. */
export const RECORD_SCHEMA = 1

/** Requests the right to redeem the refresh token of one version of a grant. */
export interface ClaimRequest {
  readonly id: string
  readonly version: number
  /** A new id for each flight, not for each process. */
  readonly owner: string
  readonly leaseMs: number
  /** Settle time of an open intent after its `sendBefore`, in ms. Until then the claim is `busy`. */
  readonly settleMs: number
  /**
   * An open intent that was first started less than this many ms ago may be taken over at once: the provider has a
   * grace period, or does not rotate. @default 0
   */
  readonly repeatWithinMs?: number | undefined
  /** The intent to write. Absent: the present owner renews its lease, and the intent stays. */
  readonly intent?: { readonly hash: string; readonly sendWithinMs: number } | undefined
  /** Whether to ignore the record's back-off, unless it is mandatory. */
  readonly force?: boolean | undefined
}

/**
 * Every result has the store's time (`now`).
 * - `claimed`: the owner has the lease; `takeover` if an open intent was taken over
 * - `changed`: id or version differ now (no record: deleted)
 * - `busy`: another owner's lease or an open intent blocks the claim, for `waitMs` from now. `leaseMs` of it is the
 *   lease's (0: no lease)
 * - `later`: the record's back-off lasts until `until`
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

/**
 * A new token for the grant. It needs id and version but not the lease: with reuse detection it is the only valid one.
 */
export interface TokenCommit extends GrantContent {
  readonly id: string
  readonly version: number
  /** Version of the written form, if it differs from the record's. @default as it was */
  readonly schema?: number | undefined
  /** Kept in the record if the token is only half usable. Absent clears what was there. */
  readonly failures?: Failures | undefined
}

/**
 * Marks the grant as ended. It needs id, version **and** the lease's owner. The lease may have expired, but no other
 * process may have taken it.
 */
export interface VerdictCommit {
  readonly id: string
  readonly version: number
  readonly owner: string
  readonly verdict: ReauthorizationReason
}

/** The result of a write. */
export interface CommitAnswer {
  /**
   * Whether this call wrote, or found what it would have written: a repeated `put` while its own login is there, a
   * repeated verdict. A repeated token commit returns false, with its own record.
   */
  readonly committed: boolean
  /** The current record, this call's or the one that won. Absent if there is none. */
  readonly record?: GrantRecord | undefined
  readonly now: number
}

/** What a `put` must find: that id and version, or, with an undefined id, nothing. */
export interface Expectation {
  readonly id: string | undefined
  readonly version?: number | undefined
}

/** Returns a lease, and says what is known of the refresh token. */
export interface ReleaseRequest {
  readonly owner: string
  /**
   * `no`: the refresh token was certainly not used, and the intent is closed. `unknown`: it may have been used, and the
   * intent stays open for the settle time.
   */
  readonly spent: 'no' | 'unknown'
  /**
   * With `unknown`: a complete response arrived, so that no request is in flight. The intent is closed, but remembered
   * as once unknown. @default false
   */
  readonly settled?: boolean | undefined
  readonly failures?: Failures | undefined
}

/** Which grants to list: all that match every given member. */
export interface ListFilter {
  readonly client?: string | undefined
  readonly subject?: string | undefined
  readonly state?: 'active' | 'reauthorization_required' | undefined
}

/** One page of a list, in the order of the encoded keys' bytes. */
export interface PageRequest extends ListFilter {
  /** `next` of the previous page. @default the beginning */
  readonly after?: string | undefined
  /** Maximum number of grants. The store may return fewer, with `next`. */
  readonly limit: number
  /** Only grants whose next refresh is due at or before this time (store time). */
  readonly dueBefore?: number | undefined
}

/** Some grants of a list. */
export interface GrantPage {
  readonly records: readonly GrantRecord[]
  /** Where the next page starts. Absent: there is none. */
  readonly next?: string | undefined
  /** Errors of unreadable rows, which are left out. @default none */
  readonly unreadable?: readonly UnreadableRecordError[] | undefined
}

/** Number of grants of one client in one state. */
export interface GrantCount {
  readonly client: string
  readonly state: 'active' | 'reauthorization_required'
  readonly count: number
}

/** The result of a deletion. */
export interface DeleteAnswer {
  /** The deleted record, also if the deletion is repeated within a minute. Absent: that login was not there. */
  readonly record?: GrantRecord | undefined
  readonly now: number
}

/** Which grants to refresh next. */
export interface DueRequest {
  readonly before: number
  readonly limit: number
  /** How long the returned grants are reserved, in ms. @default 0 */
  readonly reserveMs?: number | undefined
}

/**
 * Where grants are kept. Each operation is atomic. Time is the store's own clock. A commit is durable before its
 * promise resolves.
 * Every operation may reject; then its outcome is unknown and the caller repeats it unchanged.
 * `storeOver` in `evergrant/store` makes a store over a small backend. `storeContract` in `evergrant/testing` proves an
 * implementation.
 * Records are frozen. `seen`, the last parameter of `claim`, `commit` and `release`, is the record that the caller
 * works from, as this store returned it. It saves a round trip in a store that reads before it writes, and may be
 * ignored.
 */
export interface GrantStore {
  /** Whether its content ends with the process: then `Grants` needs no encryption keys. @default false */
  readonly volatile?: boolean
  /** Small texts by name, next to the grants. */
  readonly documents?: Documents | undefined
  read(key: GrantKey): Promise<{ record?: GrantRecord | undefined; now: number }>
  /**
   * Writes a login: replaces the current record with version + 1, no lease, no intent, no failures. A login that it
   * replaces leaves a tombstone, as a deleted one does. If the record or a tombstone already has that id, nothing
   * changes and the record is returned: a retry is harmless. With `expect`, writes only while the current id and
   * version are those.
   */
  put(key: GrantKey, grant: NewGrant, expect?: Expectation): Promise<CommitAnswer>
  claim(key: GrantKey, request: ClaimRequest, seen?: GrantRecord): Promise<ClaimAnswer>
  /**
   * Writes a token or a verdict, increments `version` and releases any lease. A token removes the intent; a verdict
   * closes it.
   */
  commit(key: GrantKey, commit: TokenCommit | VerdictCommit, seen?: GrantRecord): Promise<CommitAnswer>
  /** Releases the owner's lease. Another owner's stays. */
  release(key: GrantKey, request: ReleaseRequest, seen?: GrantRecord): Promise<void>
  /** Replaces the sealed envelope by the resealed one, if it is still the old one. Version and times stay. */
  reseal(key: GrantKey, request: { id: string; from: string; to: string }): Promise<boolean>
  /**
   * Resolves to true for the first caller that uses this id within `ttlMs`, and again for the same `by`: single use of
   * pending logins.
   */
  once(id: string, ttlMs: number, by: string): Promise<boolean>
  /** Deletes only that login's grant, and leaves a tombstone of its id for a day. */
  delete(key: GrantKey, request: { id: string }): Promise<DeleteAnswer>
  /** Lists all matching grants. A grant that is present from beginning to end is returned once. */
  list(filter?: ListFilter): AsyncIterable<GrantRecord>
  /** Lists one page of grants. @throws ConfigError for an `after` that is not a cursor */
  page?: ((request: PageRequest) => Promise<GrantPage>) | undefined
  counts?: ((filter?: { readonly client?: string | undefined }) => Promise<readonly GrantCount[]>) | undefined
  /**
   * Returns active grants, of no newer schema, whose `refreshAfter`, back-off and lease are past at `before` (store
   * time), the longest due first. With `reserveMs`, each is returned to one caller only during that time, unless it is
   * written in between. Workers then share the due grants.
   */
  due(request: DueRequest): Promise<{ records: readonly GrantRecord[]; now: number }>
  /** Reads the change feed. */
  changes?: ((request: ChangesRequest) => Promise<ChangesAnswer>) | undefined
  close(): Promise<void>
}
