import type { Backend, Row, RowPageRequest } from '../../stores/backend.ts'
import { newId, same } from '../contract/stage.ts'
import { type Case, indexOf, plain, prefixOf, type Stage } from './stage.ts'

type Page = (request: Partial<RowPageRequest>) => ReturnType<NonNullable<Backend['page']>>

/** Cases of a backend that has pages. Without them they pass. */
const withPages =
  (run: (page: Page, stage: Stage) => Promise<void>) =>
  async (stage: Stage): Promise<void> => {
    const page = stage.backend.page?.bind(stage.backend)
    if (page === undefined) return
    await run((request) => page({ prefix: prefixOf(stage.client), limit: 2, ...request }), stage)
  }

async function allPages(page: Page, request: Partial<RowPageRequest>): Promise<string[]> {
  const found: Row[] = []
  let after: string | undefined
  do {
    const { rows, next } = await page({ ...request, after })
    if (next !== undefined) same(next, rows.at(-1)?.key, '`next`')
    found.push(...rows)
    after = next
  } while (after !== undefined)
  return found.map(({ key }) => (JSON.parse(key) as [string, string])[1])
}

function bytes(text: string): string {
  return Array.from(new TextEncoder().encode(text), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

export const pageCases: readonly Case[] = [
  [
    'pages hold each row once, in the order of the keys’ bytes',
    withPages(async (page, stage) => {
      const names = ['a', 'B', '_', 'é', 'z', '\u{ffee}', '\u{1f600}', '"', '\\', '\n', 'aa', 'a b', '']
      for (const name of names) await stage.written(stage.key(name))
      await stage.written(stage.key('no state'), { index: {} })
      const sorted = names.toSorted((a, b) => (bytes(stage.key(a)) < bytes(stage.key(b)) ? -1 : 1))
      for (const limit of [1, 3, names.length, 100]) {
        same(await allPages(page, { limit }), sorted, `the rows in pages of ${limit}`)
      }
      const { rows } = await page({ limit: 3 })
      same(
        [rows.length, rows.slice(0, 1).map(plain)],
        [3, [await stage.read(stage.key(sorted[0]))]],
        'the size and the first row of a page',
      )
    }),
  ],
  [
    'pages hold the rows of the given filter',
    withPages(async (page, stage) => {
      const index = (dueAt: number): object => ({ index: { ...indexOf(stage.key('a')), dueAt } })
      for (const [name, dueAt] of [
        ['a', 500],
        ['a\\', 1500],
        ['a"', 1501],
      ] as const) {
        await stage.written(stage.key(name), { index: { ...indexOf(stage.key(name)), dueAt } })
      }
      const dead = 'reauthorization_required'
      await stage.written(stage.key('dead'), { index: { ...indexOf(stage.key('dead')), state: dead } })
      await stage.written(stage.key('a', `${stage.client} other`), index(1))
      same(await allPages(page, {}), ['a"', 'a', 'a\\', 'dead'].toSorted(byKey(stage)), 'the rows of a client')
      same(await allPages(page, { subject: '"a"' }), ['a'], 'the rows of a subject')
      same(await allPages(page, { state: dead }), ['dead'], 'the rows of a state')
      same((await allPages(page, { dueBefore: 1500 })).sort(), ['a', 'a\\'], 'the rows that are due')
      same(await allPages(page, { dueBefore: 1500, subject: '"a"', state: dead }), [], 'the rows of all filters')
      same(await allPages(page, { prefix: prefixOf(newId()) }), [], 'the rows of an unknown client')
    }),
  ],
  [
    'a page begins after its cursor, also if that row was removed',
    withPages(async (page, stage) => {
      for (const name of ['a', 'b', 'c']) await stage.written(stage.key(name))
      await stage.written(stage.key('b'), { index: {} }, await stage.read(stage.key('b')))
      same(
        (await page({ after: stage.key('b') })).rows.map(({ key }) => key),
        [stage.key('c')],
        'the page after it',
      )
    }),
  ],
  [
    'counts say how many rows of each client are in each state, without documents',
    async (stage) => {
      const { backend, client } = stage
      const count = backend.counts?.bind(backend)
      if (count === undefined) return
      const other = `${client}"\\,é`
      for (const name of ['a', 'b']) await stage.written(stage.key(name))
      await stage.written(stage.key('c'), { index: { ...indexOf(stage.key('c')), state: 'reauthorization_required' } })
      await stage.written(stage.key('a', other))
      await stage.written(stage.key('gone'), { index: {} })
      await stage.written(stage.documentKey('document'))
      const counts = async (prefix?: string): Promise<string[]> =>
        (await count({ prefix }))
          .filter(({ key }) => key.includes(client))
          .map(({ key, state, count }) => `${key} ${state} ${count}`)
          .sort()
      const own = [`${prefixOf(client)} active 2`, `${prefixOf(client)} reauthorization_required 1`]
      same(await counts(prefixOf(client)), own, "a client's counts")
      same(await counts(), [...own, `${prefixOf(other)} active 1`].sort(), 'the counts of both clients')
      same(await counts(prefixOf(newId())), [], 'the counts of an unknown client')
    },
  ],
]

function byKey(stage: Stage): (a: string, b: string) => number {
  return (a, b) => (bytes(stage.key(a)) < bytes(stage.key(b)) ? -1 : 1)
}
