import type { Documents } from '../../stores/documents.ts'
import { type Case, newId, SHORT_MS, same, type Stage } from './stage.ts'

const LARGEST = 64 * 1024

/** Cases of a store that has documents. Without them they pass. */
const withDocuments =
  (run: (documents: Documents, stage: Stage) => Promise<void>) =>
  async (stage: Stage): Promise<void> => {
    if (stage.store.documents !== undefined) await run(stage.store.documents, stage)
  }

export const documentCases: readonly Case[] = [
  [
    'a document reads back as it was put, and each put increments its version',
    withDocuments(async (documents) => {
      const name = `${newId()} "\\\0\u{1f600}`
      same((await documents.get(name)).document, undefined, 'an unknown document')
      const first = await documents.put(name, 'one \0\\ \ud800', { version: 0 })
      same([first.put, first.document], [true, { value: 'one \0\\ \ud800', version: 1 }], 'a first put')
      same((await documents.get(name)).document, first.document, 'the document')
      const second = await documents.put(name, '', { version: 1 })
      same([second.put, second.document], [true, { value: '', version: 2 }], 'a put over version 1')
    }),
  ],
  [
    'a put needs the version that it replaces, and otherwise returns the stored document',
    withDocuments(async (documents) => {
      const name = newId()
      await documents.put(name, 'winner', { version: 0 })
      for (const version of [0, 2]) {
        const lost = await documents.put(name, 'loser', { version })
        same([lost.put, lost.document], [false, { value: 'winner', version: 1 }], `a put over version ${version}`)
      }
      same((await documents.put(newId(), 'x', { version: 1 })).put, false, 'a put over a version of nothing')
    }),
  ],
  [
    'exactly one of several first puts wins, also if the values are equal',
    withDocuments(async (documents) => {
      const name = newId()
      const puts = await Promise.all(Array.from({ length: 10 }, () => documents.put(name, 'same', { version: 0 })))
      same(puts.filter(({ put }) => put).length, 1, 'the number of winners of ten puts')
      same(
        puts.every(({ document }) => document?.version === 1),
        true,
        'that each got the document',
      )
    }),
  ],
  [
    'a document expires after its time, and its next version continues the count',
    withDocuments(async (documents, stage) => {
      const name = newId()
      const { document, now } = await documents.put(name, 'short', { version: 0, ttlMs: SHORT_MS })
      same(document, { value: 'short', version: 1, expiresAt: now + SHORT_MS }, 'a document with an end')
      await stage.pass(SHORT_MS)
      same((await documents.get(name)).document, undefined, 'a document that ended')
      same((await documents.put(name, 'late', { version: 1 })).put, false, 'a put over a version that ended')
      same((await documents.put(name, 'next', { version: 0 })).document?.version, 2, 'the version after the end')
    }),
  ],
  [
    'a document is deleted at its version only, and its next version continues the count',
    withDocuments(async (documents) => {
      const name = newId()
      same(await documents.delete(name, { version: 1 }), false, 'a deletion of nothing')
      await documents.put(name, 'one', { version: 0 })
      same(await documents.delete(name, { version: 2 }), false, 'a deletion of another version')
      same(await documents.delete(name, { version: 1 }), true, 'a deletion')
      same((await documents.get(name)).document, undefined, 'a deleted document')
      same(await documents.delete(name, { version: 1 }), true, 'its repeat')
      same((await documents.put(name, 'two', { version: 0 })).document?.version, 2, 'the version after a deletion')
      same(await documents.delete(name, { version: 1 }), false, 'a late repeat of the deletion')
    }),
  ],
  [
    'documents are listed by the beginning of their names, without grants and single-use ids',
    withDocuments(async (documents, stage) => {
      const prefix = `${newId()}/"%_`
      for (const end of ['', 'a', 'b']) await documents.put(`${prefix}${end}`, `value ${end}`, { version: 0 })
      await documents.put(prefix.slice(0, -1), 'shorter', { version: 0 })
      await documents.put(`${prefix}gone`, 'x', { version: 0 })
      await documents.delete(`${prefix}gone`, { version: 1 })
      await stage.login()
      await stage.store.once(`${prefix}once`, 600_000, 'one')
      const found: unknown[] = []
      for await (const { name, value, version } of documents.list(prefix))
        found.push([name.slice(prefix.length), value, version])
      same(
        found.map((each) => JSON.stringify(each)).sort(),
        ['["","value ",1]', '["a","value a",1]', '["b","value b",1]'],
        'the list',
      )
      const names: string[] = []
      for await (const { name } of documents.list('')) if (name.includes(prefix)) names.push(name)
      same(names.length, 3, 'the number of them among all documents')
      same(
        (await stage.list({})).some(({ key }) => key.client.startsWith(prefix)),
        false,
        'that a document is listed as a grant',
      )
    }),
  ],
  [
    'a put with an invalid version or time is rejected',
    withDocuments(async (documents) => {
      const name = newId()
      for (const options of [{ version: -1 }, { version: 0.5 }, { version: Number.NaN }, { version: 0, ttlMs: 0 }]) {
        const refused = await documents.put(name, 'x', options).then(() => 'accepted', codeOf)
        same(refused, 'config_error', `a put with ${JSON.stringify(options)}`)
      }
      same((await documents.get(name)).document, undefined, 'the document after all of them')
    }),
  ],
  [
    'a document of more than 64 KiB is rejected',
    withDocuments(async (documents) => {
      const name = newId()
      const largest = 'é'.repeat(LARGEST / 2)
      same((await documents.put(name, largest, { version: 0 })).put, true, 'a put of 64 KiB')
      same((await documents.get(name)).document?.value === largest, true, 'that 64 KiB read back unchanged')
      const refused = await documents.put(name, `${largest}x`, { version: 1 }).then(() => 'accepted', codeOf)
      same(refused, 'config_error', 'a put of more')
      same((await documents.get(name)).document?.version, 1, 'the version after it')
    }),
  ],
]

export function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | null)?.code
}
