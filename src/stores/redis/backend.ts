import type { Backend, DueRows, Found, Row, RowCount, RowFilter, RowPageRequest, Write } from '../backend.ts'
import type { ChangesAnswer } from '../changes.ts'
import { LINGER_MS } from '../sweep.ts'
import { type Connection, replyText } from './connection.ts'
import { firstOf } from './due-index.ts'
import { readFeed } from './feed.ts'
import { type Keys, type Place, placeOf } from './keys.ts'
import { batches, DEAD, Lists, rowOf } from './lists.ts'
import * as scripts from './scripts.ts'

/** The keys of a swap, in the order of its script. */
const PARTS = ['due', 'list', 'dead', 'ends', 'changes', 'trimmed'] as const

/** A row that is due according to its bucket. */
interface Candidate extends Place {
  readonly since: number
}

/** Rows in Redis: a hash for each, in one Cluster slot with its bucket's lists and changes. */
export class RedisBackend implements Backend {
  readonly #connection: Connection
  readonly #keys: Keys
  readonly #lists: Lists

  constructor(connection: Connection, keys: Keys) {
    this.#connection = connection
    this.#keys = keys
    this.#lists = new Lists(connection, keys)
  }

  async read(key: string): Promise<Found> {
    const [now, row] = (await this.#connection.run(scripts.read, [this.#row(placeOf(key))], [])) as [unknown, unknown[]]
    return { now: Number(replyText(now)), row: rowOf(key, row) }
  }

  async swap(
    key: string,
    from: string | undefined,
    to: string,
    { entry, sealed, index, sameIndex, notAfter, change }: Write,
  ): Promise<Found & { readonly swapped: boolean }> {
    const place = placeOf(key)
    const { state = '', schema = 0, dueAt = '', forgetAt } = index
    const endsAt = forgetAt === undefined ? '' : forgetAt + LINGER_MS
    const line = change === undefined ? '' : JSON.stringify(change)
    const flags = [sameIndex, state === DEAD].map((flag) => (flag ? '1' : '0'))
    const parameters = [key, from ?? '', to, notAfter ?? '', entry, line, dueAt, endsAt, schema, state, ...flags]
    const [now, row] = (await this.#connection.run(
      scripts.swap,
      [this.#row(place), ...PARTS.map((part) => this.#keys.of(place.bucket, part))],
      [...parameters.map(String), ...(sealed === undefined ? [] : [sealed])],
    )) as [unknown, unknown[]?]
    return { swapped: row === undefined, now: Number(replyText(now)), row: row && rowOf(key, row) }
  }

  list(filter: RowFilter): AsyncIterable<Row> {
    return this.#lists.rows(filter)
  }

  async page({ limit, ...filter }: RowPageRequest): Promise<{ rows: readonly Row[]; next?: string | undefined }> {
    const rows: Row[] = []
    for await (const row of this.#lists.rows(filter, limit + 1)) {
      if (rows.length === limit) return { rows, next: rows.at(-1)?.key }
      rows.push(row)
    }
    return { rows }
  }

  counts({ prefix = '[' }: { readonly prefix?: string | undefined }): Promise<readonly RowCount[]> {
    return this.#lists.counts(prefix)
  }

  async due({ before, limit, reserveMs, schema }: DueRows): Promise<{ rows: readonly Row[]; now: number }> {
    // The earliest of several nodes' clocks: no row is older than it seems.
    let now = Number.POSITIVE_INFINITY
    const { buckets } = this.#keys
    const heads = async (count: number): Promise<readonly Candidate[][]> => {
      const names = (bucket: number): string[] => [this.#keys.of(bucket, 'due')]
      const found = await this.#connection.each(scripts.due, buckets, names, [`${before}`, `${count}`])
      return (found as [unknown, unknown[]][]).map(([time, members], bucket) => {
        now = Math.min(now, Number(replyText(time)))
        const texts = members.map(replyText)
        return texts.flatMap((key, at) => (at % 2 === 0 ? [{ bucket, key, since: Number(texts[at + 1]) }] : []))
      })
    }
    const parameters = [before, reserveMs === undefined ? '' : before + reserveMs, schema].map(String)
    const order = (a: Candidate, b: Candidate): number => a.since - b.since
    const seen = new Set<string>()
    const fits = ({ key }: Place): boolean => !seen.has(key)
    const rows: Row[] = []
    for (;;) {
      const most = limit - rows.length
      const candidates = await firstOf({ limit: most, lists: buckets.length, order, fits }, heads)
      for (const batch of batches(candidates)) rows.push(...(await this.#take(batch, parameters)))
      if (candidates.length < most || rows.length === limit) return { rows, now }
      for (const { key } of candidates) seen.add(key)
    }
  }

  changes(request: { readonly after?: string | undefined; readonly limit: number }): Promise<ChangesAnswer> {
    return readFeed(this.#connection, this.#keys, request)
  }

  async close(): Promise<void> {
    // The client belongs to the caller.
  }

  /**
   * Returns those of these rows that are still due, in their order. With a time to reserve them, no other caller has
   * taken them.
   */
  async #take(places: readonly Place[], parameters: readonly string[]): Promise<readonly Row[]> {
    const names = (place: Place): string[] => [this.#keys.of(place.bucket, 'due'), this.#row(place)]
    const found = await this.#connection.each(scripts.take, places, names, parameters, ({ key }) => [key])
    return found.flatMap((fields, index) => rowOf(places[index]?.key ?? '', (fields ?? []) as unknown[]) ?? [])
  }

  #row({ bucket, key }: Place): string {
    return this.#keys.of(bucket, `row:${key}`)
  }
}
