import { spawn, type ChildProcess } from 'node:child_process'
import type { Duplex } from 'node:stream'
import { createInterface } from 'node:readline'

import type { Answers, OrderName, Orders, Reply, Request } from './protocol.ts'

/** So much of what a process wrote is shown when it ends by itself. */
const SHOWN = 2_000

/** A program that takes the orders of `protocol.ts`. */
export interface Program {
  readonly command: string
  readonly args: readonly string[]
}

interface Waiting {
  resolve(value: unknown): void
  reject(error: Error): void
}

/** A worker process, as its parent sees it. It ends with its parent. */
export class WorkerProcess {
  readonly #child: ChildProcess
  readonly #channel: Duplex
  readonly #waiting = new Map<number, Waiting>()
  readonly #gone: Promise<void>
  #asked = 0
  #ended: Error | undefined
  #output = ''

  constructor({ args, command }: Program) {
    this.#child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe', 'pipe'] })
    this.#channel = this.#child.stdio[3] as Duplex
    this.#child.stderr?.on('data', (data: Buffer) => (this.#output = (this.#output + data.toString()).slice(-SHOWN)))
    // A process that is gone is told by its end, not by its channel's.
    this.#channel.on('error', () => undefined)
    createInterface({ input: this.#channel })
      .on('line', (line) => this.#answer(JSON.parse(line) as Reply))
      .on('error', () => undefined)
    this.#gone = new Promise((resolve) => {
      const end = (why: unknown): void => {
        this.#ended = new Error(`A worker process ended (${String(why)}): ${this.#output}`)
        for (const { reject } of this.#waiting.values()) reject(this.#ended)
        this.#waiting.clear()
        resolve()
      }
      this.#child.once('error', end).once('exit', end)
    })
  }

  ask<Name extends OrderName>(name: Name, order: Orders[Name]): Promise<Answers[Name]> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended)
    const request: Request = { id: (this.#asked += 1), name, order }
    return new Promise((resolve, reject) => {
      this.#waiting.set(request.id, { resolve: (value) => resolve(value as Answers[Name]), reject })
      this.#channel.write(`${JSON.stringify(request)}\n`)
    })
  }

  /** Ends it in order, so that connections and locks of its own are given back. */
  async stop(): Promise<void> {
    await this.ask('close', null).catch(() => undefined)
    await this.kill()
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#gone
  }

  #answer({ error, id, value }: Reply): void {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (error === undefined) waiting?.resolve(value)
    else waiting?.reject(new Error(error))
  }
}
