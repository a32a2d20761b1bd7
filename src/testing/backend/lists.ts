import { newId, same } from '../contract/stage.ts'
import { type Case, indexOf, prefixOf } from './stage.ts'

/** Characters that a query may take for wildcards. */
const WILD = '%_*?[a-z]\\^'

export const listCases: readonly Case[] = [
  [
    'a list holds the rows whose key begins with the prefix',
    async (stage) => {
      const wild = `${stage.client} ${WILD}`
      const clients = [wild, `${stage.client} xxxxxxxx`, `${stage.client} ${WILD.replace('%', 'x')}`, `${wild}:`]
      for (const client of clients) for (const name of ['a', 'b']) await stage.written(stage.key(name, client))
      for (const name of [WILD, `${WILD}1`, 'xx']) await stage.written(stage.documentKey(name))
      for (const client of clients) {
        const keys = [stage.key('a', client), stage.key('b', client)]
        same(await stage.list({ prefix: prefixOf(client) }), keys, `the list of the client '${client}'`)
      }
      const prefix = stage.documentKey(WILD).slice(0, -1)
      const documents = [stage.documentKey(WILD), stage.documentKey(`${WILD}1`)]
      same(await stage.list({ prefix, state: 'document' }), documents, 'the list of documents')
      same(await stage.list({ prefix: prefixOf(newId()) }), [], 'the list of an unknown client')
    },
  ],
  [
    'a list holds the rows of the given subject and state',
    async (stage) => {
      const other = `${stage.client} other`
      const [ann, bob, elsewhere] = [stage.key('ann'), stage.key('bob'), stage.key('ann', other)]
      const dead = { state: 'reauthorization_required' } as const
      await stage.written(ann)
      await stage.written(bob, { index: { ...indexOf(bob), ...dead } })
      await stage.written(elsewhere)
      const subject = '"ann"'
      same(await stage.list({ subject }), [ann], "a subject's rows of one client")
      same(await stage.list({ state: 'active' }), [ann], 'the active rows')
      same(await stage.list(dead), [bob], 'the rows of the other state')
      same(await stage.list({ subject, ...dead }), [], 'the rows of both a subject and a state')
      const all = await stage.list({ prefix: '[', subject })
      same(
        all.filter((key) => key.includes(stage.client)),
        [elsewhere, ann].sort(),
        "a subject's rows of all clients",
      )
    },
  ],
  [
    'a row without a state is in no list',
    async (stage) => {
      const key = stage.key()
      let row = await stage.written(key, { index: { forgetAt: (await stage.backend.read(key)).now } })
      same(await stage.list({}), [], 'the list of a row without a state')
      row = await stage.written(key, {}, row)
      same(await stage.list({}), [key], 'the list after it got one')
      await stage.written(key, { index: {} }, row)
      same([await stage.list({}), await stage.list({ subject: '"subject"' })], [[], []], 'the lists after it lost it')
    },
  ],
  [
    'a list has each row once, also while rows are written, removed and added',
    async (stage) => {
      const keys = Array.from({ length: 257 }, (_, index) => stage.key(`subject ${index}`)).sort()
      await Promise.all(keys.map((key) => stage.written(key)))
      const seen: string[] = []
      for await (const row of stage.backend.list({ prefix: prefixOf(stage.client) })) {
        if (!keys.includes(row.key)) continue
        seen.push(row.key)
        await stage.written(row.key, { index: seen.length % 2 === 0 ? indexOf(row.key) : {} }, row)
        if (seen.length % 50 === 0) await stage.written(stage.key(`added ${seen.length}`))
      }
      same(seen.sort(), keys, 'the rows that were listed')
      same((await stage.list({})).length, 128 + 5, 'the number of rows that are left')
    },
  ],
]
