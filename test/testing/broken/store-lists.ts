import type { Change, ChangesAnswer, ChangesRequest } from '../../../src/stores/changes.ts'
import { memoryStore } from '../../../src/stores/memory.ts'
import type { GrantStore } from '../../../src/stores/store.ts'
import type { StoreMistake } from './stores.ts'

/** Mistakes of pages, counts and feeds of stores. */
export const storeListMistakes: Readonly<Record<string, StoreMistake>> = {
  'pages in no order': [
    'pages hold each grant once, in the order of the keys’ bytes',
    (store) => ({
      page: async (request) => {
        const page = await store.page!(request)
        return { ...page, records: page.records.toReversed() }
      },
    }),
  ],
  'pages that ignore `dueBefore`': [
    'pages hold the grants of the given filter',
    (store) => ({ page: ({ dueBefore: _dueBefore, ...request }) => store.page!(request) }),
  ],
  'a page after any cursor': [
    'an invalid cursor or limit is rejected',
    (store) => ({ page: (request) => store.page!({ ...request, after: undefined }) }),
  ],
  'a cursor that must still be a grant': [
    'a page begins after its cursor, also if that grant was deleted',
    (store) => ({
      page: async (request) => {
        const [client = '', subject = '', account = ''] = JSON.parse(request.after ?? '[]') as string[]
        const { record } = await store.read({ client, subject, account })
        return store.page!({ ...request, after: record === undefined ? undefined : request.after })
      },
    }),
  ],
  'counts of all clients': [
    'counts say how many grants of each client are in each state',
    (store) => ({ counts: async () => [...(await store.counts!()), { client: 'x', state: 'active', count: 1 }] }),
  ],
  'a feed with every refresh': [
    'the feed has each login, end and deletion of a grant in the order of versions, but no refresh',
    (_store, clock) => members(memoryStore({ clock, everyRefresh: true })),
  ],
  'a feed that repeats what is repeated': [
    'a repeated operation, and one that writes nothing, add nothing to the feed',
    (store) => {
      const told: Change[] = []
      return {
        delete: async (key, request) => {
          const answer = await store.delete(key, request)
          const { record, now: at } = answer
          if (record !== undefined) told.push({ kind: 'disconnected', key, id: record.id, version: record.version, at })
          return answer
        },
        changes: async (request) => {
          const answer = await store.changes!(request)
          return { ...answer, changes: [...answer.changes, ...told.splice(0)] }
        },
      }
    },
  ],
  'a feed without tokens that follow a verdict': [
    'a token that follows a verdict is in the feed',
    (store) => ({ changes: (request) => without(store, request, ({ kind }) => kind === 'refreshed') }),
  ],
  'a feed that loses changes beyond its page': [
    'the feed is read in pages, and a cursor may be used again',
    (store) => ({
      changes: async (request) => {
        const answer = await store.changes!(request)
        return answer.changes.length === 2 ? { ...answer, changes: answer.changes.slice(1) } : answer
      },
    }),
  ],
  'an unknown cursor that is the beginning': [
    'the feed begins at its oldest change, and a cursor of another feed is expired',
    (store) => ({
      changes: async (request) => {
        const answer = await store.changes!(request)
        return answer.expired === true ? store.changes!({ limit: request.limit }) : answer
      },
    }),
  ],
  'a feed that takes any limit': [
    'an invalid limit is rejected',
    (store) => ({ changes: (request) => store.changes!({ ...request, limit: 100 }) }),
  ],
}

/** The members of another store. */
function members(store: GrantStore): Partial<GrantStore> {
  return new Proxy(store, {
    get: (target, name) => {
      const member: unknown = target[name as keyof GrantStore]
      return typeof member === 'function' ? (...args: unknown[]) => member.apply(target, args) as unknown : member
    },
  })
}

async function without(
  store: GrantStore,
  request: ChangesRequest,
  isHidden: (change: Change) => boolean,
): Promise<ChangesAnswer> {
  const answer = await store.changes!(request)
  const changes = answer.changes.filter((change) => !isHidden(change))
  // An empty page would end the list.
  return changes.length === 0 && answer.changes.length > 0
    ? without(store, { ...request, after: answer.next }, isHidden)
    : { ...answer, changes }
}
