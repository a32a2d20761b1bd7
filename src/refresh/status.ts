import type { ReauthorizationReason } from '../errors.ts'
import type { GrantKey } from '../grant-key.ts'
import type { GrantRecord } from '../stores/store.ts'

/** What is known of a grant, without any secret. Times are milliseconds since the epoch. */
export interface GrantStatus extends GrantKey {
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
  readonly lastRefreshedAt?: number
  /** The last failure since the current token, if any. */
  readonly lastError?: { readonly code: string; readonly at: number; readonly count: number }
  readonly createdAt: number
  readonly updatedAt: number
}

export function statusOf(record: GrantRecord, now: number): GrantStatus {
  const { failures } = record
  return Object.freeze({
    ...record.key,
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
