import { ConfigError, type UnreadableRecordError } from '../model/errors.ts'
import { encodeKey } from '../model/grant-key.ts'
import { nextTurn } from '../util/async.ts'
import type { ChangesAnswer, ChangesRequest } from '../stores/changes.ts'
import { assertCursor, collectPage, countByClient, pageLimit } from '../stores/lists.ts'
import type { GrantCount, GrantPage, GrantRecord, GrantStore, ListFilter, PageRequest } from '../stores/store.ts'
import { type ListedGrant, statusOf } from '../refresh/status.ts'

/** Which grants to list, and where to start. */
export interface ListOptions extends ListFilter {
  /** The `cursor` of a listed grant: the list starts after it. @default the beginning */
  readonly after?: string | undefined
  /** Maximum number of grants. @default all */
  readonly limit?: number | undefined
  /** Only grants whose next refresh is due at or before this time, in ms since the epoch. */
  readonly dueBefore?: number | undefined
}

/** Number of records that are read in one turn of the event loop. */
const PAGE = 500

/** Lists the grants of a store in the order of their keys, read in pages. */
export async function* listGrants(
  store: GrantStore,
  options: ListOptions,
): AsyncGenerator<ListedGrant, void, undefined> {
  const { limit = Number.MAX_SAFE_INTEGER, ...filter } = options
  pageLimit(limit)
  assertFilter(filter)
  const unreadable: UnreadableRecordError[] = []
  const { now } = await store.read({ client: '', subject: '', account: '' })
  let left = limit
  for (let after = filter.after, more = true; more; more = after !== undefined && left > 0) {
    const page = await pageOf(store, { ...filter, after, limit: left })
    for (const record of page.records) yield Object.freeze({ ...statusOf(record, now), cursor: encodeKey(record.key) })
    unreadable.push(...(page.unreadable ?? []))
    left -= page.records.length
    after = page.next
    await nextTurn()
  }
  // Readable records come first: one damaged record must not hide the others.
  if (unreadable[0] !== undefined) throw unreadable[0]
}

/** @throws ConfigError for values that match no grant */
function assertFilter({ state, dueBefore }: ListOptions): void {
  if (state !== undefined && state !== 'active' && state !== 'reauthorization_required')
    throw new ConfigError(`Expected state to be 'active' or 'reauthorization_required', got '${String(state)}'.`)
  if (dueBefore !== undefined && !Number.isSafeInteger(Math.floor(dueBefore)))
    throw new ConfigError(`Expected dueBefore to be milliseconds since the epoch, got ${String(dueBefore)}.`)
}

/**
 * Lists the matching records, for work on each of them. If the store has pages, none of its responses and no turn of
 * the event loop takes longer than a page. Unreadable records are left out and passed to `onUnreadable`.
 */
export async function* eachRecord(
  store: GrantStore,
  filter: ListFilter,
  onUnreadable: (error: UnreadableRecordError) => void,
): AsyncGenerator<GrantRecord, void, undefined> {
  if (store.page === undefined) {
    yield* store.list(filter)
    return
  }
  for (let after: string | undefined, more = true; more; more = after !== undefined) {
    const page = await store.page({ ...filter, after, limit: PAGE })
    for (const error of page.unreadable ?? []) onUnreadable(error)
    yield* page.records
    after = page.next
    await nextTurn()
  }
}

async function pageOf(store: GrantStore, request: PageRequest): Promise<GrantPage> {
  if (store.page !== undefined) return store.page(request)
  assertCursor(request.after)
  return collectPage(store.list(request), request)
}

export async function countGrants(
  store: GrantStore,
  filter: { readonly client?: string | undefined },
): Promise<readonly GrantCount[]> {
  return store.counts === undefined ? countByClient(store.list(filter)) : store.counts(filter)
}

/** @throws ConfigError for a store without a feed */
export async function readChanges(store: GrantStore, request: ChangesRequest): Promise<ChangesAnswer> {
  if (store.changes !== undefined) return store.changes(request)
  throw new ConfigError('This store has no change feed. Use the SQLite, PostgreSQL, Redis or memory store.')
}
