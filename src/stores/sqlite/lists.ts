import { nextTurn } from '../../util/async.ts'
import type { Row, RowCount, RowIndex, RowPageRequest } from '../backend.ts'
import { byBytes, clientOfKey, keyRange } from '../lists.ts'
import type { Connection, SqliteValue } from './connection.ts'

/** Runs a read. */
export type Read = <T>(work: (connection: Connection) => T) => Promise<T>

/** The columns of a `Row`. */
export const ROW = 'key, revision, entry, sealed'

/** Number of keys that one statement reads, if not every row matches. */
const KEYS_AT_ONCE = 500

/** Number of keys that one statement counts. */
const COUNTED_AT_ONCE = 5_000

/** Up to this many due rows are found and sorted faster than rows in the order of keys are searched for them. */
const FEW = 10_000

const GRANT_STATES = ['active', 'reauthorization_required'] as const

interface Conditions {
  readonly sql: string
  readonly values: readonly SqliteValue[]
}

/** A page's rows start at `begin`, and end before `below`. */
interface Search extends RowPageRequest {
  readonly begin: Conditions
  readonly below: string
}

/**
 * Reads one page. Each statement takes a few milliseconds at most. Between two, other work gets a turn of the event
 * loop.
 */
export async function readPage(
  read: Read,
  table: string,
  request: RowPageRequest,
): Promise<{ rows: readonly Row[]; next?: string | undefined }> {
  const { prefix, after, limit } = request
  const { from, below } = keyRange(prefix)
  const isAfter = after !== undefined && byBytes(after, from) > 0
  const begin = { sql: isAfter ? 'key > ?' : 'key >= ?', values: [isAfter ? after : from] }
  const search = (await areFewDue(read, table, request)) ? dueRows : rowsInOrder
  // One more than requested: whether there is a next page.
  const rows = await search(read, table, { ...request, limit: limit + 1, begin, below })
  return { rows: rows.slice(0, limit), next: rows.length > limit ? rows[limit - 1]?.key : undefined }
}

async function areFewDue(read: Read, table: string, { subject, dueBefore }: RowPageRequest): Promise<boolean> {
  if (dueBefore === undefined || subject !== undefined) return false
  const due = `SELECT 1 FROM ${table} INDEXED BY ${table}_due WHERE due_at <= ? LIMIT ${FEW + 1}`
  const sql = `SELECT count(*) AS count FROM (${due})`
  const { count } = (await read((connection) => connection.get(sql, dueBefore))) as { count: number }
  return count <= FEW
}

/** Finds rows in the index of due rows, and sorts them by their keys. */
function dueRows(read: Read, table: string, search: Search): Promise<readonly Row[]> {
  const { state, dueBefore = 0, begin, below, limit } = search
  const states = statesOf(state)
  const keys =
    `SELECT key FROM ${table} INDEXED BY ${table}_due WHERE due_at <= ? AND ${begin.sql} AND key < ? ` +
    `AND ${states.sql} ORDER BY key LIMIT ?`
  const sql = `SELECT ${ROW} FROM ${table} WHERE key IN (${keys}) ORDER BY key`
  const values = [dueBefore, ...begin.values, below, ...states.values, limit]
  return read((connection) => connection.all(sql, ...values) as Row[])
}

/** Finds rows in the order of an index's keys. */
async function rowsInOrder(read: Read, table: string, search: Search): Promise<readonly Row[]> {
  const { subject, state, dueBefore, begin, below, limit } = search
  const index = indexOf(table, subject, state)
  const states = statesOf(state)
  const due = dueBefore === undefined ? { sql: '', values: [] } : { sql: ' AND due_at <= ?', values: [dueBefore] }
  const end = (first: string): string =>
    `SELECT key FROM ${index.sql} AND ${first} AND key < ? ORDER BY key LIMIT 1 OFFSET ${KEYS_AT_ONCE - 1}`
  const page = (first: string, last: string): string =>
    `SELECT ${ROW} FROM ${index.sql} AND ${first} AND key ${last} ? AND ${states.sql}${due.sql} ORDER BY key LIMIT ?`
  const rows: Row[] = []
  for (let from = begin; ;) {
    const last = await read((connection) => {
      const found = connection.get(end(from.sql), ...index.values, ...from.values, below) as { key: string } | undefined
      const sql = page(from.sql, found === undefined ? '<' : '<=')
      const values = [...index.values, ...from.values, found?.key ?? below, ...states.values, ...due.values]
      rows.push(...(connection.all(sql, ...values, limit - rows.length) as Row[]))
      return found?.key
    })
    if (last === undefined || rows.length === limit) return rows
    from = { sql: 'key > ?', values: [last] }
    await nextTurn()
  }
}

/** The index in the order of keys with the fewest other rows. It is named, because SQLite may choose another one. */
function indexOf(table: string, subject: string | undefined, state: RowIndex['state']): Conditions {
  const by = `${table} INDEXED BY`
  if (subject !== undefined) return { sql: `${by} ${table}_by_subject WHERE subject = ?`, values: [subject] }
  if (state !== undefined) return { sql: `${by} ${table}_by_state WHERE state = ?`, values: [state] }
  return { sql: `${by} sqlite_autoindex_${table}_1 WHERE true`, values: [] }
}

function statesOf(state: RowIndex['state']): Conditions {
  return state === undefined ? { sql: 'state IS NOT NULL', values: [] } : { sql: 'state = ?', values: [state] }
}

/** Counts grants client by client, in the index that has their keys by state. */
export async function countRows(read: Read, table: string, prefix: string): Promise<readonly RowCount[]> {
  const { from, below } = keyRange(prefix)
  const index = `SELECT key FROM ${table} INDEXED BY ${table}_by_state WHERE state = ?`
  const first = `${index} AND key >= ? AND key < ? ORDER BY key LIMIT 1`
  const next = async (state: string, begin: string): Promise<string | undefined> => {
    await nextTurn()
    const row = await read((connection) => connection.get(first, state, begin, below))
    return (row as { key: string } | undefined)?.key
  }
  const counts: RowCount[] = []
  for (const state of GRANT_STATES) {
    for (let key = await next(state, from); key !== undefined;) {
      const client = clientOfKey(key)
      counts.push({ key: client, state, count: await countRange(read, index, state, client) })
      key = await next(state, keyRange(client).below)
    }
  }
  return counts
}

async function countRange(read: Read, index: string, state: string, prefix: string): Promise<number> {
  const { from, below } = keyRange(prefix)
  const sql =
    'SELECT count(*) AS count, max(key) AS last FROM ' +
    `(${index} AND key > ? AND key < ? ORDER BY key LIMIT ${COUNTED_AT_ONCE})`
  let sum = 0
  for (let after = from; ; await nextTurn()) {
    const { count, last } = (await read((connection) => connection.get(sql, state, after, below))) as {
      readonly count: number
      readonly last: string
    }
    sum += count
    if (count < COUNTED_AT_ONCE) return sum
    after = last
  }
}
