import type { RivalName } from '../rivals/index.ts'
import { programOf } from '../workers/programs.ts'
import { WorkerProcess } from '../workers/worker-process.ts'

/** Worker processes that stay from one contestant to the next, so that none of their starts is ever measured. */
export class Crew {
  readonly #workers = new Map<string, WorkerProcess[]>()

  /** So many processes that can run this rival. */
  of(rival: RivalName, processes: number): readonly WorkerProcess[] {
    const program = programOf(rival)
    if (program === undefined) throw new Error(`Expected ${rival} to be installed.`)
    const workers = this.#workers.get(program.command) ?? []
    this.#workers.set(program.command, workers)
    while (workers.length < processes) workers.push(new WorkerProcess(program))
    return workers.slice(0, processes)
  }

  async close(): Promise<void> {
    await Promise.all([...this.#workers.values()].flat().map((worker) => worker.stop()))
  }
}
