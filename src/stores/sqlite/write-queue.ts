import type { Clock } from '../../util/clock.ts'
import { nextTurn } from '../../util/async.ts'
import type { Connection } from './connection.ts'
import { isBusy, storeError } from './errors.ts'
import type { OpenedFile } from './file.ts'

/** Maximum number of writes that share one transaction: the event loop is blocked during it. */
const GROUP = 256

/** Wait between two attempts for the lock, jittered: SQLite's own waiting would block the event loop. */
const FIRST_WAIT_MS = 1
const LONGEST_WAIT_MS = 16

interface Job {
  /** Whether the disk must have it before the promise resolves. */
  readonly durable: boolean
  run(): () => void
  fail(error: Error): void
}

interface Settings {
  /** Absent: the database is in memory. */
  readonly file: OpenedFile | undefined
  readonly clock: Required<Clock>
  readonly busyTimeoutMs: number
}

/** Runs the writes of one event-loop turn in one transaction, the next turn's in the next. */
export class WriteQueue {
  readonly #connection: Connection
  readonly #settings: Settings
  #waiting: Job[] = []
  #running: Promise<void> | undefined
  #synchronous: 'FULL' | 'NORMAL' | undefined

  constructor(connection: Connection, settings: Settings) {
    this.#connection = connection
    this.#settings = settings
  }

  /** Runs `work` in a transaction with the write lock. It may run more than once, and must do nothing but SQL. */
  write<T>(durable: boolean, work: (connection: Connection) => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({
        durable,
        run: () => {
          const result = work(this.#connection)
          return () => resolve(result)
        },
        fail: reject,
      })
      this.#running ??= this.#drain()
    })
  }

  /** Resolves when nothing is waiting or running. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      // The rest of this turn's operations join.
      await nextTurn()
      await this.#together(this.#waiting.splice(0, GROUP))
    }
    this.#running = undefined
  }

  /** One failing operation must not fail the others of its turn: they run again without it. */
  async #together(turn: readonly Job[]): Promise<void> {
    let jobs = turn
    while (jobs.length > 0) {
      let running: Job | undefined
      const work = (): (() => void)[] => {
        const settle = jobs.map((job) => {
          running = job
          return job.run()
        })
        running = undefined
        return settle
      }
      try {
        const durable = jobs.some((job) => job.durable)
        const settle = await this.#commit(durable, work)
        for (const resolve of settle) resolve()
        return
      } catch (error) {
        const failed = running === undefined || isBusy(error) ? jobs : [running]
        for (const job of failed) job.fail(storeError(error))
        jobs = jobs.filter((job) => !failed.includes(job))
      }
    }
  }

  async #commit<T>(durable: boolean, work: () => T): Promise<T> {
    const { file, clock, busyTimeoutMs } = this.#settings
    this.#setSynchronous(durable ? 'FULL' : 'NORMAL')
    const done = await retryBusy(clock, busyTimeoutMs, () => {
      file?.assertSame()
      return this.#connection.transaction(work)
    })
    if (durable) file?.assertKept()
    return done
  }

  /**
   * A power cut may lose what was committed at NORMAL, but breaks nothing:
   * https://www.sqlite.org/pragma.html#pragma_synchronous
   */
  #setSynchronous(level: 'FULL' | 'NORMAL'): void {
    if (this.#synchronous === level) return
    this.#connection.exec(`PRAGMA synchronous = ${level}`)
    this.#synchronous = level
  }
}

/** Calls `work` again while another connection keeps it from working, for `timeoutMs` at most. */
export async function retryBusy<T>(clock: Required<Clock>, timeoutMs: number, work: () => T): Promise<T> {
  let wait = FIRST_WAIT_MS
  let deadline: number | undefined
  for (;;) {
    try {
      return work()
    } catch (error) {
      if (!isBusy(error)) throw error
      deadline ??= clock.monotonic() + timeoutMs
      if (clock.monotonic() >= deadline) throw error
    }
    await clock.delay(wait * (0.5 + Math.random()))
    wait = Math.min(wait * 2, LONGEST_WAIT_MS)
  }
}
