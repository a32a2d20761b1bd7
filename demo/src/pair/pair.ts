import { openPairGrant, type PairGrantOptions } from './pair-grant.ts'
import { PairRun } from './pair-run.ts'
import { pairTimes } from './pair-times.ts'
import type { PairView } from './pair-view.ts'

type Ended = NonNullable<PairView['ended']>

const nothingYet: ReturnType<PairRun['view']> = {
  alive: true,
  armed: false,
  workers: [],
  timeline: [],
  counters: { redemptions: 0, reuseDetections: 0, revocations: 0, refreshes: 0, lost: 0, calls: 0, failed: 0 },
}

/** Two processes that share one throw-away grant. They run when they are asked to, for some minutes, while somebody looks. */
export class Pair {
  readonly #options: PairGrantOptions
  readonly #watchers = new Set<() => void>()
  #state: PairView['state'] = 'off'
  #run: PairRun | undefined
  #endsAt: number | undefined
  #ended: Ended | undefined
  #trouble: string | undefined
  #timer: NodeJS.Timeout | undefined
  #leaving: NodeJS.Timeout | undefined
  /** One start or stop after the other. */
  #turn: Promise<void> = Promise.resolve()
  #closed = false

  constructor(options: PairGrantOptions) {
    this.#options = options
  }

  /** Told when there is something new to see. Answers how to stop. */
  watch(listener: () => void): () => void {
    this.#watchers.add(listener)
    clearTimeout(this.#leaving)
    return () => {
      this.#watchers.delete(listener)
      this.#endUnlessWatched()
    }
  }

  view(): PairView {
    return {
      now: Date.now(),
      state: this.#state,
      ...(this.#ended !== undefined && { ended: this.#ended }),
      ...(this.#trouble !== undefined && { trouble: this.#trouble }),
      ...(this.#endsAt !== undefined && { endsAt: this.#endsAt }),
      ...(this.#run?.view() ?? nothingYet),
    }
  }

  /** Starts both, unless they run. */
  start(): Promise<void> {
    return this.#inTurn(() => this.#start())
  }

  /** Ends both; what they did can still be seen. */
  stop(why: Ended = 'asked'): Promise<void> {
    return this.#inTurn(() => this.#stop(why))
  }

  /** Ends the process that refreshes, or the next one that does, with SIGKILL. */
  kill(): void {
    if (this.#state === 'running') this.#run?.arm()
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#watchers.clear()
    await this.stop()
  }

  async #start(): Promise<void> {
    if (this.#state !== 'off' || this.#closed) return
    this.#state = 'starting'
    this.#run = undefined
    this.#ended = undefined
    this.#trouble = undefined
    this.#tell()
    try {
      const grant = await openPairGrant(this.#options)
      this.#run = new PairRun(grant, {
        onNews: () => this.#tell(),
        onTrouble: (text) => {
          this.#trouble = text
          void this.stop()
        },
      })
      this.#state = 'running'
      this.#endsAt = Date.now() + pairTimes.longestMs
      this.#timer = setTimeout(() => void this.stop('time'), pairTimes.longestMs)
      this.#endUnlessWatched()
    } catch (error) {
      this.#state = 'off'
      this.#trouble = error instanceof Error ? error.message : String(error)
    }
    this.#tell()
  }

  async #stop(why: Ended): Promise<void> {
    clearTimeout(this.#timer)
    clearTimeout(this.#leaving)
    if (this.#state !== 'running') return
    try {
      await this.#run?.close()
    } catch (error) {
      // They are gone; what is left in a store that can't be reached is swept later.
      this.#options.onError(error instanceof Error ? error : new Error(String(error)))
    }
    this.#state = 'off'
    this.#ended = why
    this.#endsAt = undefined
    this.#tell()
  }

  #inTurn(action: () => Promise<void>): Promise<void> {
    this.#turn = this.#turn.then(action)
    return this.#turn
  }

  #endUnlessWatched(): void {
    clearTimeout(this.#leaving)
    if (this.#watchers.size > 0 || this.#state === 'off') return
    // A page that is loaded anew is back by then.
    this.#leaving = setTimeout(() => void this.stop('left'), pairTimes.leaveMs)
  }

  #tell(): void {
    for (const listener of this.#watchers) listener()
  }
}
