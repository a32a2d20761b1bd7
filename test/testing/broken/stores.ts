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

/** A store whose claims read the record first. */
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

const BACK_OFF = 'a back-off lasts at most its own delay, counted from the first claim that met it'
const SET_BACK = 'after a clock was set back, a lease and an intent last exactly their own length once more'
const RENEWED = 'after a clock was set back, an owner renews its lease, and another owner waits for that lease only'
const WINDOW = 'after a clock was set back, repeatWithinMs does not shorten the wait'
const DUE = 'after a clock was set back, leased, failed and reserved grants are due again after their own time'
const NEWER = 'a record of a newer schema is neither replaced nor deleted'

/** Mistakes of stores, each with the case that must fail. */
export const storeMistakes: Readonly<Record<string, StoreMistake>> = {
  'a delete whose repeat returns nothing': [
    'a deletion deletes only its login and returns the deleted record, also when it is repeated',
    (store) => ({
      delete: async (key, request) => {
        const { record, now } = await store.read(key)
        await store.delete(key, request)
        return { record: record?.id === request.id ? record : undefined, now }
      },
    }),
  ],
  'a verdict whose repeat is not recognized': [
    'a repeated verdict changes nothing, and counts as written for its owner',
    (store) => ({
      commit: async (key, commit) => {
        const { record } = await store.read(key)
        const answer = await store.commit(key, commit)
        return record?.version === answer.record?.version ? { ...answer, committed: false } : answer
      },
    }),
  ],
  'an id that is rejected for its own owner': [
    'an id is accepted once',
    (store) => ({ once: (id, ttlMs) => store.once(id, ttlMs, crypto.randomUUID()) }),
  ],
  'a back-off that is believed, however far ahead it lies': [
    BACK_OFF,
    withClaim(async (_store, { record: { failures }, now }) => {
      if (failures === undefined || failures.notBefore <= now) return undefined
      return { outcome: 'later', until: failures.notBefore, mandatory: failures.mandatory, code: failures.code, now }
    }),
  ],
  'a back-off that starts again at each claim': [
    BACK_OFF,
    withClaim(async (_store, { record: { failures }, now }) => {
      if (failures === undefined || failures.lastAt <= now) return undefined
      const until = now + failures.notBefore - failures.lastAt
      return { outcome: 'later', until, mandatory: failures.mandatory, code: failures.code, now }
    }),
  ],
  'a back-off that is cut to what is usual': [
    'a back-off of correct clocks lasts until its own time',
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
  "a lease that lasts no longer than the claimer's own": [
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
  'a login that ignores a record of a newer schema': [
    NEWER,
    (store, clock) => ({
      put: (key, grant, expect) =>
        store.put(key, grant, expect).catch(() => ({ committed: false, record: undefined, now: clock.now() })),
    }),
  ],
  'a deletion that ignores a record of a newer schema': [
    NEWER,
    (store, clock) => ({ delete: (key, request) => store.delete(key, request).catch(() => ({ now: clock.now() })) }),
  ],
  'a claim that trusts the record that its caller has read': [
    'a lease or a back-off that ended after its caller read the record does not stop a claim',
    (store, clock) => ({
      claim: async (key, request, seen) => {
        const isHeld = seen?.lease !== undefined && seen.lease.owner !== request.owner
        return isHeld ? { outcome: 'busy', waitMs: 1, leaseMs: 1, now: clock.now() } : store.claim(key, request)
      },
    }),
  ],
  'a commit that does not read the stored record again': [
    'a record that was written after its caller read it is read again',
    (store) => ({
      commit: async (key, commit, seen) => {
        const { record } = await store.read(key)
        const isSeen = seen !== undefined && record?.id === seen.id && seen.version === commit.version
        return store.commit(key, isSeen ? { ...commit, version: record?.version ?? 0 } : commit)
      },
    }),
  ],
  'a record of another grant that is used as the read one': [
    'a read record of another grant or another store has no effect',
    (store) => ({
      commit: (key, commit, seen) => store.commit(seen?.key ?? key, { ...commit, id: seen?.id ?? commit.id }),
    }),
  ],
  'documents without versions': [
    'a put needs the version that it replaces, and otherwise returns the stored document',
    withDocuments((documents) => ({
      put: async (name, value, options) => {
        const { document } = await documents.get(name)
        return documents.put(name, value, { ...options, version: document?.version ?? 0 })
      },
    })),
  ],
  'a first put that is repeated by another': [
    'exactly one of several first puts wins, also if the values are equal',
    withDocuments((documents) => ({
      put: async (name, value, options) => {
        const answer = await documents.put(name, value, options)
        return { ...answer, put: answer.document?.value === value }
      },
    })),
  ],
  'documents that do not end': [
    'a document expires after its time, and its next version continues the count',
    withDocuments((documents) => ({
      get: async (name) => ({ document: { value: 'short', version: 1 }, now: (await documents.get(name)).now }),
    })),
  ],
  'documents whose versions begin again': [
    'a document is deleted at its version only, and its next version continues the count',
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
    'documents are listed by the beginning of their names, without grants and single-use ids',
    withDocuments((documents) => ({ list: () => documents.list('') })),
  ],
  'documents of any size': [
    'a document of more than 64 KiB is rejected',
    withDocuments((documents) => ({
      put: (name, value, options) => documents.put(name, value.slice(0, 1000), options),
    })),
  ],
}
