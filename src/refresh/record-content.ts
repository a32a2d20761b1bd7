import type { Token } from '../model/token.ts'
import type { GrantContent } from '../stores/store.ts'
import type { ResolvedPolicy } from './policy.ts'

/** Makes the clear part of a record for a token (in the store's time). */
export function contentOf(
  token: Token,
  sealed: string,
  options: { policy: ResolvedPolicy; obtainable: boolean; dead?: GrantContent['reason'] },
): GrantContent {
  const renewable = options.obtainable || token.refreshToken !== undefined
  return {
    state: options.dead === undefined ? 'active' : 'reauthorization_required',
    reason: options.dead,
    sealed,
    renewable,
    expiresAt: token.expiresAt,
    refreshAfter: renewable ? refreshAfter(token, options.policy) : undefined,
    refreshTokenExpiresAt: token.refreshTokenExpiresAt,
    scope: token.scope,
    lastRefreshedAt: token.receivedAt,
  }
}

/** Spreads due times, so that grants of one moment do not become due together. */
const SPREAD = 0.2

function refreshAfter(token: Token, policy: ResolvedPolicy): number | undefined {
  const { earlyMs, spentMs } = policy.margins(token)
  const early =
    token.expiresAt === undefined
      ? undefined
      : token.expiresAt - Math.max(earlyMs, spentMs) * (1 - SPREAD * Math.random())
  const renewal = policy.renewal(token)?.dueAt
  return early === undefined ? renewal : Math.min(early, renewal ?? early)
}
