import type { AccessToken, Token } from '../model/token.ts'
import type { CachedGrant } from './cached-grant.ts'
import { youngMs, type ResolvedPolicy } from './policy.ts'

/** What one caller requires of the token. */
export interface Want {
  readonly minValidityMs?: number | undefined
  readonly rejected?: string | undefined
}

export function isExpired(token: Pick<AccessToken, 'expiresAt'>, now: number): boolean {
  return token.expiresAt !== undefined && token.expiresAt <= now
}

/**
 * Whether the response gave the token no lifetime (`expires_in` of 0 or less). Only the callers of that refresh get it.
 */
export function isBornSpent(token: Token): boolean {
  return token.expiresAt !== undefined && token.expiresAt <= token.receivedAt
}

/**
 * Whether a cached token fits a caller (`fresh`), fits while a refresh starts (`early`), or a different one is needed.
 */
export function freshnessOf(
  held: CachedGrant,
  want: Want,
  policy: ResolvedPolicy,
  now: number,
): 'fresh' | 'early' | 'wanting' {
  const { token } = held
  if (token === undefined) return 'wanting'
  const { renewable } = held.record
  if (want.rejected === token.accessToken && renewable) return 'wanting'
  const renewal = renewable ? policy.renewal(token) : undefined
  if (renewal !== undefined && now >= renewal.overdueAt) return 'wanting'
  const early = renewal !== undefined && now >= renewal.dueAt
  if (token.expiresAt === undefined) return early ? 'early' : 'fresh'
  const left = token.expiresAt - now
  const { earlyMs, spentMs } = policy.margins(token)
  if (left <= (renewable ? spentMs : 0)) return 'wanting'
  if (want.minValidityMs !== undefined && left < want.minValidityMs && renewable) {
    const lifetime = token.expiresAt - token.receivedAt
    // More than a whole lifetime is impossible: one refresh serves every such caller, not one per call.
    if (want.minValidityMs <= lifetime || now - token.receivedAt >= youngMs(token)) return 'wanting'
  }
  return (early || left <= earlyMs) && renewable ? 'early' : 'fresh'
}

/** Whether the current token may be returned although a different one was requested and is unavailable. */
export function servesMeanwhile(
  held: CachedGrant | undefined,
  want: Want,
  now: number,
): held is CachedGrant & { access: AccessToken } {
  if (held?.token === undefined || isExpired(held.token, now)) return false
  if (want.rejected === held.token.accessToken) return false
  if (want.minValidityMs === undefined || held.token.expiresAt === undefined) return true
  return held.token.expiresAt - now >= want.minValidityMs
}
