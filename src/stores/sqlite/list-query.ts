import type { ListFilter } from '../store.ts'
import type { SqliteValue } from './database.ts'
import { select, subjectText } from './rows.ts'

export interface ListQuery {
  /** Its first parameter is the key after which the page begins. */
  readonly sql: string
  /** The key before the first page. */
  readonly from: string
  /** The parameters after the first. */
  readonly parameters: readonly SqliteValue[]
}

/** The query for one page of a list, in the order of the encoded keys. A client's keys all begin alike: they are a range of the primary key. */
export function listQuery(table: string, filter: ListFilter | undefined, limit: number): ListQuery {
  const from = filter?.client === undefined ? '[' : `[${JSON.stringify(filter.client)},`
  const conditions = ['key > ?', 'key < ?']
  // The character after the prefix's last one: nothing with the prefix is beyond it.
  const parameters: SqliteValue[] = [from.slice(0, -1) + String.fromCharCode(from.charCodeAt(from.length - 1) + 1)]
  if (filter?.subject !== undefined) {
    conditions.push('subject = ?')
    parameters.push(subjectText(filter.subject))
  }
  // As a literal: only then SQLite takes the index of the dead grants.
  if (filter?.state === 'reauthorization_required') conditions.push("state = 'reauthorization_required'")
  if (filter?.state === 'active') conditions.push("state = 'active'")
  return {
    sql: `${select(table)} WHERE ${conditions.join(' AND ')} ORDER BY key LIMIT ${limit}`,
    from,
    parameters,
  }
}
