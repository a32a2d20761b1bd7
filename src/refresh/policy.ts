import { ConfigError } from '../model/errors.ts'
import type { ProviderRefresh } from '../model/provider.ts'
import type { Token } from '../model/token.ts'

/**
 * When and how a grant is refreshed. Explicit values override the provider's data, which overrides the defaults. The
 * caps apply to defaults only. All durations are milliseconds.
 */
export interface RefreshPolicy {
  /**
   * Time before expiry at which a background refresh starts, in ms. 0 turns it off. @default 300_000, at most 20 % of
   * the lifetime
   */
  readonly earlyMs?: number | undefined
  /**
   * Time before expiry at which callers wait for a new token, in ms. If none is available, they get the current one
   * until it expires. @default 10_000, at most 5 % of the lifetime
   */
  readonly spentMs?: number | undefined
  /**
   * Whether to refresh and retry once when a resource refuses the token: with a 401, or with a response that the
   * provider's `rejected` names. Only for bodies that can be sent again. @default true
   */
  readonly retry401?: boolean | undefined
  /** Maximum time between comparisons of a token in memory with the store, in ms. @default 30_000 */
  readonly revalidateMs?: number | undefined
  /**
   * How long a process may hold the lease, in ms. Must exceed the client's `timeoutMs`. @default timeoutMs + 5_000,
   * both shortened to fit the provider's `reuseGraceMs`
   */
  readonly leaseMs?: number | undefined
  /** How long a response may still arrive after its deadline, in ms. @default timeoutMs + 5_000 */
  readonly settleMs?: number | undefined
  /** How long a caller waits for another process's refresh, in ms. @default 30_000 */
  readonly waitMs?: number | undefined
}

/** The margins before one token's expiry. */
export interface Margins {
  readonly earlyMs: number
  readonly spentMs: number
}

/** A policy with every value decided for one provider. */
export interface ResolvedPolicy {
  readonly revalidateMs: number
  /** Deadline of one token request, in ms. */
  readonly timeoutMs: number
  readonly leaseMs: number
  readonly settleMs: number
  readonly waitMs: number
  /** See `ClaimRequest.repeatWithinMs`. */
  readonly repeatWithinMs: number
  /**
   * Whether a repeat after a lost response is known to be harmless, so that it need not wait until the access token is
   * spent.
   */
  readonly forgiving: boolean
  margins(token: Pick<Token, 'receivedAt' | 'expiresAt'>): Margins
  /**
   * When a grant is refreshed although its access token is valid: its refresh token ends, or the provider ends idle
   * grants. Absent: never.
   */
  renewal(token: Pick<Token, 'receivedAt' | 'refreshTokenExpiresAt'>): Renewal | undefined
}

/** When a refresh is due for another reason than the access token, in the time of the token. */
export interface Renewal {
  /** Start of the background refresh. */
  readonly dueAt: number
  /** Time from which callers of the token wait for it. */
  readonly overdueAt: number
}

const DEFAULT_EARLY_MS = 300_000
const DEFAULT_EARLY_SHARE = 0.2
const DEFAULT_SPENT_MS = 10_000
const DEFAULT_SPENT_SHARE = 0.05
const DEFAULT_REVALIDATE_MS = 30_000
export const DEFAULT_WAIT_MS = 30_000
/** Share of the lifetime of a refresh token or an idle grant after which it is refreshed. */
const RENEWAL_SHARE = 0.8
const OVERDUE_SHARE = 0.9
/**
 * How much longer than the request's deadline a lease lasts, for the claim and the commit. Also how long after its
 * deadline a response may arrive.
 */
const SLACK_MS = 5_000

/** A repeat is always harmless: the provider does not rotate, or nothing is consumed. */
const ALWAYS = Number.MAX_SAFE_INTEGER

/** Checks a policy's numbers. @throws ConfigError that names the first wrong one */
export function checkPolicy(policy: RefreshPolicy, timeoutMs?: number): void {
  for (const name of ['earlyMs', 'spentMs', 'revalidateMs', 'leaseMs', 'settleMs', 'waitMs'] as const) {
    const value = policy[name]
    if (value !== undefined && !(Number.isFinite(value) && value >= 0)) {
      throw new ConfigError(`Expected policy.${name} to be 0 or more milliseconds, got ${shown(value)}.`)
    }
  }
  if (timeoutMs !== undefined && policy.leaseMs !== undefined && policy.leaseMs <= timeoutMs) {
    throw new ConfigError(
      `Expected policy.leaseMs to be longer than the client's timeoutMs (${timeoutMs}), got ${policy.leaseMs}. A lease must outlast its request.`,
    )
  }
}

/**
 * Decides everything that the policy, the provider's data and the client's timeout leave open. `consuming` is false if
 * a repeat consumes nothing.
 */
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
    // A successor must be able to repeat within the grace period: the first holder gets half of it.
    if (policy.leaseMs === undefined) leaseMs = Math.min(leaseMs, grace / 2)
    timeoutMs = Math.min(timeoutMs, (leaseMs * 2) / 3)
    const half = grace < settleMs || provider.reuseGraceUntil === 'time'
    if (policy.settleMs === undefined && half) settleMs = Math.min(settleMs, grace / 2)
  }
  let repeatWithinMs = 0
  if (repeatable) repeatWithinMs = ALWAYS
  else if (grace !== undefined && provider.reuseGraceUntil === 'time') {
    // The repeat is sent within `leaseMs - timeoutMs` and may arrive `settleMs` later: it must arrive within the grace
    // period.
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
  // An end that no refresh moves is no reason for a refresh.
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
  // If a refresh ends the old access token, an early refresh would take it from callers that still use it.
  earlyMs ??=
    provider.endsAccessToken === true ? 0 : Math.min(DEFAULT_EARLY_MS, lifetime * DEFAULT_EARLY_SHARE, earliest)
  return { earlyMs, spentMs }
}

const YOUNG_MS = 60_000
const YOUNG_SHARE = 0.1

/**
 * Time after a refresh for a whole lifetime, or after a refusal, without another refresh for the same reason, in ms.
 */
export function youngMs(token: Pick<Token, 'receivedAt' | 'expiresAt'>): number {
  if (token.expiresAt === undefined) return YOUNG_MS
  return Math.min(YOUNG_MS, Math.max(0, token.expiresAt - token.receivedAt) * YOUNG_SHARE)
}

/** A string in a message is not mistaken for a number. */
function shown(value: unknown): string {
  return typeof value === 'string' ? `the string '${value}'` : String(value)
}
