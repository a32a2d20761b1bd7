import { decodeKey } from '../../model/grant-key.ts'
import type { Row } from '../../stores/backend.ts'
import type { Change } from '../../stores/changes.ts'
import { changesAfter, endOf, type Read } from '../contract/feed-reader.ts'
import { present, same } from '../contract/stage.ts'
import { type Case, type Stage } from './stage.ts'

const [WRITERS, WRITES] = [8, 25]

/** Cases of a backend that has a change feed. Without one they pass. */
const withFeed =
  (run: (read: Read, stage: Stage) => Promise<void>) =>
  async (stage: Stage): Promise<void> => {
    const read = stage.backend.changes?.bind(stage.backend)
    if (read !== undefined) await run(read, stage)
  }

/** Makes a change as a store would write it. Versions distinguish them. */
function changeOf(key: string, version: number): Change {
  const change = { kind: 'refreshed', key: present(decodeKey(key), 'a grant’s key'), id: 'id', version, at: 1 } as const
  return version % 2 === 0 ? change : { ...change, kind: 'reauthorization_required', reason: 'revoked' }
}

/** Writes versions of one row, one after another. */
async function write(stage: Stage, key: string, versions: number): Promise<Row> {
  let row = await stage.written(key, { change: changeOf(key, 1) })
  for (let version = 2; version <= versions; version += 1) {
    row = await stage.written(key, { change: changeOf(key, version), sameIndex: true }, row)
  }
  return row
}

const versions = (changes: readonly Change[]): number[] => changes.map(({ version }) => version)

export const feedCases: readonly Case[] = [
  [
    'a change is in the feed exactly if its write is',
    withFeed(async (read, stage) => {
      const from = await endOf(read)
      const [key, other] = [stage.key(), stage.key('other')]
      const row = await write(stage, key, 2)
      const { now } = await stage.backend.read(key)
      await stage.swap(key, undefined, { change: changeOf(key, 10) })
      await stage.swap(key, 'unknown', { change: changeOf(key, 11) })
      await stage.swap(other, 'unknown', { change: changeOf(other, 12) })
      const late = { change: changeOf(key, 13), notAfter: now - 1 }
      if (stage.backend.guards !== false) await stage.swap(key, row.revision, late)
      const next = await stage.written(key, {}, row)
      await stage.written(key, { change: changeOf(key, 3) }, next)
      await stage.written(other, { change: changeOf(other, 1) })
      const changes = await changesAfter(read, stage, from, 4)
      const expected = [changeOf(key, 1), changeOf(key, 2), changeOf(key, 3), changeOf(other, 1)]
      same(sorted(changes), sorted(expected), 'the changes')
    }),
  ],
  [
    'of twenty concurrent swaps, the feed has the one that wrote',
    withFeed(async (read, stage) => {
      const from = await endOf(read)
      const swaps = Array.from({ length: 20 }, (_, version) =>
        stage.swap(stage.key(), undefined, { change: changeOf(stage.key(), version) }),
      )
      const winner = (await Promise.all(swaps)).findIndex(({ swapped }) => swapped)
      same(versions(await changesAfter(read, stage, from, 1)), [winner], 'the changes')
    }),
  ],
  [
    'the feed is read in pages, and a cursor may be used again',
    withFeed(async (read, stage) => {
      const from = await endOf(read)
      const expected = Array.from({ length: 7 }, (_, index) => index + 1)
      await write(stage, stage.key(), expected.length)
      for (const limit of [1000, 1, 3]) {
        const changes = await changesAfter(read, stage, from, expected.length, limit)
        same(versions(changes), expected, `the changes of one key in pages of ${limit}`)
      }
      await write(stage, stage.key('second'), 2)
      same((await changesAfter(read, stage, from, 9)).length, 9, 'the number of changes after more writes')
    }),
  ],
  [
    'without a cursor the feed begins at its oldest change, and its end is a cursor too',
    withFeed(async (read, stage) => {
      await write(stage, stage.key(), 1)
      await changesAfter(read, stage, (await read({ limit: 1 })).next, 0)
      same((await read({ limit: 1 })).changes.length, 1, 'the number of changes in a first page of one')
      const end = await endOf(read)
      await write(stage, stage.key('next'), 2)
      same(versions(await changesAfter(read, stage, end, 2)), [1, 2], 'the changes after the end')
    }),
  ],
  [
    'an unknown cursor is expired, and its `next` can be used',
    withFeed(async (read, stage) => {
      await write(stage, stage.key(), 1)
      for (const [index, after] of ['another', '', 'e.1', '{}', 'null', '[]', '9'.repeat(400)].entries()) {
        const { expired, changes, next } = await read({ after, limit: 10 })
        same([expired, changes], [true, []], `\`expired\` and the changes after the cursor '${after.slice(0, 10)}'`)
        await write(stage, stage.key(`${index}`), 1)
        const subjects = (await changesAfter(read, stage, next, 1)).map(({ key }) => key.subject)
        // Other runs' writes may hold an earlier change back, which then comes after `next`.
        same(subjects.at(-1), `${index}`, 'the last change after its `next`')
      }
    }),
  ],
  [
    'a reader misses no change of concurrent writers, and gets none twice',
    withFeed(async (read, stage) => {
      const from = await endOf(read)
      const keys = Array.from({ length: WRITERS }, (_, index) => stage.key(`writer ${index}`))
      const writing = Promise.all(keys.map((key) => write(stage, key, WRITES)))
      const [changes] = await Promise.all([changesAfter(read, stage, from, WRITERS * WRITES, 7), writing])
      const expected = Array.from({ length: WRITES }, (_, index) => index + 1)
      for (const [index] of keys.entries()) {
        const own = changes.filter(({ key }) => key.subject === `writer ${index}`)
        same(versions(own), expected, 'the changes of one writer, in the order in which they were read')
      }
    }),
  ],
]

function sorted(changes: readonly Change[]): unknown[] {
  return changes.toSorted((a, b) => (`${a.key.subject} ${a.version}` < `${b.key.subject} ${b.version}` ? -1 : 1))
}
