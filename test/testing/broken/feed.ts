import type { Backend } from '../../../src/stores/backend.ts'
import type { Change } from '../../../src/stores/changes.ts'
import type { FakeClock } from '../../../src/testing/index.ts'
import type { FullBackend } from '../full-backend.ts'
import { type Mistake, type Mistakes, pause } from './mistake.ts'

type Changes = NonNullable<Backend['changes']>

const feed = (
  caseName: string,
  changes: (backend: FullBackend, request: Parameters<Changes>[0]) => ReturnType<Changes>,
): Mistake => [caseName, (backend) => ({ changes: (request) => changes(backend, request) })]

/** Mistakes in the feed and in the removal of rows. */
export const feedMistakes: Mistakes = {
  'a feed that has lost swaps': [
    'a change is in the feed exactly if its write is',
    (backend) => ({
      swap: async (key, from, to, write) => {
        const answer = await backend.swap(key, from, to, write)
        if (!answer.swapped && write.change !== undefined) backend.feed.push(write.change)
        return answer
      },
    }),
  ],
  'a feed that has late swaps': [
    'a change is in the feed exactly if its write is',
    (backend, clock) => ({
      swap: async (key, from, to, write) => {
        const isLate = clock.now() > (write.notAfter ?? Number.POSITIVE_INFINITY)
        if (isLate && write.change !== undefined) backend.feed.push(write.change)
        return backend.swap(key, from, to, write)
      },
    }),
  ],
  'a feed that is read by sequence alone': [
    'a reader misses no change of concurrent writers, and gets none twice',
    (backend) => sequenceAlone(backend),
  ],
  'a feed that repeats a page’s last change': feed(
    'the feed is read in pages, and a cursor may be used again',
    async (backend, request) => {
      const answer = await backend.changes(request)
      const [epoch, end] = answer.next.split('.') as [string, string]
      return answer.changes.length < 2 ? answer : { ...answer, next: `${epoch}.${Number(end) - 1}` }
    },
  ),
  'a feed without a limit': feed('the feed is read in pages, and a cursor may be used again', (backend, request) =>
    backend.changes({ ...request, limit: 1_000_000 }),
  ),
  'a cursor of its own per reader': [
    'the feed is read in pages, and a cursor may be used again',
    (backend) => {
      let after: string | undefined
      return {
        changes: async ({ limit }) => {
          const answer = await backend.changes({ after, limit })
          after = answer.next
          return answer
        },
      }
    },
  ],
  'a feed that begins at its end': feed(
    'without a cursor the feed begins at its oldest change, and its end is a cursor too',
    async (backend, { after, limit }) =>
      backend.changes({ after: after ?? (await backend.changes({ after: 'end', limit })).next, limit }),
  ),
  'an unknown cursor that is the beginning': feed(
    'an unknown cursor is expired, and its `next` can be used',
    async (backend, request) => {
      const answer = await backend.changes(request)
      return answer.expired === true ? backend.changes({ limit: request.limit }) : answer
    },
  ),
  'an expired result whose `next` is the unknown cursor': feed(
    'an unknown cursor is expired, and its `next` can be used',
    async (backend, request) => {
      const answer = await backend.changes(request)
      return answer.expired === true ? { ...answer, next: request.after ?? '' } : answer
    },
  ),
  'rows that are removed at once': [
    'a row is kept until a minute after `forgetAt`',
    (backend, clock) => sweeping(backend, clock, 0, false),
  ],
  'rows whose time to live stays': [
    'a row that is written without `forgetAt` stays',
    (backend, clock) => sweeping(backend, clock, 60_000, true),
  ],
}

/** Commits overtake each other: each write takes its number when it begins, and becomes visible later. */
function sequenceAlone(backend: FullBackend): Partial<Backend> {
  const seen: { number: number; change: Change }[] = []
  let last = 0
  return {
    swap: async (key, from, to, write) => {
      const number = (last += 1)
      await pause()
      const { change, ...rest } = write
      const answer = await backend.swap(key, from, to, rest)
      if (answer.swapped && change !== undefined) seen.push({ number, change })
      return answer
    },
    changes: async ({ after, limit }) => {
      if (after !== undefined && !/^\d{1,9}$/.test(after)) return { expired: true, changes: [], next: `${last}` }
      const rest = seen.filter(({ number }) => number > Number(after ?? 0)).sort((a, b) => a.number - b.number)
      const page = rest.slice(0, limit)
      return { changes: page.map(({ change }) => change), next: `${page.at(-1)?.number ?? after ?? 0}` }
    },
  }
}

/** Removes rows at each call, some time after their `forgetAt`. A row that is written again may keep its time. */
function sweeping(backend: FullBackend, clock: FakeClock, lingerMs: number, stays: boolean): Partial<Backend> {
  const ends = new Map<string, number>()
  const sweep = (): void => {
    for (const [key, end] of ends) if (end + lingerMs < clock.now()) backend.rows.delete(key)
  }
  return {
    read: (key) => {
      sweep()
      return backend.read(key)
    },
    swap: async (key, from, to, write) => {
      sweep()
      const answer = await backend.swap(key, from, to, write)
      const { forgetAt } = write.index
      if (answer.swapped && forgetAt !== undefined) ends.set(key, forgetAt)
      else if (answer.swapped && !stays) ends.delete(key)
      return answer
    },
  }
}
