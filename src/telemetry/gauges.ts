import type { Meter, ObservableResult } from '@opentelemetry/api'
import type { StoredGrants } from '../model/observable.ts'
import { CLIENT, STATE } from './attributes.ts'

/** Observes what the store has. Each collection reads it. Returns a function that stops it. */
export function observeStored(stored: StoredGrants, meter: Meter): () => void {
  const grants = meter.createObservableGauge('evergrant.grants', {
    description: 'Stored grants.',
    unit: '{grant}',
  })
  const oldest = meter.createObservableGauge('evergrant.grants.oldest_due.age', {
    description: 'Time since the oldest due grant became due.',
    unit: 's',
  })
  const onCount = async (result: ObservableResult): Promise<void> => {
    for (const { client, count, state } of await stored.counts())
      result.observe(count, { [CLIENT]: client, [STATE]: state })
  }
  const onAge = async (result: ObservableResult): Promise<void> => {
    result.observe((await stored.oldestDueMs()) / 1000)
  }
  grants.addCallback(onCount)
  oldest.addCallback(onAge)
  return () => {
    grants.removeCallback(onCount)
    oldest.removeCallback(onAge)
  }
}
