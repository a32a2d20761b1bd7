import type { Documents } from '../../../src/stores/documents.ts'
import type { GrantStore } from '../../../src/stores/store.ts'
import type { FakeClock } from '../../../src/testing/index.ts'

export type StoreMistake = readonly [
  caseName: string,
  spoil: (store: GrantStore, clock: FakeClock) => Partial<GrantStore>,
]

/** Spoils some members of the store's documents. */
function withDocuments(
  spoil: (documents: Documents) => Partial<Documents>,
): (store: GrantStore) => Partial<GrantStore> {
  return (store) => {
    const documents = store.documents!
    const { get, put, delete: remove, list } = documents
    const intact = { get, put, delete: remove, list }
    const bound = Object.fromEntries(Object.entries(intact).map(([name, run]) => [name, run.bind(documents)]))
    return { documents: { ...(bound as unknown as Documents), ...spoil(documents) } }
  }
}

/** Mistakes of stores, each with the case that must fail. */
export const storeMistakes: Readonly<Record<string, StoreMistake>> = {
  'a delete whose repeat returns nothing': [
    'a deletion deletes that login only, and returns what it deleted, also when it is repeated',
    (store) => ({
      delete: async (key, request) => {
        const { record, now } = await store.read(key)
        await store.delete(key, request)
        return { record: record?.id === request.id ? record : undefined, now }
      },
    }),
  ],
  'a verdict whose repeat is not recognised': [
    'a repeated verdict changes nothing, and its owner recognises it',
    (store) => ({
      commit: async (key, commit) => {
        const { record } = await store.read(key)
        const answer = await store.commit(key, commit)
        return record?.version === answer.record?.version ? { ...answer, committed: false } : answer
      },
    }),
  ],
  'an id that is refused to whom it was given': [
    'an id is seen once',
    (store) => ({ once: (id, ttlMs) => store.once(id, ttlMs, crypto.randomUUID()) }),
  ],
  'a claim that is decided on the record that was seen': [
    'what stood in the way when a record was seen, and ended, stands in nobody’s way',
    (store, clock) => ({
      claim: async (key, request, seen) => {
        const isHeld = seen?.lease !== undefined && seen.lease.owner !== request.owner
        return isHeld ? { outcome: 'busy', waitMs: 1, leaseMs: 1, now: clock.now() } : store.claim(key, request)
      },
    }),
  ],
  'a commit of what was seen, whatever is there': [
    'a record that was written since it was seen is looked at again',
    (store) => ({
      commit: async (key, commit, seen) => {
        const { record } = await store.read(key)
        const isSeen = seen !== undefined && record?.id === seen.id && seen.version === commit.version
        return store.commit(key, isSeen ? { ...commit, version: record?.version ?? 0 } : commit)
      },
    }),
  ],
  'a record of another grant that is taken for one that was seen': [
    'a record of another grant, or one that is no record of the store, helps nobody and hurts nobody',
    (store) => ({
      commit: (key, commit, seen) => store.commit(seen?.key ?? key, { ...commit, id: seen?.id ?? commit.id }),
    }),
  ],
  'documents without versions': [
    'a put needs the version that it replaces, and its loser gets the document that is there',
    withDocuments((documents) => ({
      put: async (name, value, options) => {
        const { document } = await documents.get(name)
        return documents.put(name, value, { ...options, version: document?.version ?? 0 })
      },
    })),
  ],
  'a first put that is repeated by another': [
    'of several first puts one wins, also with the same value',
    withDocuments((documents) => ({
      put: async (name, value, options) => {
        const answer = await documents.put(name, value, options)
        return { ...answer, put: answer.document?.value === value }
      },
    })),
  ],
  'documents that do not end': [
    'a document ends after its time, and its versions go on',
    withDocuments((documents) => ({
      get: async (name) => ({ document: { value: 'short', version: 1 }, now: (await documents.get(name)).now }),
    })),
  ],
  'documents whose versions begin again': [
    'a document is deleted at its version only, and its versions go on',
    withDocuments((documents) => {
      const offsets = new Map<string, number>()
      return {
        put: async (name, value, { version, ttlMs }) => {
          const { document } = await documents.get(name)
          const answer = await documents.put(name, value, { version: document === undefined ? 0 : version, ttlMs })
          if (document === undefined) offsets.set(name, (answer.document?.version ?? 1) - 1)
          const stored = answer.document
          return { ...answer, document: stored && { ...stored, version: stored.version - (offsets.get(name) ?? 0) } }
        },
      }
    }),
  ],
  'a list of all documents': [
    'documents are listed by the beginning of their names, and no grant or single-use id among them',
    withDocuments((documents) => ({ list: () => documents.list('') })),
  ],
  'documents of any size': [
    'a document may have 64 KiB and no more',
    withDocuments((documents) => ({
      put: (name, value, options) => documents.put(name, value.slice(0, 1000), options),
    })),
  ],
}
