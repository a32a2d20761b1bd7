import type { Backend, Row, RowCount, RowPageRequest } from '../../src/stores/backend.ts'
import { byBytes, clientOfKey } from '../../src/stores/lists.ts'
import { MapBackend } from '../stores/map-backend.ts'

/** A backend over a Map with every optional member. */
export class FullBackend extends MapBackend {
  async page({ after = '', limit, dueBefore, ...filter }: RowPageRequest): ReturnType<NonNullable<Backend['page']>> {
    const found: Row[] = []
    for await (const row of this.list(filter)) {
      const dueAt = this.rows.get(row.key)?.index.dueAt ?? Number.POSITIVE_INFINITY
      if (byBytes(row.key, after) > 0 && (dueBefore === undefined || dueAt <= dueBefore)) found.push(row)
    }
    const rows = found.sort((a, b) => byBytes(a.key, b.key)).slice(0, limit)
    return { rows, next: found.length > limit ? rows.at(-1)?.key : undefined }
  }

  async counts({ prefix = '[' }: { prefix?: string | undefined }): Promise<readonly RowCount[]> {
    const counts = new Map<string, RowCount>()
    for (const { key, index } of this.rows.values()) {
      if (index.state === undefined || index.state === 'document' || !key.startsWith(prefix)) continue
      const client = clientOfKey(key)
      const name = `${client} ${index.state}`
      counts.set(name, { key: client, state: index.state, count: (counts.get(name)?.count ?? 0) + 1 })
    }
    return [...counts.values()]
  }
}
