import type { GrantRecord, GrantStore } from '../../../src/stores/store.ts'
import type { FakeClock } from '../../../src/testing/index.ts'

/** Stores that a hasty author might write. */
export const grantMistakes: Readonly<Record<string, (store: GrantStore, clock: FakeClock) => Partial<GrantStore>>> = {
  'a commit that needs the lease': (store) => ({
    commit: async (key, commit) => {
      const { record, now } = await store.read(key)
      if (!('verdict' in commit) && record?.lease === undefined) return { committed: false, record, now }
      return store.commit(key, commit)
    },
  }),
  'a verdict that needs no owner': (store) => ({
    commit: async (key, commit) => {
      const { record } = await store.read(key)
      const owner = record?.lease?.owner ?? ''
      return store.commit(key, 'verdict' in commit ? { ...commit, owner } : commit)
    },
  }),
  'a put that is not idempotent': (store) => ({
    put: async (key, grant, expect) => {
      const { record } = await store.read(key)
      if (record?.id === grant.id) await store.delete(key, { id: record.id })
      return store.put(key, grant, expect)
    },
  }),
  'a put that ignores what it expects': (store) => ({ put: (key, grant) => store.put(key, grant) }),
  'no tombstones': (store) => {
    const aliases = new Map<string, string>()
    const real = (id: string): string => aliases.get(id) ?? id
    const shown = (record: GrantRecord | undefined): GrantRecord | undefined =>
      record && { ...record, id: record.id.replace(/ again \d+$/, '') }
    return {
      put: async (key, grant, expect) => {
        let answer = await store.put(key, { ...grant, id: real(grant.id) }, expect)
        if (!answer.committed && expect === undefined) {
          aliases.set(grant.id, `${grant.id} again ${aliases.size}`)
          answer = await store.put(key, { ...grant, id: real(grant.id) })
        }
        return { ...answer, record: shown(answer.record) }
      },
    }
  },
  'a delete that deletes any login': (store) => ({
    delete: async (key) => {
      const { record } = await store.read(key)
      return store.delete(key, { id: record?.id ?? '' })
    },
  }),
  'a claim that ignores open intents': (store) => ({
    claim: (key, request) => store.claim(key, { ...request, repeatWithinMs: Number.MAX_SAFE_INTEGER }),
  }),
  'a claim that ignores repeatWithinMs': (store) => ({
    claim: (key, request) => store.claim(key, { ...request, repeatWithinMs: 0 }),
  }),
  'a claim that forces every back-off': (store) => ({
    claim: (key, request) => store.claim(key, { ...request, force: true }),
  }),
  'a claim that is never forced': (store) => ({
    claim: (key, request) => store.claim(key, { ...request, force: false }),
  }),
  'a claim without an intent': (store) => ({
    claim: async (key, request) => {
      const answer = await store.claim(key, request)
      return answer.outcome === 'claimed' ? { ...answer, record: { ...answer.record, intent: undefined } } : answer
    },
  }),
  'a claim that never says that it took over': (store) => ({
    claim: async (key, request) => {
      const answer = await store.claim(key, request)
      return answer.outcome === 'claimed' ? { ...answer, takeover: false } : answer
    },
  }),
  'a claim that decides by what it read before': (store) => ({
    claim: async (key, request) => {
      const { record } = await store.read(key)
      const answer = await store.claim(key, request)
      const other = (await store.read(key)).record?.lease?.owner
      if (answer.outcome !== 'busy' || record?.lease !== undefined || other === undefined) return answer
      await store.release(key, { owner: other, spent: 'no' })
      return store.claim(key, request)
    },
  }),
  'a release that closes every intent': (store) => ({
    release: (key, request) => store.release(key, { ...request, spent: 'no' }),
  }),
  'a release that leaves every intent open': (store) => ({
    release: (key, request) => store.release(key, { ...request, settled: false }),
  }),
  "a release of any owner's lease": (store) => ({
    release: async (key, request) => {
      const { record } = await store.read(key)
      return store.release(key, { ...request, owner: record?.lease?.owner ?? '' })
    },
  }),
  'a release that forgets the failures': (store) => ({
    release: (key, request) => store.release(key, { ...request, failures: undefined }),
  }),
  'a reseal that does not compare': (store) => ({
    reseal: async (key, request) => {
      const { record } = await store.read(key)
      return store.reseal(key, { ...request, from: record?.sealed ?? '' })
    },
  }),
  'ids that are accepted each time': () => ({ once: async () => true }),
  'ids that are never forgotten': (store) => ({
    once: (id, _ttlMs, by) => store.once(id, Number.MAX_SAFE_INTEGER, by),
  }),
  'keys that are joined with colons': (store) => {
    const joined = ({ client, subject, account }: { client: string; subject: string; account: string }): string =>
      `${client}:${subject}:${account}`
    return {
      read: (key) => store.read({ client: joined(key), subject: '', account: '' }),
      put: (key, grant, expect) => store.put({ client: joined(key), subject: '', account: '' }, grant, expect),
    }
  },
  'a list that ignores its filter': (store) => ({ list: () => store.list() }),
  'a list that holds one page': (store) => ({
    async *list(filter) {
      let count = 0
      for await (const record of store.list(filter)) if (count++ < 100) yield record
    },
  }),
  'due grants in no order': (store) => ({
    due: async (request) => {
      const answer = await store.due(request)
      return { ...answer, records: answer.records.toReversed() }
    },
  }),
  'due grants beyond the limit': (store) => ({ due: ({ before }) => store.due({ before, limit: 1_000_000 }) }),
  'due grants that are leased': (store, clock) => ({
    due: async (request) => {
      const records: GrantRecord[] = []
      for await (const record of store.list()) {
        if (record.state === 'active' && (record.refreshAfter ?? Infinity) <= request.before) records.push(record)
      }
      return {
        records: records.sort((a, b) => a.refreshAfter! - b.refreshAfter!).slice(0, request.limit),
        now: clock.now(),
      }
    },
  }),
}
