import type { ListFilter } from '../store.ts'
import { RECORD } from './rows.ts'
import type { Tables } from './schema.ts'
import { type Statement, statement } from './statement.ts'

/** How many records one page of a list has. */
export const PAGE = 100

/** One page of a list. */
export interface ListQuery {
  readonly page: Statement<'after' | 'below' | 'subject'>
  /** The key before the first page. */
  readonly from: string
  /** All keys of the list are below it. */
  readonly below: string
  /** The subject as it is stored; null without one in the filter. */
  readonly subject: string | null
}

/** The query for the pages of a list, in the order of the encoded keys' bytes. A client's keys all begin alike: they are a range of the primary key. */
export function listQuery({ grants }: Tables, filter: ListFilter | undefined): ListQuery {
  const from = filter?.client === undefined ? '[' : `[${JSON.stringify(filter.client)},`
  const conditions = ['g.key > :after::text', 'g.key < :below::text']
  if (filter?.subject !== undefined) conditions.push('g.subject = :subject::text')
  // As a literal: only then the planner can take the index of the dead grants.
  conditions.push(filter?.state === undefined ? "g.state <> 'deleted'" : `g.state = '${stateNamed(filter.state)}'`)
  return {
    page: statement(
      `SELECT ${RECORD} FROM ${grants} AS g WHERE ${conditions.join(' AND ')} ORDER BY g.key LIMIT ${PAGE}`,
    ),
    from,
    // The character after the prefix's last one: nothing with the prefix is beyond it.
    below: from.slice(0, -1) + String.fromCharCode(from.charCodeAt(from.length - 1) + 1),
    subject: filter?.subject === undefined ? null : JSON.stringify(filter.subject),
  }
}

function stateNamed(state: string): string {
  return state === 'active' ? 'active' : 'reauthorization_required'
}
