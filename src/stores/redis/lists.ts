import type { Row, RowCount, RowPageRequest } from '../backend.ts'
import { byBytes, clientOfKey, keyRange } from '../lists.ts'
import { type Connection, replyText } from './connection.ts'
import { firstOf } from './due-index.ts'
import { bucketOf, type Keys, type Part, type Place, subjectOf } from './keys.ts'
import * as scripts from './scripts.ts'

/** Number of rows that one script reads: the server does nothing else at that time. */
const ROWS_AT_ONCE = 100

/** Maximum number of keys of one search in the lists. */
const KEYS_AT_ONCE = 1000

/** The state whose rows have their own list: they are few, and often searched. */
export const DEAD = 'reauthorization_required'

/** Rows in the order of their keys over all buckets. */
export class Lists {
  readonly #connection: Connection
  readonly #keys: Keys

  constructor(connection: Connection, keys: Keys) {
    this.#connection = connection
    this.#keys = keys
  }

  /**
   * Returns the matching rows. By prefix, subject and the state `DEAD` only those are read. For the other states and
   * `dueBefore`, rows are read and checked in batches.
   */
  async *rows(filter: Omit<RowPageRequest, 'limit'>, first: number = ROWS_AT_ONCE): AsyncGenerator<Row> {
    const { prefix, after, subject, state } = filter
    const buckets = subject === undefined ? this.#keys.buckets : [bucketOf(subject)]
    const { below } = keyRange(prefix)
    let from = after !== undefined && byBytes(after, prefix) >= 0 ? `(${after}` : `[${prefix}`
    for (let limit = first; ; limit = Math.min(2 * limit, KEYS_AT_ONCE)) {
      const places = await this.#first(buckets, state === DEAD ? 'dead' : 'list', { from, below, limit })
      const wanted = subject === undefined ? places : places.filter(({ key }) => subjectOf(key) === subject)
      for (const batch of batches(wanted)) yield* await this.#read(batch, filter)
      if (places.length < limit) return
      from = `(${places.at(-1)?.key ?? ''}`
    }
  }

  /** Counts each client's range, and finds the first key after it: no row is read. */
  async counts(prefix: string): Promise<readonly RowCount[]> {
    const { buckets } = this.#keys
    const names = (bucket: number): string[] => [this.#keys.of(bucket, 'list'), this.#keys.of(bucket, 'dead')]
    const end = `(${keyRange(prefix).below}`
    const counts: RowCount[] = []
    for (let [key, below] = [prefix, prefix]; ;) {
      const range = [`[${key}`, `(${below}`, `[${below}`, end]
      const found = (await this.#connection.each(scripts.count, buckets, names, range)) as [
        unknown,
        unknown,
        unknown[],
      ][]
      const dead = found.reduce((sum, [, count]) => sum + Number(replyText(count)), 0)
      const active = found.reduce((sum, [all]) => sum + Number(replyText(all)), 0) - dead
      if (active > 0) counts.push({ key, state: 'active', count: active })
      if (dead > 0) counts.push({ key, state: DEAD, count: dead })
      const [first] = found.flatMap(([, , keys]) => keys.map(replyText)).sort(byBytes)
      if (first === undefined) return counts
      key = clientOfKey(first)
      below = keyRange(key).below
    }
  }

  /** Returns the first keys of a range. */
  #first(
    buckets: readonly number[],
    list: Part,
    { from, below, limit }: { readonly from: string; readonly below: string; readonly limit: number },
  ): Promise<readonly Place[]> {
    const order = (a: Place, b: Place): number => byBytes(a.key, b.key)
    return firstOf({ limit, lists: buckets.length, order }, async (count) => {
      const names = (bucket: number): string[] => [this.#keys.of(bucket, list)]
      const found = await this.#connection.each(scripts.keys, buckets, names, [from, `(${below}`, `${count}`])
      return (found as unknown[][]).map((keys, index) =>
        keys.map((key) => ({ bucket: buckets[index] as number, key: replyText(key) })),
      )
    })
  }

  /** Returns those of these rows that still exist and match. */
  async #read(places: readonly Place[], { state, dueBefore }: Omit<RowPageRequest, 'limit'>): Promise<readonly Row[]> {
    const names = ({ bucket, key }: Place): string[] => [this.#keys.of(bucket, `row:${key}`)]
    const found = (await this.#connection.each(scripts.rows, places, names, [])) as unknown[][]
    return found.flatMap((fields, index) => {
      const [itsState, due] = fields.slice(3).map(replyText)
      if (state !== undefined && itsState !== state) return []
      if (dueBefore !== undefined && (due === '' || Number(due) > dueBefore)) return []
      return rowOf(places[index]?.key ?? '', fields) ?? []
    })
  }
}

/** The row of a reply, if there is one. */
export function rowOf(key: string, [revision, entry, sealed]: readonly unknown[]): Row | undefined {
  if (revision === null || revision === undefined) return undefined
  return { key, revision: replyText(revision), entry: replyText(entry), sealed: replyText(sealed) }
}

export function* batches<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let first = 0; first < items.length; first += ROWS_AT_ONCE) yield items.slice(first, first + ROWS_AT_ONCE)
}
