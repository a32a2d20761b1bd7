import { ConfigError } from '../model/errors.ts'
import type { ProviderRefresh } from '../model/provider.ts'
import type { Token } from '../model/token.ts'

/** When and how a grant is refreshed. Explicit values win over the provider's data, which wins over the defaults; the caps apply to defaults only. All durations in milliseconds. */
export interface RefreshPolicy {
  /** From so long before expiry on a refresh starts in the background. 0: never. @default 300_000, at most 20 % of the lifetime */
  readonly earlyMs?: number
  /** From so long before expiry on callers wait for a new token; if none can be had, the current one is handed out until it expires. @default 10_000, at most 5 % of the lifetime */
  readonly spentMs?: number
  /** One refresh and one retry when a resource refuses the token (a 401, or what the provider's data calls `rejected`), for bodies that can be sent again. @default true */
  readonly retry401?: boolean
  /** A cached token is compared with the store at least this often. @default 30_000 */
  readonly revalidateMs?: number
  /** How long a process may hold the right to redeem; longer than the client's `timeoutMs`. @default timeoutMs + 5_000, both shortened to fit the provider's `reuseGraceMs` */
  readonly leaseMs?: number
  /** How long an answer may still be under way after its deadline. @default timeoutMs + 5_000 */
  readonly settleMs?: number
  /** How long a caller waits for another process's refresh. @default 30_000 */
  readonly waitMs?: number
}

/** The margins before one token's expiry. */
export interface Margins {
  readonly earlyMs: number
  readonly spentMs: number
}

/** A policy with everything decided for one provider. */
export interface ResolvedPolicy {
  readonly revalidateMs: number
  /** The deadline of one token request. */
  readonly timeoutMs: number
  readonly leaseMs: number
  readonly settleMs: number
  readonly waitMs: number
  /** See `ClaimRequest.repeatWithinMs`. */
  readonly repeatWithinMs: number
  /** Whether a repeat after a lost answer is known to be harmless, so that it need not wait until the access token is spent. */
  readonly forgiving: boolean
  margins(token: Pick<Token, 'receivedAt' | 'expiresAt'>): Margins
  /** When a grant is to be refreshed although its access token lives: its refresh token ends, or the provider ends idle grants. Absent: never. */
  renewal(token: Pick<Token, 'receivedAt' | 'refreshTokenExpiresAt'>): Renewal | undefined
}

/** In the time of the token. */
export interface Renewal {
  /** From here on in the background. */
  readonly dueAt: number
  /** From here on by whoever asks for the token. */
  readonly overdueAt: number
}

const DEFAULT_EARLY_MS = 300_000
const DEFAULT_EARLY_SHARE = 0.2
const DEFAULT_SPENT_MS = 10_000
const DEFAULT_SPENT_SHARE = 0.05
const DEFAULT_REVALIDATE_MS = 30_000
export const DEFAULT_WAIT_MS = 30_000
/** The shares of a refresh token's or an idle grant's life after which it is refreshed. */
const RENEWAL_SHARE = 0.8
const OVERDUE_SHARE = 0.9
/** What a lease lasts longer than the request's deadline, for the claim and the commit; also how long past its deadline an answer may be on its way. */
const SLACK_MS = 5_000

/** A repeat is always harmless: the provider doesn't rotate, or nothing is consumed. */
const ALWAYS = Number.MAX_SAFE_INTEGER

/** Checks a policy's numbers. @throws ConfigError naming the first wrong one */
export function checkPolicy(policy: RefreshPolicy, timeoutMs?: number): void {
  for (const name of ['earlyMs', 'spentMs', 'revalidateMs', 'leaseMs', 'settleMs', 'waitMs'] as const) {
    const value = policy[name]
    if (value !== undefined && !(Number.isFinite(value) && value >= 0)) {
      throw new ConfigError(`Expected policy.${name} to be a number of milliseconds, 0 or more, got ${String(value)}.`)
    }
  }
  if (timeoutMs !== undefined && policy.leaseMs !== undefined && policy.leaseMs <= timeoutMs) {
    throw new ConfigError(
      `Expected policy.leaseMs (${policy.leaseMs}) to be longer than the client's timeoutMs (${timeoutMs}): a lease must outlive its request.`,
    )
  }
}

