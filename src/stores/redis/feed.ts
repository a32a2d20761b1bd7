import { changeIn, type ChangesAnswer } from '../changes.ts'
import { type Connection, replyText } from './connection.ts'
import { firstOf } from './due-index.ts'
import type { Keys } from './keys.ts'
import * as scripts from './scripts.ts'

/** A change and its position: the bucket's stream, and the id. */
interface Entry {
  readonly bucket: number
  readonly id: string
  /** The two numbers of the id: the millisecond in which it was written, and its number in that millisecond. */
  readonly at: number
  readonly nth: number
  readonly change: string
}

/** The id of the last entry that was read, by bucket. */
type Ids = Map<number, string>

/**
 * Reads the change feed: a stream for each bucket, merged by time. A subject's changes are in one, in the order of
 * their writes.
 */
export async function readFeed(
  connection: Connection,
  keys: Keys,
  { after, limit }: { readonly after?: string | undefined; readonly limit: number },
): Promise<ChangesAnswer> {
  const { buckets } = keys
  const epoch = replyText(await connection.run(scripts.keep, [keys.whole('epoch')], [crypto.randomUUID()]))
  const from = after === undefined ? new Map<number, string>() : idsOf(after, epoch)
  const next: Ids = new Map(from)
  const ends: Ids = new Map()
  let expired = from === undefined
  const heads = async (count: number): Promise<readonly (readonly Entry[])[]> => {
    const names = (bucket: number): string[] => [keys.of(bucket, 'changes'), keys.of(bucket, 'trimmed')]
    const start = (bucket: number): string[] => [from?.get(bucket) ?? '-']
    // One more: the entry that was read last is among them.
    const streams = await connection.each(scripts.changes, buckets, names, [`${count + 1}`], start)
    return streams.map((stream, bucket) => {
      const { last, trimmed, entries } = streamOf(stream, bucket)
      const [seen, end] = [from?.get(bucket), last ?? trimmed]
      if (end !== undefined) ends.set(bucket, end)
      if (seen !== undefined && entries[0]?.id === seen) return entries.slice(1)
      // Without a cursor the feed starts after what was removed. A missing entry of a cursor was removed with others
      // after it, or lost.
      if (after === undefined && trimmed !== undefined) next.set(bucket, trimmed)
      else if (seen !== trimmed) expired = true
      return entries
    })
  }
  const found = await firstOf({ limit: from === undefined ? 1 : limit, lists: buckets.length, order }, heads)
  if (expired) return { expired, changes: [], next: cursorOf(epoch, ends) }
  for (const { bucket, id } of found) next.set(bucket, id)
  return { changes: found.flatMap(({ change }) => changeIn(change)), next: cursorOf(epoch, next) }
}

/** A bucket's stream: its last id, the highest removed one, and some entries. */
function streamOf(
  reply: unknown,
  bucket: number,
): { last: string | undefined; trimmed: string | undefined; entries: readonly Entry[] } {
  const [last, trimmed, entries] = reply as [unknown, unknown, [unknown, unknown[]][]]
  return {
    last: last === null ? undefined : replyText(last),
    trimmed: trimmed === null ? undefined : replyText(trimmed),
    entries: entries.map(([name, [, change]]) => {
      const id = replyText(name)
      const [at = 0, nth = 0] = id.split('-').map(Number)
      return { bucket, id, at, nth, change: replyText(change) }
    }),
  }
}

function order(a: Entry, b: Entry): number {
  return a.at - b.at || a.bucket - b.bucket || a.nth - b.nth
}

function cursorOf(epoch: string, ids: Ids): string {
  return JSON.stringify([epoch, Object.fromEntries(ids)])
}

/** Parses the ids of a cursor. Returns undefined for a cursor of another database, and for any other text. */
function idsOf(cursor: string, epoch: string): Ids | undefined {
  try {
    const [database, ids] = JSON.parse(cursor) as [unknown, Record<string, string>]
    const entries = Object.entries(ids).map(([bucket, id]): [number, string] => [Number(bucket), id])
    return database === epoch && entries.every(([, id]) => /^\d{1,15}-\d{1,15}$/.test(id))
      ? new Map(entries)
      : undefined
  } catch {
    return undefined
  }
}
