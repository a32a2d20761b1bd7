import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { generateKey } from 'evergrant/seal'

import type { LibraryName } from '../../libraries/index.ts'
import type { Keeping } from '../../libraries/keep.ts'
import type { Waits } from '../../libraries/library.ts'
import { control, DEFAULT_BEHAVIOUR, type Behaviour } from '../../server/protocol.ts'
import { startServer, type Age, type BenchServer } from '../../server/start-server.ts'
import { WorkerProcess } from '../../workers/worker-process.ts'
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
  readonly library: LibraryName
  readonly server: BenchServer
  readonly #folder: string
  readonly #waits: Waits | undefined
  #workers: WorkerProcess[] = []
  #files = 0

  private constructor(library: LibraryName, server: BenchServer, folder: string, waits: Waits | undefined) {
    this.library = library
    this.server = server
    this.#folder = folder
    this.#waits = waits
  }

  static async open(library: LibraryName, waits?: Waits): Promise<Stage> {
    return new Stage(library, await startServer(), await mkdtemp(join(tmpdir(), 'evergrant-bench-faults-')), waits)
  }

  /** A new grant, held by the first process. */
  async trial({ age, behaviour, refused = false }: TrialOrder): Promise<Trial> {
    const { library, server } = this
    await server.configure(DEFAULT_BEHAVIOUR)
    const waits = this.#waits
    const order = { library, server: server.place, keeping: this.#keeping(), ...(waits && { waits }) }
    const seed = await server.logIn(age)
    const worker = this.#worker(0)
    await worker.ask('open', { ...order, seed })
    if (refused) await control(server.place, 'refuse', seed.accessToken)
    if (behaviour !== undefined) await server.configure(behaviour)
    await server.resetStats()
    return new Trial(server, seed, worker, async () => {
      const other = this.#worker(1)
      await other.ask('open', order)
      return other
    })
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

  #keeping(): Keeping {
    const path = join(this.#folder, `kept-${(this.#files += 1)}`)
    if (this.library !== 'evergrant-grants') return { kind: 'file', path: `${path}.json` }
    return { kind: 'store', store: 'SQLite', at: `${path}.db`, space: '', keys: `k1:${generateKey()}` }
  }

  #worker(index: number): WorkerProcess {
    return (this.#workers[index] ??= WorkerProcess.of(this.library))
  }
}
