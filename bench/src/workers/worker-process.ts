import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Duplex } from 'node:stream'
import { fileURLToPath } from 'node:url'

import { libraryOf, type LibraryName } from '../libraries/index.ts'
import type { Orders, Reply, Request } from './protocol.ts'

/** How much of a process's output is shown when it ends early. */
const SHOWN = 2_000

/** A program that takes the orders of `protocol.ts`. */
export interface Program {
  readonly command: string
  readonly args: readonly string[]
}

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

/** One program for everything that runs in Node.js: it loads what it is asked to open. */
export const NODE: Program = { command: process.execPath, args: ['--expose-gc', here('worker.ts')] }

let python: Program | null | undefined

/** The program that runs this library; undefined: it is not installed here. */
export function programOf(library: LibraryName): Program | undefined {
  if (libraryOf(library).load !== undefined) return NODE
  // Debian's package is for Debian's own interpreter, which may not be the first in the PATH.
  const command = (python === undefined ? ['/usr/bin/python3', 'python3'] : []).find(
    (command) => spawnSync(command, ['-c', 'import requests_oauthlib']).status === 0,
  )
  python ??= command === undefined ? null : { command, args: [here('requests_oauthlib_worker.py')] }
  return python ?? undefined
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

  constructor({ args, command }: Program = NODE) {
    const env = { ...process.env, NODE_OPTIONS: '' }
    this.#child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe', 'pipe'], env })
    this.#channel = this.#child.stdio[3] as Duplex
    this.#child.stderr?.on('data', (data: Buffer) => (this.#output = (this.#output + data.toString()).slice(-SHOWN)))
    // That a process is gone is seen by its end, not by its channel's.
    this.#channel.on('error', () => undefined)
    createInterface({ input: this.#channel })
      .on('line', (line) => this.#settle(JSON.parse(line) as Reply))
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

  /** The process of a library, which must be installed. */
  static of(library: LibraryName): WorkerProcess {
    const program = programOf(library)
    if (program === undefined) throw new Error(`Expected ${library} to be installed.`)
    return new WorkerProcess(program)
  }

  ask<Name extends keyof Orders>(name: Name, order: Orders[Name][0]): Promise<Orders[Name][1]> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended)
    const request: Request = { id: (this.#asked += 1), name, order }
    return new Promise((resolve, reject) => {
      this.#waiting.set(request.id, { resolve, reject })
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

  #settle({ error, id, value }: Reply): void {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (error === undefined) waiting?.resolve(value)
    else waiting?.reject(new Error(error))
  }
}

/** Runs the `task` that a module exports, in a fresh process, which has loaded and compiled nothing for another contestant. */
export async function runTask<T extends (order: never) => Promise<unknown>>(
  module: URL,
  order: Parameters<T>[0],
): Promise<Awaited<ReturnType<T>>> {
  const worker = new WorkerProcess()
  try {
    return (await worker.ask('task', { module: module.href, order })) as Awaited<ReturnType<T>>
  } finally {
    await worker.kill()
  }
}
