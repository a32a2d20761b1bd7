import type { AccessToken, Token } from '../model/token.ts'
import type { CachedGrant } from './cached-grant.ts'
import { youngMs, type ResolvedPolicy } from './policy.ts'

/** What one caller wants of the token. */
export interface Want {
  readonly minValidityMs?: number | undefined
  readonly rejected?: string | undefined
}

export function isExpired(token: Pick<AccessToken, 'expiresAt'>, now: number): boolean {
  return token.expiresAt !== undefined && token.expiresAt <= now
}

/** Whether the answer gave the token no life at all (`expires_in` of 0 or less): it is for the callers of that refresh only. */
export function isBornSpent(token: Token): boolean {
  return token.expiresAt !== undefined && token.expiresAt <= token.receivedAt
}

/** Whether a held token serves a caller (`fresh`), serves it while a refresh starts (`early`), or another one is wanted. */
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
    // More than a whole lifetime can't be had: one refresh answers it for all who ask, not one per call.
    if (want.minValidityMs <= lifetime || now - token.receivedAt >= youngMs(token)) return 'wanting'
  }
  return (early || left <= earlyMs) && renewable ? 'early' : 'fresh'
}

/** Whether the current token may be handed out although another one is wanted and can't be had. */
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
