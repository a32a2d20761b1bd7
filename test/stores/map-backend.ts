import type { Backend, Found, Row, RowFilter, RowIndex, Write } from '../../src/stores/backend.ts'
import type { Change } from '../../src/stores/changes.ts'

interface Kept extends Row {
  index: RowIndex
}

/** The smallest backend: a Map. All of an operation happens before its first wait, which makes it atomic. */
export class MapBackend implements Backend {
  readonly volatile = true
  readonly rows: Map<string, Kept> = new Map<string, Kept>()
  readonly feed: Change[] = []
  readonly #epoch: string = crypto.randomUUID()
  readonly #now: () => number

  constructor(now: () => number = Date.now) {
    this.#now = () => Math.floor(now())
  }

  async read(key: string): Promise<Found> {
    return { now: this.#now(), row: this.#row(key) }
  }

  async swap(
    key: string,
    from: string | undefined,
    to: string,
    write: Write,
  ): Promise<Found & { readonly swapped: boolean }> {
    const now = this.#now()
    const row = this.rows.get(key)
    if (row?.revision !== from || now > (write.notAfter ?? now)) return { swapped: false, now, row: this.#row(key) }
    const { entry, sealed = row?.sealed ?? '', index, change } = write
    this.rows.set(key, { key, revision: to, entry, sealed, index })
    if (change !== undefined) this.feed.push(change)
    return { swapped: true, now }
  }

  async *list({ prefix, subject, state }: RowFilter): AsyncGenerator<Row> {
    for (const { index, ...row } of this.rows.values()) {
      if (!row.key.startsWith(prefix) || index.state === undefined) continue
      if (subject !== undefined && index.subject !== subject) continue
      if (state === undefined || index.state === state) yield row
    }
  }

  async due({ before, limit, reserveMs, schema }: Parameters<Backend['due']>[0]): ReturnType<Backend['due']> {
    const due = [...this.rows.values()]
      .filter(({ index }) => (index.dueAt ?? Number.POSITIVE_INFINITY) <= before && (index.schema ?? 0) <= schema)
      .sort((a, b) => (a.index.dueAt ?? 0) - (b.index.dueAt ?? 0))
      .slice(0, limit)
    if (reserveMs !== undefined) for (const row of due) row.index = { ...row.index, dueAt: before + reserveMs }
    return { rows: due.map(({ index: _index, ...row }) => row), now: this.#now() }
  }

  async changes({
    after = `${this.#epoch}.0`,
    limit,
  }: {
    after?: string | undefined
    limit: number
  }): ReturnType<NonNullable<Backend['changes']>> {
    const [epoch, from] = after.split('.')
    if (epoch !== this.#epoch) return { expired: true, changes: [], next: `${this.#epoch}.${this.feed.length}` }
    const changes = this.feed.slice(Number(from), Number(from) + limit)
    return { changes, next: `${this.#epoch}.${Number(from) + changes.length}` }
  }

  async close(): Promise<void> {
    // Nothing is held.
  }

  #row(key: string): Row | undefined {
    const row = this.rows.get(key)
    return row === undefined ? undefined : { key, revision: row.revision, entry: row.entry, sealed: row.sealed }
  }
}
