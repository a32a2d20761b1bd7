import type { ReauthorizationReason } from '../model/errors.ts'
import type { GrantKey } from '../model/grant-key.ts'
import { withoutFuture } from '../stores/rules.ts'
import type { GrantRecord } from '../stores/store.ts'

/** What is known of a grant, without any secret. Times are whole milliseconds since the epoch. */
export interface GrantStatus extends GrantKey {
  /** The login's id: a grant that was disconnected and connected again has another one. */
  readonly id: string
  /** 1 at first, +1 at each refresh and each change of state. */
  readonly version: number
  /** `reauthorization_required`: only the user can bring it back. */
  readonly state: 'active' | 'reauthorization_required'
  readonly reason?: ReauthorizationReason
  /** Whether it can be renewed without the user. */
  readonly renewable: boolean
  /** Expiry of the current access token; absent: unknown. */
  readonly expiresAt?: number
  /** End of the refresh token, where the provider states one. */
  readonly refreshTokenExpiresAt?: number
  /** From here on the next refresh is due. */
  readonly nextRefreshAt?: number
  /** No refresh is tried before, after failures. */
  readonly backoffUntil?: number
  readonly scope?: readonly string[]
  /** When the last refresh returned a token; absent before the first one. */
  readonly lastRefreshedAt?: number
  /** The last failure since the current token, if any. */
  readonly lastError?: { readonly code: string; readonly at: number; readonly count: number }
  readonly createdAt: number
  readonly updatedAt: number
}

/** One grant of a list. */
export interface ListedGrant extends GrantStatus {
  /** Where a list goes on after this grant: `list({ after: cursor })`. */
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
