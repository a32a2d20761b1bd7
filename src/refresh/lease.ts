import { idleDelay } from '../util/clock.ts'
import type { Flight, Redeeming } from './redemption.ts'

/** The holder keeps its lease while its request is out or its token unsaved, until `ended`, or another has taken it, or it is no longer `wanted`. */
export async function keepLease(
  context: Redeeming,
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
      // The store is down: the commit needs no lease, and the next turn may find it up.
    }
    try {
      await idleDelay(clock, policy.leaseMs / 3, ended)
    } catch {
      return
    }
  }
}
