import type { Clock } from '../../clock.ts'
import type { Connection } from './database.ts'
import { isBusy, storeError } from './sqlite-error.ts'

/** How many operations share one transaction at most: the event loop stands still meanwhile. */
const GROUP = 256

/** Waits between two tries for the lock, jittered: SQLite's own waiting would freeze the event loop. */
const FIRST_WAIT_MS = 1
const LONGEST_WAIT_MS = 16

interface Job {
  /** Whether the answer promises that the disk has it. */
  readonly durable: boolean
  run(): () => void
  fail(error: Error): void
}

/** Runs the writes of one event-loop turn in one transaction, the next turn's in the next. */
export class Turns {
  readonly #connection: Connection
  readonly #clock: Required<Clock>
  readonly #busyTimeoutMs: number
  #waiting: Job[] = []
  #running: Promise<void> | undefined
  #synchronous: 'FULL' | 'NORMAL' | undefined

  constructor(connection: Connection, clock: Required<Clock>, busyTimeoutMs: number) {
    this.#connection = connection
    this.#clock = clock
    this.#busyTimeoutMs = busyTimeoutMs
  }

  /** Runs `work` in a transaction that holds the write lock from its start. It may run more than once, and must do nothing but SQL. */
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
      // The rest of this turn's operations come along.
      await new Promise((resolve) => setImmediate(resolve))
      const jobs = this.#waiting.splice(0, GROUP)
      try {
        const settle = await retryBusy(this.#clock, this.#busyTimeoutMs, () => this.#transaction(jobs))
        for (const answer of settle) answer()
      } catch (error) {
        const failure = storeError(error)
        for (const job of jobs) job.fail(failure)
      }
    }
    this.#running = undefined
  }

  #transaction(jobs: readonly Job[]): (() => void)[] {
    this.#setSynchronous(jobs.some((job) => job.durable) ? 'FULL' : 'NORMAL')
    return this.#connection.transaction(() => jobs.map((job) => (jobs.length === 1 ? job.run() : this.#isolated(job))))
  }

  /** One failing operation must not fail the others of its turn. */
  #isolated(job: Job): () => void {
    this.#connection.run('SAVEPOINT job')
    try {
      const answer = job.run()
      this.#connection.run('RELEASE job')
      return answer
    } catch (error) {
      // Throws when the failure (a full disk) has ended the transaction: then all of it failed.
      this.#connection.run('ROLLBACK TO job')
      this.#connection.run('RELEASE job')
      return () => job.fail(storeError(error))
    }
  }

  /** A power cut may lose what was committed at NORMAL, but breaks nothing: https://www.sqlite.org/pragma.html#pragma_synchronous */
  #setSynchronous(level: 'FULL' | 'NORMAL'): void {
    if (this.#synchronous === level) return
    this.#connection.exec(`PRAGMA synchronous = ${level}`)
    this.#synchronous = level
  }
}

/** Calls `work` again, for so long at most, while another connection keeps it from working. */
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
