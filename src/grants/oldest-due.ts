import type { GrantStore } from '../stores/store.ts'

/**
 * Resolves to the time since the oldest due grant became due, in ms. Grants in progress or backing off are not due. 0
 * if none is due.
 */
export async function oldestDueMs(store: GrantStore): Promise<number> {
  const { now } = await store.read({ client: '', subject: '', account: '' })
  const { records } = await store.due({ before: now, limit: 1 })
  return Math.max(0, now - (records[0]?.refreshAfter ?? now))
}
