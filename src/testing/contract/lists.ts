import { codeOf } from './documents.ts'
import type { GrantRecord } from '../../stores/store.ts'
import { type Case, newId, present, same, type Stage } from './stage.ts'

type Page = NonNullable<Stage['store']['page']>

const withPages =
  (run: (page: Page, stage: Stage) => Promise<void>) =>
  async (stage: Stage): Promise<void> => {
    const page = stage.store.page?.bind(stage.store)
    if (page !== undefined) await run(page, stage)
  }

async function allPages(page: Page, request: Parameters<Page>[0]): Promise<GrantRecord[]> {
  const found: GrantRecord[] = []
  let after: string | undefined
  do {
    const { records, next } = await page({ ...request, after })
    found.push(...records)
    after = next
  } while (after !== undefined)
  return found
}

const subjects = (records: readonly GrantRecord[]): string[] => records.map(({ key }) => key.subject)

export const listCases: readonly Case[] = [
  [
    'pages hold each grant once, in the order of the keys’ bytes',
    withPages(async (page, stage) => {
      const names = ['a', 'B', '_', 'é', '\u{ffee}', '\u{1f600}', '"', '\\', '\n', 'aa', '']
      for (const name of names) await stage.login({}, stage.key(name))
      const bytes = (text: string): string =>
        Array.from(new TextEncoder().encode(JSON.stringify(text)), (byte) => byte.toString(16).padStart(2, '0')).join(
          '',
        )
      // The quote that ends a subject comes after some characters and before others.
      const sorted = names.toSorted((a, b) => (bytes(a) < bytes(b) ? -1 : 1))
      for (const limit of [1, 3, 100]) {
        same(subjects(await allPages(page, { client: stage.client, limit })), sorted, `the grants in pages of ${limit}`)
      }
    }),
  ],
  [
    'pages hold the grants of the given filter',
    withPages(async (page, stage) => {
      const { client } = stage
      const dead = { state: 'reauthorization_required', reason: 'revoked' } as const
      await stage.login({ refreshAfter: 500 }, stage.key('ann'))
      await stage.login(dead, stage.key('ann', 'work'))
      await stage.login({ refreshAfter: 1500 }, stage.key('bob'))
      await stage.login({}, { ...stage.key('bob'), client: `${client}:` })
      const gone = await stage.login({}, stage.key('gone'))
      await stage.store.delete(gone.key, { id: gone.id })
      const named = async (request: object): Promise<string[]> =>
        (await allPages(page, { client, limit: 2, ...request })).map(({ key }) => `${key.subject}${key.account}`)
      same(await named({}), ['ann', 'annwork', 'bob'], "a client's grants")
      same(await named({ subject: 'ann' }), ['ann', 'annwork'], "a subject's grants")
      same(await named({ state: 'active' }), ['ann', 'bob'], "a client's active grants")
      same(await named({ state: dead.state, subject: 'ann' }), ['annwork'], 'the others of a subject')
      same(await named({ dueBefore: 1499 }), ['ann'], 'the grants that are due by 1499')
      same(await named({ dueBefore: 1500 }), ['ann', 'bob'], 'the grants that are due by 1500')
      same(
        await named({ dueBefore: 1500, subject: 'bob', state: 'active' }),
        ['bob'],
        'the grants of all filters together',
      )
      same(await named({ client: newId() }), [], "an unknown client's grants")
    }),
  ],
  [
    'a page begins after its cursor, also if that grant was deleted',
    withPages(async (page, stage) => {
      for (const subject of ['a', 'b', 'c', 'd']) await stage.login({}, stage.key(subject))
      const first = await page({ client: stage.client, limit: 2 })
      const [, last] = first.records
      await stage.store.delete(stage.key('b'), { id: present(last, 'the second grant').id })
      await stage.login({}, stage.key('bb'))
      const rest = await page({ client: stage.client, limit: 10, after: first.next })
      same([subjects(rest.records), rest.next], [['bb', 'c', 'd'], undefined], 'the next page')
    }),
  ],
  [
    'an invalid cursor or limit is rejected',
    withPages(async (page) => {
      for (const request of [{ after: 'x', limit: 1 }, { after: '', limit: 1 }, { limit: 0 }, { limit: 0.5 }]) {
        same(await page(request).then(() => 'accepted', codeOf), 'config_error', JSON.stringify(request))
      }
    }),
  ],
  [
    'counts say how many grants of each client are in each state',
    async (stage) => {
      const { client, store } = stage
      if (store.counts === undefined) return
      const other = `${client}"\\,é`
      for (const subject of ['a', 'b']) await stage.login({}, stage.key(subject))
      await stage.login({ state: 'reauthorization_required', reason: 'revoked' }, stage.key('c'))
      await stage.login({}, { ...stage.key('a'), client: other })
      const gone = await stage.login({}, stage.key('gone'))
      await store.delete(gone.key, { id: gone.id })
      const expected = [
        { client, state: 'active', count: 2 },
        { client, state: 'reauthorization_required', count: 1 },
      ]
      same(await store.counts({ client }), expected, "a client's counts")
      const all = (await store.counts()).filter((each) => each.client.startsWith(client))
      same(
        all.toSorted((a, b) => a.client.length - b.client.length),
        [...expected, { client: other, state: 'active', count: 1 }],
        'the counts of both clients',
      )
      same(await store.counts({ client: newId() }), [], 'the counts of an unknown client')
    },
  ],
]
