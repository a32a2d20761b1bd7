import type { Meter } from '@opentelemetry/api'
import type { GrantEvents, GrantListener } from '../model/events.ts'
import { CLIENT, REASON } from './attributes.ts'

/** Adds a listener of `Grants` or of a session. */
export type Listen = <K extends keyof GrantEvents>(event: K, listener: GrantListener<K>) => () => void

/**
 * Counts events that no activity shows. `firstRetry` is the number of the first attempt to save that is a retry.
 * Returns a function that stops it.
 */
export function countEvents(listen: Listen, meter: Meter, { firstRetry }: { readonly firstRetry: number }): () => void {
  const retries = meter.createCounter('evergrant.save.retries', {
    description: 'Retries to save a new token.',
    unit: '{retry}',
  })
  const ended = meter.createCounter('evergrant.grants.ended', {
    description: 'Grants that ended, so that their users must log in again.',
    unit: '{grant}',
  })
  const suspects = meter.createCounter('evergrant.client.suspects', {
    description: 'Times that a client registration seemed broken.',
    unit: '{event}',
  })
  const stops = [
    listen('save_delayed', ({ attempts, key }) => {
      if (attempts >= firstRetry) retries.add(1, { [CLIENT]: key.client })
    }),
    listen('reauthorization_required', ({ key, reason }) => ended.add(1, { [CLIENT]: key.client, [REASON]: reason })),
    listen('client_suspect', ({ client }) => suspects.add(1, { [CLIENT]: client })),
  ]
  return () => {
    for (const stop of stops) stop()
  }
}
