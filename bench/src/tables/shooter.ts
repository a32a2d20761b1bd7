import { spread } from '../harness/stats.ts'
import { cell, notInstalled, type Cell } from '../harness/table.ts'
import type { LibraryName } from '../libraries/index.ts'
import { control } from '../server/protocol.ts'
import type { Age, BenchServer } from '../server/start-server.ts'
import { WorkerProcess } from '../workers/worker-process.ts'

/** One storm of one contestant. */
export interface ShotOrder {
  readonly library: LibraryName
  readonly callers: number
  readonly age: Age
  /** Each caller makes a GET to the API, which refuses the token that is there at the beginning. Else it only asks for the token. */
  readonly refused?: boolean
}

/** What one storm did. */
export interface Shot {
  readonly wallMs: number
  readonly requests: number
  readonly failed: number
  readonly revoked: boolean
}

/** Starts storms in one process for each contestant, one contestant at a time. */
export class Shooter {
  readonly #server: BenchServer
  readonly #workers = new Map<LibraryName, WorkerProcess>()

  constructor(server: BenchServer) {
    this.#server = server
  }

  async shoot({ age, callers, library, refused = false }: ShotOrder): Promise<Shot> {
    const { place } = this.#server
    const worker = this.#workers.get(library) ?? WorkerProcess.of(library)
    this.#workers.set(library, worker)
    const seed = await this.#server.logIn(age)
    if (refused) await control(place, 'refuse', seed.accessToken)
    await worker.ask('open', { library, server: place, keeping: { kind: 'memory' }, seed })
    await this.#server.resetStats()
    const order = { callers, ...(refused && { url: place.resource }) }
    const { endedAt, failed, startedAt } = await worker.ask('storm', order)
    const { revoked, tokenRequests } = await this.#server.stats()
    await worker.ask('close', null)
    return { wallMs: endedAt - startedAt, requests: tokenRequests, failed, revoked: revoked > 0 }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#workers.values()].map((worker) => worker.stop()))
  }
}

/** A count where it was always the same, else its spread. */
export function counted(values: readonly number[]): Cell {
  const [first = 0] = values
  return values.every((value) => value === first) ? first : spread(values)
}

/** The cells of what some storms did: token requests, failed calls, wall time, whether the grant was ended. */
export function shotCells(shots: readonly Shot[]): readonly Cell[] {
  if (shots.length === 0) return notInstalled(4)
  const ended = shots.filter(({ revoked }) => revoked).length
  return [
    counted(shots.map(({ requests }) => requests)),
    counted(shots.map(({ failed }) => failed)),
    cell(
      shots.map(({ wallMs }) => wallMs),
      'ms',
    ),
    ended === 0 ? 'no' : ended === shots.length ? 'yes' : `${ended} of ${shots.length}`,
  ]
}

/** What must hold of every storm: one token request, and nothing fails. */
export function sharedAim(
  aim: string,
  what: string,
  shots: readonly Pick<Shot, 'requests' | 'failed'>[],
): { readonly aim: string; readonly measured: string; readonly met: boolean } {
  const most = (figure: 'requests' | 'failed'): number => Math.max(...shots.map((shot) => shot[figure]))
  return {
    aim,
    measured: `${most('requests')} token requests, ${most('failed')} failed ${what}, at most`,
    met: shots.length > 0 && shots.every((shot) => shot.requests === 1 && shot.failed === 0),
  }
}
