import type { Row, RowFilter } from '../../../src/stores/backend.ts'
import type { FullBackend } from '../full-backend.ts'
import type { Mistake, Mistakes } from './mistake.ts'

/** A mistake in which rows are listed. */
const listed = (caseName: string, list: (backend: FullBackend, filter: RowFilter) => AsyncIterable<Row>): Mistake => [
  caseName,
  (backend) => ({ list: (filter) => list(backend, filter) }),
]

const LIST_PAGE = 100

/** Mistakes of lists, pages and counts. */
export const listMistakes: Mistakes = {
  'a prefix with wildcards': listed(
    'a list holds the rows whose key begins with the prefix',
    async function* (backend, { prefix, ...rest }) {
      const like = new RegExp(`^${prefix.replaceAll(/[[\]?*\\^$.()+|{}]/g, String.raw`\$&`).replaceAll('%', '.*')}`)
      for await (const row of backend.list({ prefix: '', ...rest })) if (like.test(row.key)) yield row
    },
  ),
  'a prefix without accents': listed(
    'a prefix is compared by its bytes',
    async function* (backend, { prefix, ...rest }) {
      const plain = (text: string): string => text.normalize('NFD').replaceAll('\u0301', '')
      for await (const row of backend.list({ prefix: '', ...rest }))
        if (plain(row.key).startsWith(plain(prefix))) yield row
    },
  ),
  'a list that ignores the subject': listed(
    'a list holds the rows of the given subject and state',
    (backend, { prefix, state }) => backend.list({ prefix, state }),
  ),
  'a list that ignores the state': listed(
    'a list holds the rows of the given subject and state',
    (backend, { prefix, subject }) => backend.list({ prefix, subject }),
  ),
  'a list of rows without a state': listed(
    'a row without a state is in no list',
    async function* (backend, { prefix }) {
      for (const { index: _index, ...row } of backend.rows.values()) if (row.key.startsWith(prefix)) yield row
    },
  ),
  'a list in pages by number': listed(
    'a list has each row once, also while rows are written, removed and added',
    async function* (backend, filter) {
      for (let offset = 0; ; offset += LIST_PAGE) {
        const rows: Row[] = []
        for await (const row of backend.list(filter)) rows.push(row)
        yield* rows.slice(offset, offset + LIST_PAGE)
        if (rows.length <= offset + LIST_PAGE) return
      }
    },
  ),
  'a list that begins again': listed(
    'a list has each row once, also while rows are written, removed and added',
    async function* (backend, filter) {
      for (let round = 0; round < 2; round += 1) yield* backend.list(filter)
    },
  ),
  'pages in the order of UTF-16': [
    'pages hold each row once, in the order of the keys’ bytes',
    (backend) => ({
      page: async ({ after = '', limit, ...filter }) => {
        const { rows: all } = await backend.page({ ...filter, limit: 1_000_000 })
        const rows = all.filter(({ key }) => key > after).sort((a, b) => (a.key < b.key ? -1 : 1))
        return { rows: rows.slice(0, limit), next: rows.length > limit ? rows[limit - 1]!.key : undefined }
      },
    }),
  ],
  'pages that ignore `dueBefore`': [
    'pages hold the rows of the given filter',
    (backend) => ({ page: (request) => backend.page({ ...request, dueBefore: undefined }) }),
  ],
  'a page whose cursor must still be a row': [
    'a page begins after its cursor, also if that row was removed',
    (backend) => ({
      page: ({ after, ...request }) => {
        const isThere = after !== undefined && backend.rows.get(after)?.index.state !== undefined
        return backend.page({ ...request, after: isThere ? after : undefined })
      },
    }),
  ],
  'counts of documents and of rows without a state': [
    'counts say how many rows of each client are in each state, without documents',
    (backend) => ({
      counts: async ({ prefix = '' }) => {
        const documents = [...backend.rows.values()].filter(
          ({ key, index }) => key.startsWith(prefix) && index.state === 'document',
        )
        const others = documents.map(({ key }) => ({ key, state: 'document', count: 1 }))
        return [...(await backend.counts({ prefix })), ...others]
      },
    }),
  ],
}
