import type { Clock } from '../clock.ts'
import { StoreError, isEvergrantError } from '../errors.ts'
import { Secrets } from '../redact.ts'
import type { GrantStore } from '../stores/store.ts'
import { before } from './before.ts'

/** A store that does not answer for so long has failed: its operation's outcome is unknown. */
const STORE_TIMEOUT_MS = 10_000

/** The store as the refresh layer uses it: what it throws is a StoreError, and no operation hangs for ever. */
export function guardedStore(store: GrantStore, clock: Required<Clock>): GrantStore {
  const guard = async <T>(operation: string, work: () => Promise<T>): Promise<T> => {
    const outcome = work().then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    )
    const known = await before(outcome, clock, STORE_TIMEOUT_MS)
    if (known === undefined) {
      throw new StoreError(
        `The store did not answer '${operation}' within ${STORE_TIMEOUT_MS} ms. Nothing is lost; try again.`,
      )
    }
    if ('value' in known) return known.value
    if (isEvergrantError(known.error)) throw known.error
    throw new StoreError(`The store failed at '${operation}'. Nothing is lost; try again.`, {
      cause: new Secrets().cause(known.error),
    })
  }
  return {
    volatile: store.volatile ?? false,
    read: (key) => guard('read', () => store.read(key)),
    put: (key, grant, expect) => guard('put', () => store.put(key, grant, expect)),
    claim: (key, request) => guard('claim', () => store.claim(key, request)),
    commit: (key, commit) => guard('commit', () => store.commit(key, commit)),
    release: (key, request) => guard('release', () => store.release(key, request)),
    reseal: (key, request) => guard('reseal', () => store.reseal(key, request)),
    once: (id, ttlMs) => guard('once', () => store.once(id, ttlMs)),
    delete: (key, request) => guard('delete', () => store.delete(key, request)),
    list: (filter) => store.list(filter),
    due: (request) => guard('due', () => store.due(request)),
    close: () => store.close(),
  }
}
