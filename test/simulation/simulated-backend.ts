import type { Backend, Row } from '../../src/stores/backend.ts'
import type { Database } from './database.ts'
import type { Faults } from './faults.ts'
import type { Process } from './process.ts'
import type { Random } from './random.ts'
import type { Operation, StoreFault, StorePoint } from './scenario.ts'
import { QUIET, type Timeline } from './timeline.ts'

export interface StoreWorld {
  readonly timeline: Timeline
  readonly random: Random
  readonly faults: Faults
  readonly database: Database
  /** The time until which the database is down, for all processes or for one. */
  readonly downUntil: (process: Process, point: StorePoint) => number
  /** Whether requests of this moment get no response. */
  readonly hangs: () => boolean
  /** Sets the process's clock, or the store's. */
  readonly setClock: (whose: Process | 'store') => void
  /** The present delay of the way there. */
  readonly slowMs: () => number
  readonly crash: (process: Process) => void
  /** Stops the machine, and every process with it. */
  readonly pauseAll: (ms: number) => void
  /** Another process logs the user in, after it has ended the grant or not. */
  readonly replace: (process: Process, ended: boolean) => void
  readonly trace: ((line: string) => void) | undefined
}

export const never = <T>(): Promise<T> => new Promise<T>(() => undefined)

/**
 * The shared database for one operation of one process. Every member is a trip there and back, and each way may fail.
 */
export function simulatedBackend(world: StoreWorld, process: Process, operation: Operation): Backend {
  const { database } = world
  const swapPoint = operation
  const lookPoint = operation === 'read' || operation === 'due' ? operation : (`${operation}-look` as const)
  return {
    volatile: true,
    read: (key) => trip(world, process, lookPoint, () => database.read(key)),
    swap: (key, from, to, write) => trip(world, process, swapPoint, () => database.swap(key, from, to, write)),
    list: async function* (filter) {
      yield* await trip(world, process, lookPoint, async () => {
        const rows: Row[] = []
        for await (const row of database.list(filter)) rows.push(row)
        return rows
      })
    },
    due: (request) => trip(world, process, 'due', () => database.due(request)),
    close: async () => undefined,
  }
}

function latency({ random, timeline }: StoreWorld, process: Process): number {
  if (random.chance(0.02)) {
    process.troubledAt = timeline.now
    return random.between(30, 1500)
  }
  return random.chance(0.3) ? 0 : random.between(1, 25)
}

/** The duration of the way there. */
function travelMs(world: StoreWorld, process: Process, fault: StoreFault | undefined): number {
  const { random, timeline } = world
  const slow = world.slowMs()
  const usual = latency(world, process) + slow
  if (slow > 0) process.troubledAt = timeline.now + usual
  const replaced = fault === 'replaced' || fault === 'ended-and-replaced'
  if (!replaced && fault !== 'late' && fault !== 'slow-request') return usual
  const [least, most] = replaced ? [50, 800] : fault === 'late' ? [10_500, 20_000] : [1000, 9000]
  const travel = random.between(least, most)
  process.troubledAt = timeline.now + travel
  if (replaced) world.replace(process, fault === 'ended-and-replaced')
  return travel
}

/** One trip: the asking process, and its fault. */
interface Trip<T> {
  readonly process: Process
  readonly point: StorePoint
  readonly fault: StoreFault | undefined
  readonly apply: () => Promise<T>
}

function trip<T>(world: StoreWorld, process: Process, point: StorePoint, work: () => Promise<T>): Promise<T> {
  const { timeline, random, faults } = world
  if (!process.alive) return never()
  const fault = faults.ofStore(point)
  if (fault === 'crash-before') {
    world.crash(process)
    return never()
  }
  const apply = async (): Promise<T> => {
    const value = await work()
    world.trace?.(`${timeline.now} database, ${point} of process ${process.index}: ${shown(value)}`)
    return value
  }
  const promise = new Promise<T>((resolve, reject) => {
    const fail = (ms: number): void => {
      process.troubledAt = timeline.now
      timeline.after(ms, process, () => {
        process.troubledAt = timeline.now
        reject(new Error('The simulated database failed.'))
      })
    }
    if (fault === 'fail-before') return fail(latency(world, process))
    if (fault === 'hang-before') return fail(60_000)
    const hangs = world.hangs()
    if (fault === 'never-before' || (hangs && random.chance(0.7))) {
      process.troubledAt = timeline.now
      return
    }
    const travel = travelMs(world, process, fault)
    if (fault === 'own-clock' || fault === 'store-clock') {
      const whose = fault === 'own-clock' ? process : 'store'
      timeline.after(random.between(0, travel), undefined, () => world.setClock(whose))
    }
    // A driver that lost its connection sends the command again.
    if (fault === 'twice')
      timeline.after(Math.max(0, travel - random.between(0, 1000)), undefined, async () => void (await apply()))
    timeline.after(travel, undefined, async () => {
      const back = await arrive(world, { process, point, fault: hangs ? 'never-after' : fault, apply })
      if (back === undefined) return
      if ('failsIn' in back) return fail(back.failsIn)
      timeline.after(back.ms, process, () => resolve(back.value))
      return QUIET
    })
  })
  if (fault === 'crash-on-the-wire') world.crash(process)
  return promise
}

/**
 * The database's response to a trip, or its failure, and the duration of the way back. Undefined if there is no
 * response.
 */
async function arrive<T>(
  world: StoreWorld,
  { process, point, fault, apply }: Trip<T>,
): Promise<{ readonly value: T; readonly ms: number } | { readonly failsIn: number } | undefined> {
  const { random, timeline } = world
  const down = world.downUntil(process, point) - timeline.now
  // A database that goes down may have written before its response is lost.
  if (down > 0 && !random.chance(0.1)) {
    return { failsIn: random.chance(0.3) ? down + 60_000 : latency(world, process) }
  }
  const value = await apply()
  if (fault === 'crash-after') {
    world.crash(process)
    return undefined
  }
  if (fault === 'never-after') {
    process.troubledAt = timeline.now
    return undefined
  }
  if (fault === 'fail-after' || down > 0) return { failsIn: latency(world, process) }
  if (fault === 'hang-after') return { failsIn: 60_000 }
  if (fault === 'pause') process.pause(random.between(500, 30_000))
  if (fault === 'pause-all') world.pauseAll(random.between(500, 60_000))
  if (fault !== 'slow-answer') return { value, ms: latency(world, process) }
  process.troubledAt = timeline.now + 9000
  return { value, ms: random.between(1000, 9000) }
}

function shown(value: unknown): string | undefined {
  return JSON.stringify(value, (name, each: unknown) => {
    if (name === 'entry') return JSON.parse(each as string) as unknown
    return name === 'sealed' || name === 'key' ? undefined : each
  })
}