/** Decides everything that the policy, the provider's data and the client's timeout leave open. `consuming` is false where a repeat consumes nothing. */
export function resolvePolicy(
  policy: RefreshPolicy,
  provider: ProviderRefresh,
  clientTimeoutMs: number,
  consuming: boolean,
): ResolvedPolicy {
  const repeatable = !consuming || provider.rotates === false
  const grace = repeatable ? undefined : provider.reuseGraceMs
  let timeoutMs = clientTimeoutMs
  let leaseMs = policy.leaseMs ?? timeoutMs + SLACK_MS
  let settleMs = policy.settleMs ?? timeoutMs + SLACK_MS
  if (grace !== undefined && grace > 0) {
    // A successor must still be able to repeat within the window: half of it for the first holder.
    if (policy.leaseMs === undefined) leaseMs = Math.min(leaseMs, grace / 2)
    timeoutMs = Math.min(timeoutMs, (leaseMs * 2) / 3)
    const half = grace < settleMs || provider.reuseGraceUntil === 'time'
    if (policy.settleMs === undefined && half) settleMs = Math.min(settleMs, grace / 2)
  }
  let repeatWithinMs = 0
  if (repeatable) repeatWithinMs = ALWAYS
  else if (grace !== undefined && provider.reuseGraceUntil === 'time') {
    // The repeat is sent within `leaseMs - timeoutMs` and may be on its way for `settleMs`: it must arrive within the grace.
    repeatWithinMs = Math.max(0, grace - (leaseMs - timeoutMs) - settleMs)
  }
  return {
    revalidateMs: policy.revalidateMs ?? DEFAULT_REVALIDATE_MS,
    timeoutMs,
    leaseMs,
    settleMs,
    waitMs: policy.waitMs ?? DEFAULT_WAIT_MS,
    repeatWithinMs,
    forgiving: repeatWithinMs > 0 || (grace !== undefined && grace > 0),
    margins: (token) => margins(policy, provider, token),
    renewal: (token) => renewal(provider, token),
  }
}

function renewal(
  provider: ProviderRefresh,
  { receivedAt, refreshTokenExpiresAt }: Pick<Token, 'receivedAt' | 'refreshTokenExpiresAt'>,
): Renewal | undefined {
  const { absoluteLifetimeMs, idleLifetimeMs, rotates } = provider
  const lives: number[] = idleLifetimeMs === undefined ? [] : [idleLifetimeMs]
  // An end that no refresh moves is no reason for one.
  const moves = rotates !== false && absoluteLifetimeMs === undefined
  if (moves && refreshTokenExpiresAt !== undefined && refreshTokenExpiresAt > receivedAt)
    lives.push(refreshTokenExpiresAt - receivedAt)
  if (lives.length === 0) return undefined
  const life = Math.min(...lives)
  return { dueAt: receivedAt + life * RENEWAL_SHARE, overdueAt: receivedAt + life * OVERDUE_SHARE }
}

function margins(
  policy: RefreshPolicy,
  provider: ProviderRefresh,
  token: Pick<Token, 'receivedAt' | 'expiresAt'>,
): Margins {
  if (token.expiresAt === undefined) return { earlyMs: 0, spentMs: 0 }
  const lifetime = Math.max(0, token.expiresAt - token.receivedAt)
  const earliest = provider.earliestMs ?? Number.POSITIVE_INFINITY
  const spentMs = policy.spentMs ?? Math.min(DEFAULT_SPENT_MS, lifetime * DEFAULT_SPENT_SHARE, earliest)
  let earlyMs = policy.earlyMs
  // Where a refresh ends the old access token, an early one would take it from callers that still use it.
  earlyMs ??=
    provider.endsAccessToken === true ? 0 : Math.min(DEFAULT_EARLY_MS, lifetime * DEFAULT_EARLY_SHARE, earliest)
  return { earlyMs, spentMs }
}

const YOUNG_MS = 60_000
const YOUNG_SHARE = 0.1

/** For so long after one refresh that was for the whole lifetime of a token, or because a resource refused it, there is no other for that reason. */
export function youngMs(token: Pick<Token, 'receivedAt' | 'expiresAt'>): number {
  if (token.expiresAt === undefined) return YOUNG_MS
  return Math.min(YOUNG_MS, Math.max(0, token.expiresAt - token.receivedAt) * YOUNG_SHARE)
}
