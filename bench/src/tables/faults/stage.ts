import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { generateKey } from 'evergrant/seal'

import type { RivalName } from '../../rivals/index.ts'
import type { Keeping } from '../../rivals/keeping.ts'
import type { Waits } from '../../rivals/rival.ts'
import { DEFAULT_BEHAVIOUR, type Behaviour } from '../../server/protocol.ts'
import { startServer, type BenchServer } from '../../server/start-server.ts'
import { programOf } from '../../workers/programs.ts'
import { WorkerProcess } from '../../workers/worker-process.ts'
import { logIn, placeOf, type Age } from '../log-in.ts'
import { Trial } from './trial.ts'

/** A grant to be tried, and how the server behaves once it is open. */
export interface TrialOrder {
  readonly age: Age
  readonly behaviour?: Partial<Behaviour>
  /** The API refuses its access token. */
  readonly refused?: boolean
}

/** One contestant with a server, a folder and processes of its own, so that others can be tried at the same time. */
export class Stage {
  readonly rival: RivalName
  readonly server: BenchServer
  readonly #folder: string
  readonly #waits: Waits | undefined
  #workers: WorkerProcess[] = []
  #files = 0

  private constructor(rival: RivalName, server: BenchServer, folder: string, waits: Waits | undefined) {
    this.rival = rival
    this.server = server
    this.#folder = folder
    this.#waits = waits
  }

  static async open(rival: RivalName, waits?: Waits): Promise<Stage> {
    return new Stage(rival, await startServer(), await mkdtemp(join(tmpdir(), 'evergrant-bench-faults-')), waits)
  }

  /** A new grant, held by the first process. */
  async trial({ age, behaviour, refused = false }: TrialOrder): Promise<Trial> {
    const { server } = this
    await server.configure(DEFAULT_BEHAVIOUR)
    const keeping = this.#keeping()
    const seed = await logIn(server, age)
    const worker = this.#worker(0)
    await worker.ask('open', { ...this.#order(keeping), seed })
    if (refused) await server.refuse(seed.accessToken)
    if (behaviour !== undefined) await server.configure(behaviour)
    await server.resetStats()
    const openOther = async (): Promise<WorkerProcess> => {
      const other = this.#worker(1)
      await other.ask('open', this.#order(keeping))
      return other
    }
    return new Trial({ server, seed, worker, openOther })
  }

  /** Ends the processes, with whatever they still wait for: the next trial gets new ones. */
  async renew(): Promise<void> {
    const workers = this.#workers
    this.#workers = []
    await Promise.all(workers.map((worker) => worker.kill()))
  }

  async close(): Promise<void> {
    await this.renew()
    await this.server.close()
    await rm(this.#folder, { recursive: true, force: true })
  }

  #order(keeping: Keeping) {
    const order = { rival: this.rival, server: placeOf(this.server), keeping }
    return this.#waits === undefined ? order : { ...order, waits: this.#waits }
  }

  #keeping(): Keeping {
    this.#files += 1
    const path = join(this.#folder, `kept-${this.#files}`)
    if (this.rival !== 'evergrant-grants') return { kind: 'file', path: `${path}.json` }
    return { kind: 'store', store: 'SQLite', at: `${path}.db`, space: '', keys: `k1:${generateKey()}` }
  }

  #worker(index: number): WorkerProcess {
    const program = programOf(this.rival)
    if (program === undefined) throw new Error(`Expected ${this.rival} to be installed.`)
    return (this.#workers[index] ??= new WorkerProcess(program))
  }
}
