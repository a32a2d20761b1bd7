import type { Row } from '../../../src/stores/backend.ts'
import { asked, type Mistakes, pause, written } from './mistake.ts'

/** Mistakes of reading and swapping. */
export const swapMistakes: Mistakes = {
  'a swap that ignores the revision': asked(
    'a swap from another revision writes nothing and returns the row',
    (backend, [key, from, to, write]) => [key, from && backend.rows.get(key)?.revision, to, write],
  ),
  'a swap from nothing that overwrites': asked(
    'a swap from nothing writes nothing if there is a row, also a row without a state',
    (backend, [key, from, to, write]) => [key, from ?? backend.rows.get(key)?.revision, to, write],
  ),
  'a swap from nothing that overwrites rows without a state': asked(
    'a swap from nothing writes nothing if there is a row, also a row without a state',
    (backend, [key, from, to, write]) => {
      const row = backend.rows.get(key)
      return [key, row?.index.state === undefined ? row?.revision : from, to, write]
    },
  ),
  'a swap that makes the row that it does not find': asked(
    'a swap from a revision writes nothing if there is no row',
    (backend, [key, from, to, write]) => [key, backend.rows.has(key) ? from : undefined, to, write],
  ),
  'a swap in two steps': [
    'of twenty concurrent swaps from one revision, one writes and the others return its row',
    (backend) => ({
      swap: async (key, from, to, write) => {
        const { row } = await backend.read(key)
        await pause()
        return backend.swap(key, row?.revision === from ? backend.rows.get(key)?.revision : from, to, write)
      },
    }),
  ],
  'a swap from nothing in two steps': [
    'of twenty concurrent swaps from nothing, one writes and the others return its row',
    (backend) => ({
      swap: async (key, from, to, write) => {
        const { row } = await backend.read(key)
        await pause()
        const isFirst = from === undefined && row === undefined
        return backend.swap(key, isFirst ? backend.rows.get(key)?.revision : from, to, write)
      },
    }),
  ],
  'a swap whose loser gets no row': [
    'of twenty concurrent swaps from nothing, one writes and the others return its row',
    (backend) => ({ swap: async (...args) => ({ ...(await backend.swap(...args)), row: undefined }) }),
  ],
  'a swap whose loser gets the row that it expected': [
    'of twenty concurrent swaps from one revision, one writes and the others return its row',
    (backend) => ({
      swap: async (...args) => {
        const { row: before } = await backend.read(args[0])
        await Promise.resolve()
        const answer = await backend.swap(...args)
        return answer.swapped || answer.row === undefined ? answer : { ...answer, row: before }
      },
    }),
  ],
  'no `notAfter`': written('nothing is written after `notAfter`, and the row is returned', (write) => ({
    ...write,
    notAfter: undefined,
  })),
  'a `notAfter` that is checked for new rows only': written(
    'nothing is written after `notAfter`, and the row is returned',
    (write, backend, key) => (backend.rows.has(key) ? { ...write, notAfter: undefined } : write),
  ),
  'a late swap that returns no row': [
    'nothing is written after `notAfter`, and the row is returned',
    (backend) => ({
      swap: async (key, from, to, write) => {
        const answer = await backend.swap(key, from, to, write)
        return answer.row?.revision === from ? { ...answer, row: undefined } : answer
      },
    }),
  ],
  'an absent sealed text that empties the row': written(
    'an absent sealed text keeps the stored one, and an empty one replaces it',
    (write) => ({
      ...write,
      sealed: write.sealed ?? '',
    }),
  ),
  'an empty sealed text that is treated as an absent one': written(
    'an absent sealed text keeps the stored one, and an empty one replaces it',
    (write) => ({ ...write, sealed: write.sealed === '' ? undefined : write.sealed }),
  ),
  '`sameIndex` that leaves `dueAt`': written(
    '`sameIndex` changes `dueAt` only, and the row is found as before',
    (write, backend, key) => (write.sameIndex ? { ...write, index: backend.rows.get(key)?.index ?? {} } : write),
  ),
  '`sameIndex` that drops the rest': written(
    '`sameIndex` changes `dueAt` only, and the row is found as before',
    (write) => (write.sameIndex ? { ...write, index: { dueAt: write.index.dueAt } } : write),
  ),
  'a time with fractions': [
    'a read returns the time in whole milliseconds, and no row for an unknown key',
    (backend) => ({
      read: async (key) => ({ ...(await backend.read(key)), now: (await backend.read(key)).now + 0.5 }),
    }),
  ],
  'a time in seconds': [
    'a read returns the time in whole milliseconds, and no row for an unknown key',
    (backend) => ({
      read: async (key) => ({ ...(await backend.read(key)), now: Math.floor((await backend.read(key)).now / 1000) }),
    }),
  ],
  'a read of a replica': [
    'a row reads back as a swap wrote it, durable or not',
    (backend) => {
      const replica = new Map<string, Row | undefined>()
      return {
        read: async (key) => {
          const { now, row } = await backend.read(key)
          const before = replica.get(key)
          replica.set(key, row)
          return { now, row: before ?? row }
        },
      }
    },
  ],
}
