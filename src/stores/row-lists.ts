import { UnreadableRecordError } from '../model/errors.ts'
import { decodeKey } from '../model/grant-key.ts'
import type { Backend, Row, RowFilter } from './backend.ts'
import { assertCursor, clientPrefix, collectPage, countByClient, pageLimit, sortedCounts } from './lists.ts'
import { decodeRow } from './record.ts'
import { matchesFilter } from './rules.ts'
import { remember } from './seen.ts'
import {
  type DueRequest,
  type GrantCount,
  type GrantPage,
  type GrantRecord,
  type ListFilter,
  type PageRequest,
  RECORD_SCHEMA,
} from './store.ts'

/** Number of rows that are read at once. */
const PAGE = 100

/** Many grants of a backend. One unreadable row hides no other. */
export class RowLists {
  readonly #backend: Backend
  readonly #assertOpen: () => void

  constructor(backend: Backend, assertOpen: () => void) {
    this.#backend = backend
    this.#assertOpen = assertOpen
  }

  async *list(filter: ListFilter | undefined): AsyncGenerator<GrantRecord> {
    const unreadable: UnreadableRecordError[] = []
    yield* this.#readable(filter, unreadable)
    if (unreadable[0] !== undefined) throw unreadable[0]
  }

  async page(request: PageRequest): Promise<GrantPage> {
    assertCursor(request.after)
    const limit = pageLimit(request.limit)
    const unreadable: UnreadableRecordError[] = []
    if (this.#backend.page === undefined) {
      return { ...(await collectPage(this.#readable(request, unreadable), request)), unreadable }
    }
    const { after } = request
    const dueBefore = request.dueBefore === undefined ? undefined : Math.floor(request.dueBefore)
    const { rows, next } = await this.#backend.page({ ...rowFilter(request), after, dueBefore, limit })
    return { records: rows.flatMap((row) => readable(unreadable, () => recordIn(row)) ?? []), next, unreadable }
  }

  async counts(filter: { readonly client?: string | undefined }): Promise<readonly GrantCount[]> {
    if (this.#backend.counts === undefined) return countByClient(this.list(filter))
    const counts = await this.#backend.counts({ prefix: clientPrefix(filter.client) })
    const named = counts.flatMap(({ key, state, count }) => {
      const client = decodeKey(`${key}"",""]`)?.client
      return client === undefined ? [] : [{ client, state: state as GrantRecord['state'], count }]
    })
    return sortedCounts(named)
  }

  async due(
    { before, limit, reserveMs = 0 }: DueRequest,
    recordOf: (row: Row, now: number) => GrantRecord | undefined,
  ): Promise<{ records: readonly GrantRecord[]; now: number }> {
    const { rows, now } = await this.#backend.due({
      before: Math.floor(before),
      limit: Math.min(limit, 2 ** 31 - 1),
      reserveMs: reserveMs > 0 ? Math.round(reserveMs) : undefined,
      schema: RECORD_SCHEMA,
    })
    // An omitted row shows its problem when it is read alone.
    return { records: rows.flatMap((row) => readable([], () => recordOf(row, now)) ?? []), now }
  }

  /** Returns active grants that are due at or before this time, and others if the backend cannot select. */
  async *dueBefore(moment: number): AsyncGenerator<GrantRecord> {
    const filter = { state: 'active', dueBefore: moment, limit: PAGE } as const
    if (this.#backend.page === undefined) yield* this.#readable(filter, [])
    else {
      let after: string | undefined
      do {
        const { records, next } = await this.page({ ...filter, after })
        yield* records
        after = next
      } while (after !== undefined)
    }
  }

  async *#readable(filter: ListFilter | undefined, unreadable: UnreadableRecordError[]): AsyncGenerator<GrantRecord> {
    for await (const row of this.#backend.list(rowFilter(filter))) {
      this.#assertOpen()
      const record = readable(unreadable, () => recordIn(row))
      if (record !== undefined && matchesFilter(record, filter)) yield record
    }
  }
}

function recordIn(row: Row): GrantRecord | undefined {
  const { record } = decodeRow(row)
  return record && remember(record)
}

/** Returns what is read. For an unreadable row nothing, and its error is recorded. */
export function readable<T>(unreadable: UnreadableRecordError[], read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof UnreadableRecordError)) throw error
    unreadable.push(error)
    return undefined
  }
}

function rowFilter(filter: ListFilter = {}): RowFilter {
  const { client, subject, state } = filter
  return { prefix: clientPrefix(client), subject: subject === undefined ? undefined : JSON.stringify(subject), state }
}
