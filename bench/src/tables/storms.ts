import { setTimeout as pause } from 'node:timers/promises'

import { spread } from '../harness/stats.ts'
import { cell, notInstalled, type Aim, type Cell } from '../harness/table.ts'
import { libraryOf, type LibraryName } from '../libraries/index.ts'
import type { Keeping } from '../libraries/keep.ts'
import { control } from '../server/protocol.ts'
import type { Age, BenchServer } from '../server/start-server.ts'
import { programOf, WorkerProcess } from '../workers/worker-process.ts'

/** Callers that ask for one grant's token, all at once. */
export interface StormOrder {
  readonly library: LibraryName
  /** Callers in each process. */
  readonly callers: number
  /** @default 1 */
  readonly processes?: number
  readonly age: Age
  /** Each caller makes a GET to the API, which refuses the token that is there at the beginning. Else it only asks for the token. */
  readonly refused?: boolean
  /** @default the process's memory */
  readonly keeping?: Keeping
  /** How often they ask, each time when the token has expired. @default once, and a token lasts an hour */
  readonly expiries?: number
}

/** What one storm did. */
export interface Storm {
  readonly requests: number
  readonly failed: number
  readonly revoked: boolean
  /** From the first process's start to the last one's end. */
  readonly wallMs: number
  /** The longest that any process's event loop stood still; null: they have none. */
  readonly blockedMs: number | null
}

/** How long a new token is good: a lifetime has whole seconds. */
const FRESH_S = 1
/** Then a token has expired by every process's clock. */
const SURELY_MS = 40
/** Processes are asked early, so that they begin together. */
const AHEAD_MS = 40

/** Worker processes that stay from one storm to the next, so that none of their starts is ever measured. */
export class Crew {
  readonly #server: BenchServer
  readonly #keyOf: (library: LibraryName) => string
  readonly #workers = new Map<string, WorkerProcess[]>()

  /** `own`: each contestant has processes of its own; else those that can run it are shared. */
  constructor(server: BenchServer, { own }: { readonly own: boolean }) {
    this.#server = server
    this.#keyOf = (library) => (own ? library : (programOf(library)?.command ?? ''))
  }

  async storms(order: StormOrder): Promise<readonly Storm[]> {
    const { age, callers, expiries, keeping = { kind: 'memory' }, library, processes = 1, refused = false } = order
    const { configure, logIn, place } = this.#server
    const workers = this.#of(library, processes)
    const [first, ...others] = workers
    if (expiries !== undefined) await configure({ lifetimeS: FRESH_S + (libraryOf(library).marginMs ?? 0) / 1000 })
    const seed = await logIn(age)
    if (refused) await control(place, 'refuse', seed.accessToken)
    const open = { library, keeping, server: place }
    await first?.ask('open', { ...open, seed })
    await Promise.all(others.map((worker) => worker.ask('open', open)))
    const done: Storm[] = []
    for (let time = 0; time < (expiries ?? 1); time += 1) {
      if (time > 0) await pause(FRESH_S * 1000 + SURELY_MS)
      done.push(await this.#storm(workers, { callers, ...(refused && { url: place.resource }) }))
    }
    await Promise.all(workers.map((worker) => worker.ask('close', null)))
    return done
  }

  async close(): Promise<void> {
    await Promise.all([...this.#workers.values()].flat().map((worker) => worker.stop()))
  }

  #of(library: LibraryName, processes: number): readonly WorkerProcess[] {
    const key = this.#keyOf(library)
    const workers = this.#workers.get(key) ?? []
    this.#workers.set(key, workers)
    while (workers.length < processes) workers.push(WorkerProcess.of(library))
    return workers.slice(0, processes)
  }

  async #storm(
    workers: readonly WorkerProcess[],
    order: { readonly callers: number; readonly url?: string },
  ): Promise<Storm> {
    await this.#server.resetStats()
    const startAt = Date.now() + AHEAD_MS
    const results = await Promise.all(workers.map((worker) => worker.ask('storm', { ...order, startAt })))
    const { revoked, tokenRequests } = await this.#server.stats()
    const blocked = results.flatMap(({ blockedMs }) => blockedMs ?? [])
    return {
      requests: tokenRequests,
      failed: results.reduce((sum, { failed }) => sum + failed, 0),
      revoked: revoked > 0,
      wallMs:
        Math.max(...results.map(({ endedAt }) => endedAt)) - Math.min(...results.map(({ startedAt }) => startedAt)),
      blockedMs: blocked.length === 0 ? null : Math.max(...blocked),
    }
  }
}

/** A count where it was always the same, else its spread. */
export function counted(values: readonly number[]): Cell {
  const [first = 0] = values
  return values.every((value) => value === first) ? first : spread(values)
}

export const wallOf = (storms: readonly Storm[]): readonly number[] => storms.map(({ wallMs }) => wallMs)

/** The cells of what some storms did: token requests, failed calls, wall time, whether the grant was ended. */
export function stormCells(storms: readonly Storm[]): readonly Cell[] {
  if (storms.length === 0) return notInstalled(4)
  const ended = storms.filter(({ revoked }) => revoked).length
  return [
    counted(storms.map(({ requests }) => requests)),
    counted(storms.map(({ failed }) => failed)),
    cell(wallOf(storms), 'ms'),
    ended === 0 ? 'no' : ended === storms.length ? 'yes' : `${ended} of ${storms.length}`,
  ]
}

/** What must hold of every storm: one token request, and nothing fails. */
export function sharedAim(aim: string, what: string, storms: readonly Storm[]): Aim {
  const most = (figure: 'requests' | 'failed'): number => Math.max(...storms.map((storm) => storm[figure]))
  return {
    aim,
    measured: `${most('requests')} token requests, ${most('failed')} failed ${what}, at most`,
    met: storms.length > 0 && storms.every(({ failed, requests }) => requests === 1 && failed === 0),
  }
}
