import type { GrantKey } from '../../src/grant-key.ts'
import type { GrantRecord, GrantStore, TokenCommit, VerdictCommit } from '../../src/stores/store.ts'
import type { Faults } from './faults.ts'
import { tokenOf, type Ledger } from './ledger.ts'
import type { Process } from './process.ts'
import type { Random } from './random.ts'
import type { StorePoint } from './scenario.ts'
import { QUIET, type Timeline } from './timeline.ts'

export interface StoreWorld {
  readonly timeline: Timeline
  readonly random: Random
  readonly faults: Faults
  readonly ledger: Ledger
  readonly memory: GrantStore
  readonly key: GrantKey
  /** Until when the store is down, for everybody or for one process. */
  readonly downUntil: (process: Process, point: StorePoint) => number
  readonly crash: (process: Process) => void
  /** Another process logs the user in, after it has ended the grant or not. */
  readonly replace: (process: Process, ended: boolean) => void
  readonly trace: ((line: string) => void) | undefined
}

const never = <T>(): Promise<T> => new Promise<T>(() => undefined)

/** The shared store as one process sees it: every operation travels there and its answer back, and either may fail. */
export function simulatedStore(world: StoreWorld, process: Process): GrantStore {
  const { timeline, random, faults, ledger, memory } = world

  const apply = async <T>(point: StorePoint, work: () => Promise<T>): Promise<T> => {
    const before = ledger.record
    const value = await work()
    world.trace?.(
      `${timeline.now} store ${point} of process ${process.index}: ${JSON.stringify(value)?.replaceAll(/"sealed":"(\\.|[^"\\])*"/g, '"sealed"')}`,
    )
    const { record } = await memory.read(world.key)
    ledger.wrote(before, record)
    return value
  }

  const latency = (): number => {
    if (random.chance(0.02)) {
      process.troubledAt = timeline.now
      return random.between(30, 1500)
    }
    return random.chance(0.3) ? 0 : random.between(1, 25)
  }

  const operation = <T>(point: StorePoint, work: () => Promise<T>, onAnswer?: (value: T) => void): Promise<T> => {
    if (!process.alive) return never()
    const fault = faults.ofStore(point)
    if (fault === 'crash-before') {
      world.crash(process)
      return never()
    }
    const began = timeline.now
    const promise = new Promise<T>((resolve, reject) => {
      const fail = (ms: number): void => {
        process.troubledAt = timeline.now
        timeline.after(ms, process, () => {
          process.troubledAt = timeline.now
          reject(new Error('The simulated store failed.'))
        })
      }
      const answer = (ms: number, value: T): void =>
        timeline.after(ms, process, () => {
          ledger.slowestMs = Math.max(ledger.slowestMs, timeline.now - began)
          onAnswer?.(value)
          resolve(value)
        })
      if (fault === 'fail-before') return fail(latency())
      if (fault === 'hang-before') return fail(60_000)
      let travel = latency()
      if (fault === 'replaced' || fault === 'ended-and-replaced') {
        travel = random.between(50, 800)
        process.troubledAt = timeline.now + travel
        world.replace(process, fault === 'ended-and-replaced')
      }
      if (fault === 'late') {
        travel = random.between(10_500, 20_000)
        process.troubledAt = timeline.now + travel
      }
      timeline.after(travel, undefined, async () => {
        const down = world.downUntil(process, point) - timeline.now
        // A store that goes down may have written before its answer is lost.
        if (down > 0 && !random.chance(0.1)) return fail(random.chance(0.3) ? down + 60_000 : latency())
        const value = await apply(point, work)
        if (fault === 'crash-after') return world.crash(process)
        if (fault === 'fail-after' || down > 0) return fail(latency())
        if (fault === 'hang-after') return fail(60_000)
        if (fault === 'pause') process.pausedUntil = timeline.now + random.between(500, 30_000)
        if (fault === 'slow-answer') {
          process.troubledAt = timeline.now + 9000
          return answer(random.between(1000, 9000), value)
        }
        answer(latency(), value)
        return QUIET
      })
    })
    if (fault === 'crash-on-the-wire') world.crash(process)
    return promise
  }

  const noticed = (): void => {
    process.unnoticedMs = 0
  }

  return {
    volatile: true,
    read: (key) => operation('read', () => memory.read(key), noticed),
    put: (key, grant, expect) => operation('put', () => memory.put(key, grant, expect)),
    claim: (key, request) => operation('claim', () => memory.claim(key, request)),
    commit: (key, commit) =>
      operation('commit', async () => {
        const answer = await committed(ledger, commit, () => memory.commit(key, commit))
        if (!answer.committed && 'sealed' in commit) {
          ledger.record = answer.record
          ledger.lost(tokenOf(commit)?.accessToken, commit)
        }
        return answer
      }),
    release: (key, request) => operation('release', () => memory.release(key, request)),
    reseal: (key, request) => memory.reseal(key, request),
    once: (id, ttlMs) => memory.once(id, ttlMs),
    delete: (key, request) =>
      operation('delete', async () => {
        const before = ledger.record
        const deleted = await memory.delete(key, request)
        if (deleted && before?.id !== request.id) ledger.fail('I8', 'a log-in was deleted by the end of another')
        return deleted
      }),
    list: async function* (filter) {
      const found = await operation('read', async () => {
        const records: GrantRecord[] = []
        for await (const record of memory.list(filter)) records.push(record)
        return records
      })
      yield* found
    },
    due: (request) => operation('due', () => memory.due(request)),
    close: () => memory.close(),
  }
}

async function committed<A extends { readonly committed: boolean }>(
  ledger: Ledger,
  commit: TokenCommit | VerdictCommit,
  work: () => Promise<A>,
): Promise<A> {
  const before = ledger.record
  const answer = await work()
  if (answer.committed && 'verdict' in commit && before !== undefined) ledger.verdict(commit.owner, commit.verdict)
  return answer
}
