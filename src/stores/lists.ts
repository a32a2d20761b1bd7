import { ConfigError } from '../model/errors.ts'
import { decodeKey, encodeKey } from '../model/grant-key.ts'
import { nextTurn } from '../util/async.ts'
import type { ChangesRequest } from './changes.ts'
import { dueSince, matchesFilter } from './rules.ts'
import type { GrantCount, GrantPage, GrantRecord, PageRequest } from './store.ts'

/** Maximum number of records of one page: they are read in one turn of the event loop. */
const MOST = 500

/** Number of records that are checked before other work gets a turn of the event loop. */
const AT_ONCE = 1000

/** Returns the prefix of the keys of a client's grants, or of all grants. */
export function clientPrefix(client?: string): string {
  return client === undefined ? '[' : `[${JSON.stringify(client)},`
}

/** No key starts with this many highest characters. */
const HIGHEST = '\u{10ffff}'.repeat(64)

/** Returns the range of all keys with a prefix: from the first text, and below the second. */
export function keyRange(prefix: string): { readonly from: string; readonly below: string } {
  return { from: prefix, below: `${prefix}${HIGHEST}` }
}

/** Returns the prefix of the keys of a row's client, as in `RowCount.key`. */
export function clientOfKey(key: string): string {
  // The text as it is stored, because a search continues after it.
  const [start] = /^\["(?:[^"\\]|\\.)*",/s.exec(key) ?? []
  return start ?? key
}

/** Compares texts by their UTF-8 bytes, as databases do: by code points, unlike JavaScript's own order. */
export function byBytes(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let index = 0; index < length; index += 1) {
    const [x, y] = [a.charCodeAt(index), b.charCodeAt(index)]
    if (x !== y) return rank(x) - rank(y)
  }
  return a.length - b.length
}

/** Surrogates represent code points above all others. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit
}

/** Returns the limit, or the maximum of one page. @throws ConfigError for a limit that is not a number of records */
export function pageLimit(limit: number, most: number = MOST): number {
  if (Number.isInteger(limit) && limit > 0) return Math.min(limit, most)
  throw new ConfigError(`Expected limit to be a whole number, 1 or more, got ${String(limit)}.`)
}

/** How many changes to read at once. @throws ConfigError for a limit that is no number of changes */
export const changesLimit = ({ limit = 100 }: ChangesRequest): number => pageLimit(limit, 10_000)

/** @throws ConfigError for a text that no page returned as a cursor */
export function assertCursor(after: string | undefined): void {
  if (after === undefined || (typeof after === 'string' && decodeKey(after) !== undefined)) return
  throw new ConfigError(
    'Expected after to be the cursor of a listed grant or a page. Leave it out to list from the beginning.',
  )
}

/**
 * Makes a page for a store that cannot search in the order of keys. It checks all records, so it returns the requested
 * length.
 */
export async function collectPage(all: AsyncIterable<GrantRecord>, request: PageRequest): Promise<GrantPage> {
  const { after, limit } = request
  let found: { key: string; record: GrantRecord }[] = []
  const cut = (): void => {
    found = found.sort((a, b) => byBytes(a.key, b.key)).slice(0, limit + 1)
  }
  for await (const record of inTurns(all)) {
    const key = encodeKey(record.key)
    if (!fits(record, request) || (after !== undefined && byBytes(key, after) <= 0)) continue
    found.push({ key, record })
    if (found.length > 2 * limit) cut()
  }
  cut()
  const page = found.slice(0, limit)
  return { records: page.map(({ record }) => record), next: found.length > limit ? page.at(-1)?.key : undefined }
}

/** Records that can be found in the order of their keys. */
export interface SortedRecords {
  readonly names: readonly string[]
  readonly get: (name: string) => GrantRecord | undefined
}

/** Returns a page of records in their order. */
export function orderedPage({ names, get }: SortedRecords, request: PageRequest): GrantPage {
  const limit = pageLimit(request.limit)
  const prefix = clientPrefix(request.client)
  const { after = prefix } = request
  const records: GrantRecord[] = []
  for (let index = indexAfter(names, byBytes(after, prefix) > 0 ? after : prefix); index < names.length; index += 1) {
    const name = names[index] ?? ''
    if (!name.startsWith(prefix)) break
    const record = get(name)
    if (record === undefined || !fits(record, request)) continue
    if (records.length === limit) return { records, next: encodeKey((records.at(-1) ?? record).key) }
    records.push(record)
  }
  return { records }
}

/** Index of the first name after this text. */
function indexAfter(names: readonly string[], text: string): number {
  let [low, high] = [0, names.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (byBytes(names[middle] ?? '', text) > 0) high = middle
    else low = middle + 1
  }
  return low
}

function fits(record: GrantRecord, request: PageRequest): boolean {
  const { dueBefore } = request
  const isDue = dueBefore === undefined || (dueSince(record) ?? Number.POSITIVE_INFINITY) <= dueBefore
  return isDue && matchesFilter(record, request)
}

export async function countByClient(all: AsyncIterable<GrantRecord>): Promise<readonly GrantCount[]> {
  const counts = new Map<string, { -readonly [K in keyof GrantCount]: GrantCount[K] }>()
  for await (const { key, state } of inTurns(all)) {
    const name = JSON.stringify([key.client, state])
    const known = counts.get(name)
    if (known === undefined) counts.set(name, { client: key.client, state, count: 1 })
    else known.count += 1
  }
  return sortedCounts([...counts.values()])
}

/** Sorts counts by client and state. */
export function sortedCounts(counts: readonly GrantCount[]): readonly GrantCount[] {
  return counts.toSorted((a, b) => byBytes(clientPrefix(a.client), clientPrefix(b.client)) || byBytes(a.state, b.state))
}

/** Returns the same with turns of the event loop in between. */
export async function* inTurns<T>(all: AsyncIterable<T>): AsyncGenerator<T> {
  let count = 0
  for await (const each of all) {
    yield each
    if ((count += 1) % AT_ONCE === 0) await nextTurn()
  }
}
