import { fork, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import type { WorkerNews, WorkerOrder } from './messages.ts'

// The compiled one, also where the demo itself runs from its sources.
const program = join(import.meta.dirname, '..', '..', 'dist', 'pair', 'worker.js')
/** One that has not ended so long after it was told to is killed. */
const lateMs = 1000
const shownCharacters = 300

export interface WorkerListener {
  onNews(news: WorkerNews): void
  /** It has ended, in whatever way. */
  onEnd(signal: NodeJS.Signals | null, lastWords: string): void
}

/** A child process that shares the grant; it ends with this process in any case. */
export class WorkerProcess {
  readonly pid: number | undefined
  readonly #child: ChildProcess
  readonly #ended: Promise<void>
  #running = true
  #lastWords = ''

  constructor(order: WorkerOrder, listener: WorkerListener) {
    // Neither this process's arguments nor its environment, in which secrets may stand, are the child's business.
    const child = fork(program, [], { env: {}, execArgv: [], stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
    this.#child = child
    this.pid = child.pid
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#lastWords = (this.#lastWords + text).slice(-shownCharacters)
    })
    child.on('message', (news) => {
      if (this.#running) listener.onNews(news as WorkerNews)
    })
    this.#ended = new Promise((resolve) => {
      const end = (signal: NodeJS.Signals | null): void => {
        if (!this.#running) return
        this.#running = false
        listener.onEnd(signal, this.#lastWords.trim())
        resolve()
      }
      // Not 'close': it does not come for a child whose channel was closed from here.
      child.once('exit', (_code, signal) => setImmediate(end, signal))
      child.once('error', (error) => {
        this.#lastWords = error.message
        // It could not be started: no other event will come.
        if (child.pid === undefined) end(null)
      })
    })
    child.send(order, () => undefined)
  }

  /** Ends it as a power cut would. */
  kill(): void {
    if (this.#running) this.#child.kill('SIGKILL')
  }

  /** Lets it end, and resolves when it has. */
  async stop(): Promise<void> {
    if (this.#child.connected) this.#child.disconnect()
    const late = setTimeout(() => this.kill(), lateMs)
    await this.#ended
    clearTimeout(late)
  }
}
