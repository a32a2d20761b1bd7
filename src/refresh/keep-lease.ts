import type { Flight, Redeeming } from './redeeming.ts'

/** The holder keeps its lease while its request is out or its token unsaved, until `ended` or until another has taken it. */
export async function keepLease(context: Redeeming, flight: Flight, ended: AbortSignal): Promise<void> {
  const { clock, key, policy, store } = context
  const { id, version } = flight.record
  while (!ended.aborted) {
    try {
      const request = { id, version, owner: flight.owner, leaseMs: policy.leaseMs, settleMs: policy.settleMs }
      const answer = await store.claim(key, request)
      if (answer.outcome !== 'claimed') return
    } catch {
      // The store is down: the commit needs no lease, and the next turn may find it up.
    }
    try {
      await clock.delay(policy.leaseMs / 3, ended)
    } catch {
      return
    }
  }
}
