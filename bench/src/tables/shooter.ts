import type { RivalName } from '../rivals/index.ts'
import type { BenchServer } from '../server/start-server.ts'
import { programOf } from '../workers/programs.ts'
import { WorkerProcess } from '../workers/worker-process.ts'
import { logIn, placeOf } from './log-in.ts'
import type { Shot } from './shot.ts'

/** One storm of one contestant. */
export interface ShotOrder {
  readonly rival: RivalName
  readonly callers: number
  /** How long ago the token was had. */
  readonly age: 'fresh' | 'half' | 'spent'
  /** Each caller makes a GET to the API, which refuses the token that is there at the beginning. Else it only asks for the token. */
  readonly refused?: boolean
}

/** Lets storms loose in one process for each contestant, one contestant at a time. */
export class Shooter {
  readonly #server: BenchServer
  readonly #workers = new Map<RivalName, WorkerProcess>()

  constructor(server: BenchServer) {
    this.#server = server
  }

  async shoot({ age, callers, refused = false, rival }: ShotOrder): Promise<Shot> {
    const server = this.#server
    const worker = this.#worker(rival)
    const seed = await logIn(server, age)
    if (refused) await server.refuse(seed.accessToken)
    await worker.ask('open', { rival, server: placeOf(server), keeping: { kind: 'memory' }, seed })
    await server.resetStats()
    const order = { callers, ...(refused && { url: server.resource }) }
    const { endedAt, failures, startedAt } = await worker.ask('storm', order)
    const { revoked, tokenRequests } = await server.stats()
    await worker.ask('close', null)
    return {
      wallMs: endedAt - startedAt,
      requests: tokenRequests,
      failed: Object.values(failures).reduce((sum, count) => sum + count, 0),
      revoked: revoked > 0,
    }
  }

  #worker(rival: RivalName): WorkerProcess {
    const program = programOf(rival)
    if (program === undefined) throw new Error(`Expected ${rival} to be installed.`)
    const worker = this.#workers.get(rival) ?? new WorkerProcess(program)
    this.#workers.set(rival, worker)
    return worker
  }

  async close(): Promise<void> {
    await Promise.all([...this.#workers.values()].map((worker) => worker.stop()))
  }
}
