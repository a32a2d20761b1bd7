import type { ReauthorizationReason } from '../model/errors.ts'
import type { GrantKey } from '../model/grant-key.ts'
import { withoutFuture } from '../stores/rules.ts'
import type { GrantRecord } from '../stores/store.ts'

/** What is known of a grant, without any secret. Times are whole milliseconds since the epoch. */
export interface GrantStatus extends GrantKey {
  /** Id of the login. A grant that was disconnected and connected again has a different one. */
  readonly id: string
  /** 1 at first, incremented at each refresh and each change of state. */
  readonly version: number
  /** `reauthorization_required`: the grant has ended, and only a login restores it. */
  readonly state: 'active' | 'reauthorization_required'
  readonly reason?: ReauthorizationReason
  /** Whether it can be refreshed without the user. */
  readonly renewable: boolean
  /** Expiry of the current access token. Absent: unknown. */
  readonly expiresAt?: number
  /** End of the refresh token, if the provider states one. */
  readonly refreshTokenExpiresAt?: number
  /** Time at which the worker refreshes the grant. */
  readonly nextRefreshAt?: number
  /** Time before which no refresh is tried, after failures. */
  readonly backoffUntil?: number
  readonly scope?: readonly string[]
  /** Time of the last refresh that returned a token. Absent before the first one. */
  readonly lastRefreshedAt?: number
  /** The last failure since the current token, if any. */
  readonly lastError?: { readonly code: string; readonly at: number; readonly count: number }
  readonly createdAt: number
  readonly updatedAt: number
}

/** One grant of a list. */
export interface ListedGrant extends GrantStatus {
  /** Position after this grant, to continue a list: `list({ after: cursor })`. */
  readonly cursor: string
}

export function statusOf(record: GrantRecord, now: number): GrantStatus {
  const { failures } = withoutFuture(record, now)
  return Object.freeze({
    ...record.key,
    id: record.id,
    version: record.version,
    state: record.state,
    ...(record.reason !== undefined && { reason: record.reason }),
    renewable: record.renewable,
    ...(record.expiresAt !== undefined && { expiresAt: record.expiresAt }),
    ...(record.refreshTokenExpiresAt !== undefined && { refreshTokenExpiresAt: record.refreshTokenExpiresAt }),
    ...(record.refreshAfter !== undefined && record.state === 'active' && { nextRefreshAt: record.refreshAfter }),
    ...(failures !== undefined && failures.notBefore > now && { backoffUntil: failures.notBefore }),
    ...(record.scope !== undefined && { scope: record.scope }),
    ...(record.lastRefreshedAt !== undefined && { lastRefreshedAt: record.lastRefreshedAt }),
    ...(failures !== undefined && { lastError: { code: failures.code, at: failures.lastAt, count: failures.count } }),
    createdAt: record.createdAt,
    updatedAt: record.updatedAt,
  })
}
