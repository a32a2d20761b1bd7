import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { TYPE_FLAGS } from '../../scripts/type-flags.mjs'
import type { Answers, Reply } from './worker.ts'
import type { World } from './world.ts'

/** A real process with its own `Grants` over a shared store, controlled over its channel. */
export class WorkerProcess {
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>()
  #asked = 0

  private constructor(child: ChildProcess) {
    this.#child = child
    child.on('message', (reply: Reply) => {
      const { resolve, reject } = this.#waiting.get(reply.id) ?? {}
      this.#waiting.delete(reply.id)
      if (reply.error === undefined) resolve?.(reply.value)
      else reject?.(new Error(`A worker process failed: ${reply.error}`))
    })
    child.once('exit', (code, signal) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`A worker process ended: ${code ?? signal}`))
      this.#waiting.clear()
    })
  }

  /** Resolves when the process is ready for work. */
  static async start(world: World): Promise<WorkerProcess> {
    const child = fork(fileURLToPath(new URL('worker.ts', import.meta.url)), [], {
      execArgv: ['--expose-gc'],
      // An earlier process has stripped the types and compiled the code.
      env: {
        ...process.env,
        NODE_OPTIONS: TYPE_FLAGS,
        NODE_COMPILE_CACHE: join(tmpdir(), 'evergrant-proofs-compiled'),
      },
    })
    const worker = new WorkerProcess(child)
    await worker.ask('start', world)
    return worker
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  ask<K extends keyof Answers>(
    order: K,
    ...[argument]: Parameters<Answers[K]>
  ): Promise<Awaited<ReturnType<Answers[K]>>> {
    this.#asked += 1
    const id = this.#asked
    const answer = new Promise<unknown>((resolve, reject) => this.#waiting.set(id, { resolve, reject }))
    if (this.#child.connected) this.#child.send({ id, order, argument })
    else this.#waiting.get(id)?.reject(new Error('The worker process has ended.'))
    return answer as Promise<Awaited<ReturnType<Answers[K]>>>
  }

  /** Sends SIGKILL, so that no work is finished. Resolves when the process has ended. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const gone = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await gone
  }

  /** Closes its grants and ends the process. */
  async stop(): Promise<void> {
    const gone = once(this.#child, 'exit')
    await this.ask('close')
    this.#child.disconnect()
    await gone
  }
}
