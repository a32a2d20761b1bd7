import { idleDelay } from '../util/clock.ts'
import { isEvergrantError } from '../model/errors.ts'
import type { ReleaseRequest } from '../stores/store.ts'
import type { Flight, RedemptionContext } from './redemption.ts'

/**
 * Renews the lease while its request is in flight or its token unsaved: until `ended`, another process takes it, or it
 * is no longer `wanted`.
 */
export async function keepLease(
  context: RedemptionContext,
  flight: Flight,
  ended: AbortSignal,
  wanted: () => boolean = () => true,
): Promise<void> {
  const { clock, key, policy, store } = context
  const { id, version } = flight.record
  while (!ended.aborted && wanted()) {
    try {
      const request = { id, version, owner: flight.owner, leaseMs: policy.leaseMs, settleMs: policy.settleMs }
      const answer = await store.claim(key, request)
      if (answer.outcome !== 'claimed') return
    } catch {
      // The store is down. The commit needs no lease, and the store may be up at the next turn.
    }
    try {
      await idleDelay(clock, policy.leaseMs / 3, ended)
    } catch {
      return
    }
  }
}

/**
 * Releases a lease and records what is known of its request. If that fails, the lease expires and an open intent is
 * waited for: safe, only slower.
 */
export async function releaseLease(
  { key, logger, store }: RedemptionContext,
  { owner, record }: Flight,
  request: Omit<ReleaseRequest, 'owner'>,
): Promise<void> {
  try {
    await store.release(key, { owner, ...request }, record)
  } catch (error) {
    logger?.warn('evergrant: a lease could not be released', {
      code: isEvergrantError(error) ? error.code : 'unexpected_error',
    })
  }
}
