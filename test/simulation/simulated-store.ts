import { DELETED_MS } from '../../src/stores/rules.ts'
import { storeOver } from '../../src/stores/store-over.ts'
import type { GrantStore } from '../../src/stores/store.ts'
import { tokenOf, type Ledger } from './ledger.ts'
import { EPOCH, type Process } from './process.ts'
import type { Operation } from './scenario.ts'
import { never, simulatedBackend, type StoreWorld } from './simulated-backend.ts'

/**
 * The store of one process. Each kind of operation has a `storeOver` of its own, so that its name identifies its
 * trips. A record that one operation has read can be passed to another.
 */
export function simulatedStore(world: StoreWorld, ledger: Ledger, process: Process): GrantStore {
  const { timeline } = world
  const over = (operation: Operation): GrantStore =>
    storeOver(simulatedBackend(world, process, operation), { clock: process.clock })
  const reads = over('read')
  const puts = over('put')
  const claims = over('claim')
  const commits = over('commit')
  const releases = over('release')
  const deletes = over('delete')
  const dues = over('due')

  const timed = async <T>(work: () => Promise<T>): Promise<T> => {
    if (!process.alive) return never()
    const began = timeline.now
    const value = await work()
    ledger.slowestMs = Math.max(ledger.slowestMs, timeline.now - began)
    return value
  }

  return {
    volatile: true,
    read: async (key) => {
      const { storeJumps } = ledger
      const answer = await timed(() => reads.read(key))
      // A response from before the store's clock was set does not show the new time.
      if (storeJumps === ledger.storeJumps) process.unnoticedMs = 0
      return answer
    },
    put: (key, grant, expect) => timed(() => puts.put(key, grant, expect)),
    claim: (key, request, seen) => timed(() => claims.claim(key, request, seen)),
    commit: async (key, commit, seen) => {
      const answer = await timed(() => commits.commit(key, commit, seen))
      if (!answer.committed && 'sealed' in commit) ledger.lost(tokenOf(commit)?.accessToken, commit, answer.record)
      return answer
    },
    release: (key, request, seen) => timed(() => releases.release(key, request, seen)),
    reseal: (key, request) => puts.reseal(key, request),
    once: (id, ttlMs, by) => puts.once(id, ttlMs, by),
    delete: async (key, request) => {
      ledger.deleting.add(request.id)
      const family = ledger.familyOfId.get(request.id)
      if (family !== undefined) process.ended.add(family)
      const answer = await timed(() => deletes.delete(key, request))
      const deletedAt = ledger.deletedAt.get(request.id)
      // The minute counts from the deletion's read, and its swap may be much later.
      // The store remembers by its own clock.
      const isRemembered =
        ledger.storeJumps === 0 && deletedAt !== undefined && answer.now - EPOCH < deletedAt + DELETED_MS / 3
      if (isRemembered && answer.record?.id !== request.id) {
        ledger.fail('other', `a repeated deletion of login ${request.id} did not return the deleted record`)
      }
      return answer
    },
    list: (filter) => reads.list(filter),
    due: (request) => timed(() => dues.due(request)),
    close: () => reads.close(),
  }
}
