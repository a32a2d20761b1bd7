import { setTimeout as pause } from 'node:timers/promises'

import { libraryOf, type LibraryName } from '../libraries/index.ts'
import type { Keeping } from '../libraries/keep.ts'
import type { BenchServer } from '../server/start-server.ts'
import type { WorkerProcess } from '../workers/worker-process.ts'

/** Processes that share one grant, and how often its token ends. */
export interface CyclesOrder {
  readonly library: LibraryName
  readonly keeping: Keeping
  readonly workers: readonly WorkerProcess[]
  /** Callers in each process. */
  readonly callers: number
  readonly cycles: number
}

/** What all processes did when the token had ended. */
export interface Cycle {
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
/** Processes are asked early, so that they begin together. */
const AHEAD_MS = 40
/** Then a token has expired by every process's clock. */
const SURELY_MS = 40

/** Several processes' callers ask for one grant's token, all at once, each time when it has expired. */
export async function expiryCycles(server: BenchServer, order: CyclesOrder): Promise<readonly Cycle[]> {
  const { callers, cycles, keeping, library, workers } = order
  const [first, ...others] = workers
  await server.configure({ lifetimeS: FRESH_S + (libraryOf(library).marginMs ?? 0) / 1000 })
  const open = { library, keeping, server: server.place }
  await first?.ask('open', { ...open, seed: await server.logIn('expired') })
  await Promise.all(others.map((worker) => worker.ask('open', open)))
  const done: Cycle[] = []
  for (let cycle = 0; cycle < cycles; cycle += 1) {
    if (cycle > 0) await pause(FRESH_S * 1000 + SURELY_MS)
    await server.resetStats()
    const startAt = Date.now() + AHEAD_MS
    const results = await Promise.all(workers.map((worker) => worker.ask('storm', { callers, startAt })))
    const { revoked, tokenRequests } = await server.stats()
    const blocked = results.flatMap(({ blockedMs }) => blockedMs ?? [])
    done.push({
      requests: tokenRequests,
      failed: results.reduce((sum, { failed }) => sum + failed, 0),
      revoked: revoked > 0,
      wallMs:
        Math.max(...results.map(({ endedAt }) => endedAt)) - Math.min(...results.map(({ startedAt }) => startedAt)),
      blockedMs: blocked.length === 0 ? null : Math.max(...blocked),
    })
  }
  await Promise.all(workers.map((worker) => worker.ask('close', null)))
  return done
}
