import type { Documents } from '../../../src/stores/documents.ts'
import { memoryStore } from '../../../src/stores/memory.ts'
import type { ClaimAnswer, ClaimRequest, GrantRecord, GrantStore } from '../../../src/stores/store.ts'
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

/** A store whose claims look at the record first. */
function withClaim(
  decide: (
    store: GrantStore,
    seen: { record: GrantRecord; request: ClaimRequest; now: number },
  ) => Promise<ClaimAnswer | undefined>,
): (store: GrantStore) => Partial<GrantStore> {
  return (store) => ({
    claim: async (key, request) => {
      const { record, now } = await store.read(key)
      const decided = record && (await decide(store, { record, request, now }))
      return decided ?? store.claim(key, request)
    },
  })
}

const BACK_OFF = 'a back-off lies no further ahead than its own delay, counted from when that was seen'
const SET_BACK = 'after a clock was set back, a lease and an intent last their own length once, and not a moment less'
const RENEWED =
  'the same owner renews what it has after the clock was set back, and another waits for no more than that'
const WINDOW = 'after a clock was set back, no window for repeats is open'
const DUE =
  'after a clock was set back, grants that were leased, backing off or reserved are due again after their own time'
const NEWER = 'a record of a newer form is neither replaced nor deleted'

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
  'a back-off that is believed, however far ahead it lies': [
    BACK_OFF,
    withClaim(async (_store, { record: { failures }, now }) => {
      if (failures === undefined || failures.notBefore <= now) return undefined
      return { outcome: 'later', until: failures.notBefore, mandatory: failures.mandatory, code: failures.code, now }
    }),
  ],
  'a back-off that begins anew at each look': [
    BACK_OFF,
    withClaim(async (_store, { record: { failures }, now }) => {
      if (failures === undefined || failures.lastAt <= now) return undefined
      const until = now + failures.notBefore - failures.lastAt
      return { outcome: 'later', until, mandatory: failures.mandatory, code: failures.code, now }
    }),
  ],
  'a back-off that is cut to what is usual': [
    'a back-off of right clocks lasts as long as it says',
    withClaim(async (_store, { record: { failures }, now }) => {
      if (failures === undefined || failures.notBefore <= now + 300_000) return undefined
      return { outcome: 'later', until: now + 300_000, mandatory: false, code: failures.code, now }
    }),
  ],
  'a lease that is believed, however far ahead it lies': [
    SET_BACK,
    withClaim(async (_store, { record: { lease }, request, now }) => {
      if (lease === undefined || lease.owner === request.owner || lease.until <= now) return undefined
      return { outcome: 'busy', waitMs: lease.until - now, leaseMs: lease.until - now, now }
    }),
  ],
  'a lease of another clock that is over at once': [
    SET_BACK,
    withClaim(async (store, { record: { key, lease }, request, now }) => {
      if (lease !== undefined && lease.until > now + request.leaseMs + 20_000) {
        await store.release(key, { owner: lease.owner, spent: 'no' })
      }
      return undefined
    }),
  ],
  "a lease that lasts no longer than the claimer's own would": [
    SET_BACK,
    withClaim(async (store, { record, request }) => {
      const answer = await store.claim(record.key, request)
      if (answer.outcome !== 'busy') return answer
      return { ...answer, leaseMs: Math.min(answer.leaseMs, request.leaseMs) }
    }),
  ],
  'a renewal that leaves the lease where another clock set it': [
    RENEWED,
    withClaim(async (store, { record, request }) => {
      const answer = await store.claim(record.key, request)
      const { lease } = record
      if (answer.outcome !== 'claimed' || lease?.owner !== request.owner) return answer
      return { ...answer, record: { ...answer.record, lease } }
    }),
  ],
  'a window for repeats that a clock which was set back opens again': [
    WINDOW,
    withClaim(async (store, { record, request, now }) => {
      const opens = (record.lease?.until ?? 0) <= now && request.repeatWithinMs !== undefined
      return opens ? store.claim(record.key, { ...request, repeatWithinMs: Number.MAX_SAFE_INTEGER }) : undefined
    }),
  ],
  'due grants that a clock which was set back hides': [
    DUE,
    (_store, clock) => {
      const deaf = memoryStore({ clock: { now: () => clock.now() } })
      const { read, put, claim, release, due, delete: remove, list } = deaf
      const members = { read, put, claim, release, due, delete: remove, list }
      return Object.fromEntries(Object.entries(members).map(([name, run]) => [name, run.bind(deaf)]))
    },
  ],
  'a login that does not say that a newer form is in its way': [
    NEWER,
    (store, clock) => ({
      put: (key, grant, expect) =>
        store.put(key, grant, expect).catch(() => ({ committed: false, record: undefined, now: clock.now() })),
    }),
  ],
  'a deletion that does not say so': [
    NEWER,
    (store, clock) => ({ delete: (key, request) => store.delete(key, request).catch(() => ({ now: clock.now() })) }),
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
