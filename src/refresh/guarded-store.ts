import type { Clock } from '../util/clock.ts'
import { ConfigError, StoreError, isEvergrantError } from '../model/errors.ts'
import { nextTurn, within } from '../util/async.ts'
import { Secrets } from '../util/redact.ts'
import type { Documents } from '../stores/documents.ts'
import type { GrantStore } from '../stores/store.ts'

/** Time after which a store that does not respond has failed. The outcome of its operation is unknown. */
const STORE_TIMEOUT_MS = 10_000

/** Counting a million grants, or searching them without an index, takes seconds. No caller of a token waits for it. */
const SEARCH_TIMEOUT_MS = 60_000

/** Number of list steps before other work gets a turn of the event loop. */
const AT_ONCE = 100

type Guard = <T>(operation: string, work: () => Promise<T>, timeoutMs?: number) => Promise<T>

/**
 * Wraps the store for the refresh layer: every failure is a StoreError, and no operation or list step hangs forever.
 * Closed, it rejects everything, whatever the store does.
 */
export function guardedStore(store: GrantStore, clock: Required<Clock>): GrantStore {
  let closed: Promise<void> | undefined
  const ask: Guard = async <T>(operation: string, work: () => Promise<T>, timeoutMs = STORE_TIMEOUT_MS) => {
    // A store may throw or return at once instead of returning a promise.
    const outcome = new Promise<T>((resolve) => resolve(work())).then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    )
    const known = await within(outcome, clock, timeoutMs)
    if (known === undefined) {
      throw new StoreError(
        `The store did not respond to '${operation}' within ${timeoutMs} ms. Nothing is lost; try again.`,
      )
    }
    if ('value' in known) return known.value
    if (isEvergrantError(known.error)) throw known.error
    throw new StoreError(`The store failed at '${operation}'. Nothing is lost; try again.`, {
      cause: new Secrets().cause(known.error),
    })
  }
  const guard: Guard = async (operation, work, timeoutMs) => {
    if (closed !== undefined) throw new ConfigError('These grants were closed. Create new ones.')
    return ask(operation, work, timeoutMs)
  }
  const answered = async <T extends object>(operation: string, work: () => Promise<T>): Promise<T> => {
    const answer: unknown = await guard(operation, work)
    if (typeof answer === 'object' && answer !== null) return answer as T
    throw new StoreError(
      `The store returned ${String(answer)} from '${operation}', which breaks the store contract. Run storeContract() from 'evergrant/testing' on it.`,
    )
  }
  const { documents, page, counts, changes } = store
  return {
    volatile: store.volatile ?? false,
    documents: documents && guardedDocuments(documents, guard, ask),
    read: (key) => answered('read', () => store.read(key)),
    put: (key, grant, expect) => answered('put', () => store.put(key, grant, expect)),
    claim: (key, request, seen) => answered('claim', () => store.claim(key, request, seen)),
    commit: (key, commit, seen) => answered('commit', () => store.commit(key, commit, seen)),
    release: (key, request, seen) => guard('release', () => store.release(key, request, seen)),
    reseal: (key, request) => guard('reseal', () => store.reseal(key, request)),
    once: (id, ttlMs, by) => guard('once', () => store.once(id, ttlMs, by)),
    delete: (key, request) => answered('delete', () => store.delete(key, request)),
    list: (filter) => guardedList('list', () => store.list(filter), guard, ask),
    page: page && ((request) => guard('page', () => page.call(store, request), SEARCH_TIMEOUT_MS)),
    counts: counts && ((filter) => guard('counts', () => counts.call(store, filter), SEARCH_TIMEOUT_MS)),
    due: (request) => answered('due', () => store.due(request)),
    changes: changes && ((request) => guard('changes', () => changes.call(store, request))),
    close: () => {
      const closing = closed ?? ask('close', () => store.close())
      closed = closing
      return closing
    },
  }
}

function guardedDocuments(documents: Documents, guard: Guard, ask: Guard): Documents {
  return {
    get: (name) => guard('documents.get', () => documents.get(name)),
    put: (name, value, options) => guard('documents.put', () => documents.put(name, value, options)),
    delete: (name, options) => guard('documents.delete', () => documents.delete(name, options)),
    list: (prefix) => guardedList('documents.list', () => documents.list(prefix), guard, ask),
  }
}

/**
 * Each step of the list may take as long as a search: a store without an index reads everything to find the first
 * grant.
 */
async function* guardedList<T>(
  operation: string,
  open: () => AsyncIterable<T>,
  guard: Guard,
  ask: Guard,
): AsyncGenerator<T> {
  const iterator = await guard(operation, async () => open()[Symbol.asyncIterator]())
  let taking = false
  try {
    for (let steps = 1; ; steps += 1) {
      taking = true
      const step = await guard(operation, () => iterator.next(), SEARCH_TIMEOUT_MS)
      taking = false
      if (step.done === true) return
      yield step.value
      if (steps % AT_ONCE === 0) await nextTurn()
    }
  } finally {
    const end = async (): Promise<unknown> => iterator.return?.()
    // A list that hangs or has failed is closed without waiting.
    const ending = ask(operation, end).catch(() => undefined)
    if (!taking) await ending
  }
}
