import { GrantNotFoundError } from '../model/errors.ts'
import type { GrantKey } from '../model/grant-key.ts'
import type { Logger } from '../model/logger.ts'
import type { GrantStore, ListFilter } from '../stores/store.ts'
import type { LiveGrant } from '../refresh/live-grant.ts'
import { eachRecord } from './list-grants.ts'
import { ManyAttempts } from './unfinished.ts'

/** What operations on many grants require. */
export interface ManyGrants {
  readonly store: GrantStore
  readonly logger: Logger | undefined
}

/**
 * Ends all grants of a subject by `end`, which returns whether there was one. Returns the number of grants.
 * @throws UnfinishedError, StoreError
 */
export async function disconnectAll(
  { store, logger }: ManyGrants,
  subject: string,
  end: (key: GrantKey) => Promise<boolean>,
): Promise<number> {
  const attempts = new ManyAttempts('disconnectSubject()', logger)
  const records = eachRecord(store, { subject }, (error) => attempts.failed(error, error.key))
  await attempts.each(records, ({ key }) => attempts.one(key, () => end(key)))
  return attempts.end()
}

/**
 * Tries the matching ended grants again. Returns how many are active again.
 * @throws UnfinishedError, StoreError
 */
export async function recheckAll(
  { store, logger }: ManyGrants,
  filter: Omit<ListFilter, 'state'>,
  liveGrantOf: (key: GrantKey) => LiveGrant,
): Promise<number> {
  const attempts = new ManyAttempts('recheck()', logger)
  const dead = { ...filter, state: 'reauthorization_required' } as const
  const records = eachRecord(store, dead, (error) => attempts.failed(error, error.key))
  await attempts.each(records, ({ key }) =>
    attempts.one(key, async () => {
      try {
        return await liveGrantOf(key).recheck()
      } catch (error) {
        // The grant was disconnected in the meantime: there is nothing to try.
        if (error instanceof GrantNotFoundError) return false
        throw error
      }
    }),
  )
  return attempts.end()
}
