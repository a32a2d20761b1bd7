import type { ProviderStats } from '@evergrant/provider'

/** One of the calls, with times in milliseconds since the side's start. */
export interface StormCall {
  /** When this call sent a refresh, if it did. */
  readonly askedAt?: number
  readonly endedAt: number
  readonly answered: boolean
  /** The resource's status, or the reason why there was none. */
  readonly result: string
}

/** The result of one side of the storm. */
export interface StormSide {
  readonly calls: readonly StormCall[]
  /** When refreshes were sent. */
  readonly askedAt: readonly number[]
  readonly durationMs: number
  readonly answered: number
  /** Counted by the provider: requests with a refresh token. */
  readonly redemptions: number
  /** Counted by the provider: old refresh tokens that were sent again. */
  readonly reuseDetections: number
  /** Counted by the provider: grants that it revoked for reuse. */
  readonly revocations: number
  /** Whether the grant can still be refreshed at the end. */
  readonly alive: boolean
  readonly verdict: string
}

export interface SideParts {
  readonly count: number
  /** Makes one call. */
  readonly call: (asked: () => void) => Promise<Response>
  /** Tries a refresh at the end. */
  readonly isAlive: () => Promise<boolean>
  /** The provider's counters for this side. */
  readonly stats: () => ProviderStats
  /** When refreshes were sent, if the calls themselves do not know. */
  readonly askedAt?: (startedAt: number) => readonly number[]
}

/** Makes all calls at once, waits for each of them, and reads the provider's counters. */
export async function runSide({ askedAt, call, count, isAlive, stats }: SideParts): Promise<StormSide> {
  const before = stats()
  const startedAt = Date.now()
  const start = performance.now()
  const since = (): number => Math.round(performance.now() - start)
  const calls = await Promise.all(Array.from({ length: count }, () => makeCall(call, since)))
  const durationMs = since()
  const after = stats()
  const asked = askedAt?.(startedAt) ?? calls.flatMap((each) => each.askedAt ?? [])
  const counted = {
    answered: calls.filter(({ answered }) => answered).length,
    redemptions: after.tokenRequests.refresh_token - before.tokenRequests.refresh_token,
    reuseDetections: after.reuseDetections - before.reuseDetections,
    revocations: after.revocations - before.revocations,
    alive: await isAlive(),
  }
  return {
    calls,
    askedAt: asked,
    durationMs,
    ...counted,
    verdict: verdictOf(counted),
  }
}

async function makeCall(call: SideParts['call'], since: () => number): Promise<StormCall> {
  let askedAt: number | undefined
  let answered = false
  let result: string
  try {
    const response = await call(() => (askedAt = since()))
    await response.body?.cancel()
    answered = response.ok
    result = String(response.status)
  } catch (error) {
    result = error instanceof Error ? error.name : 'failed'
  }
  return { endedAt: since(), answered, result, ...(askedAt !== undefined && { askedAt }) }
}

type Counted = Pick<StormSide, 'alive' | 'answered' | 'redemptions' | 'reuseDetections' | 'revocations'>

/** One sentence about what was counted. */
export function verdictOf({ alive, answered, redemptions, reuseDetections, revocations }: Counted): string {
  const facts = [
    counted(redemptions, 'redemption'),
    ...(reuseDetections > 0 ? ['reuse detected'] : []),
    ...(revocations > 0 ? ['grant revoked'] : []),
    ...(alive ? [counted(answered, 'response')] : []),
  ].join(', ')
  return alive ? facts : `${facts}: the user must log in again`
}

function counted(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
