import type { Change } from '../../stores/changes.ts'
import { codeOf } from './documents.ts'
import { changesAfter, endOf, type Read } from './feed-reader.ts'
import { type Case, present, same, type Stage } from './stage.ts'

/** Cases of a store that has a change feed. Without one they pass. */
const withFeed =
  (run: (read: Read, stage: Stage) => Promise<void>) =>
  async (stage: Stage): Promise<void> => {
    const read = stage.store.changes?.bind(stage.store)
    if (read !== undefined) await run(read, stage)
  }

const told = ({ kind, version, reason }: Change): unknown[] => [
  kind,
  version,
  ...(reason === undefined ? [] : [reason]),
]

export const feedCases: readonly Case[] = [
  [
    'the feed has each login, end and deletion of a grant in the order of versions, but no refresh',
    withFeed(async (read, stage) => {
      const from = await endOf(read)
      const { store } = stage
      const record = await stage.login()
      await stage.claimed(record, 'one')
      const { record: second } = await stage.commit(record)
      await stage.claimed(present(second, 'the committed record'), 'two')
      const verdict = { id: record.id, version: 2, owner: 'two', verdict: 'revoked' } as const
      const dead = await store.commit(record.key, verdict)
      await store.delete(record.key, { id: record.id })
      const changes = await changesAfter(read, stage, from, 3)
      same(
        changes.map(told),
        [
          ['connected', 1],
          ['reauthorization_required', 3, 'revoked'],
          ['disconnected', 3],
        ],
        'the feed',
      )
      same(
        changes.every(({ id, key }) => id === record.id && key.subject === 'subject'),
        true,
        'that each names the grant',
      )
      same(changes[1]?.at, dead.now, 'the time of the second change')
    }),
  ],
  [
    'a token that follows a verdict is in the feed',
    withFeed(async (read, stage) => {
      const from = await endOf(read)
      const record = await stage.login({ state: 'reauthorization_required', reason: 'refused' })
      await stage.commit(record)
      same(
        (await changesAfter(read, stage, from, 2)).map(told),
        [
          ['connected', 1],
          ['refreshed', 2],
        ],
        'the feed',
      )
    }),
  ],
  [
    'a repeated operation, and one that writes nothing, add nothing to the feed',
    withFeed(async (read, stage) => {
      const from = await endOf(read)
      const { store } = stage
      const record = await stage.login()
      await store.put(record.key, record)
      await stage.claimed(record, 'one')
      const verdict = { id: record.id, version: 1, owner: 'one', verdict: 'revoked' } as const
      for (const owner of ['two', 'one', 'one', 'two']) await store.commit(record.key, { ...verdict, owner })
      for (const id of ['nobody', record.id, record.id]) await store.delete(record.key, { id })
      await store.put(record.key, record)
      const kinds = (await changesAfter(read, stage, from, 3)).map(({ kind }) => kind)
      same(kinds, ['connected', 'reauthorization_required', 'disconnected'], 'the feed')
    }),
  ],
  [
    'the feed is read in pages, and a cursor may be used again',
    withFeed(async (read, stage) => {
      const from = await endOf(read)
      for (let index = 0; index < 7; index += 1) await stage.login({}, stage.key('one subject', `${index % 2}`))
      const all = await changesAfter(read, stage, from, 7)
      same(all.length, 7, 'the number of changes')
      same(await changesAfter(read, stage, from, 7, 2), all, 'the changes in pages of two')
      const first = await read({ after: from, limit: 3 })
      same((await read({ after: from, limit: 3 })).next, first.next, 'the cursor of the same page again')
      same([first.expired ?? false, first.changes.length], [false, 3], 'a page of three')
    }),
  ],
  [
    'the feed begins at its oldest change, and a cursor of another feed is expired',
    withFeed(async (read, stage) => {
      const from = await endOf(read)
      await stage.login()
      await changesAfter(read, stage, from, 1)
      const oldest = await read({ limit: 1 })
      same(oldest.changes.length, 1, 'the number of changes without a cursor')
      for (const after of ['another', '', 'e.1', '{}', 'null', '9'.repeat(400)]) {
        const answer = await read({ after, limit: 10 })
        same([answer.expired, answer.changes], [true, []], `the result of the cursor '${after.slice(0, 10)}'`)
        same((await read({ after: answer.next, limit: 10 })).expired ?? false, false, 'that its `next` can be used')
      }
    }),
  ],
  [
    'an invalid limit is rejected',
    withFeed(async (read) => {
      for (const limit of [0, -1, 1.5, Number.NaN]) {
        same(await read({ limit }).then(() => 'accepted', codeOf), 'config_error', `a limit of ${limit}`)
      }
    }),
  ],
]
