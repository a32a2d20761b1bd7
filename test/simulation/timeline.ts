import type { Random } from './random.ts'

/** The owner of an event. Events of a crashed owner no longer happen, and those of a paused one happen later. */
export interface Owner {
  readonly alive: boolean
  readonly pausedUntil: number
}

/** Returned by an event that no process could notice, so that no promise job must run. */
export const QUIET: unique symbol = Symbol('quiet')

type Run = () => void | typeof QUIET | Promise<void | typeof QUIET>

interface Event {
  at: number
  readonly order: number
  readonly owner: Owner | undefined
  readonly run: Run
}

// Kept now, because a test runner may replace the timers.
const { setImmediate } = globalThis

/** Lets every promise job run. */
const promiseJobs = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

/** Virtual time. Events of one moment happen in random order, and after each event all promise jobs have run. */
export class Timeline {
  readonly #random: Random
  readonly #heap: Event[] = []
  now = 0
  events = 0
  /** Called before an owner continues after a wait. It may stop the owner again. */
  onTurn: (owner: Owner) => void = () => undefined

  constructor(random: Random) {
    this.#random = random
  }

  /** Schedules an event after `ms`. */
  after(ms: number, owner: Owner | undefined, run: Run): void {
    this.#push({ at: this.now + Math.max(0, ms), order: this.#random.next(), owner, run })
  }

  /** Runs until `end`, or until `done`. Calls `check` after each event. */
  async runUntil(end: number, check: () => void, done: () => boolean = () => false): Promise<void> {
    await promiseJobs()
    while (!done()) {
      const event = this.#heap[0]
      if (event === undefined || event.at > end) break
      this.#pop()
      if (event.owner?.alive === false) continue
      if (this.#postponed(event)) continue
      if (event.owner !== undefined) {
        this.now = Math.max(this.now, event.at)
        this.onTurn(event.owner)
        if (this.#postponed(event)) continue
      }
      this.now = Math.max(this.now, event.at)
      this.events += 1
      if ((await event.run()) !== QUIET) await promiseJobs()
      check()
    }
    if (!done()) this.now = Math.max(this.now, end)
  }

  /** Whether its owner is stopped. The event then happens when the owner continues. */
  #postponed(event: Event): boolean {
    if (event.owner === undefined || event.owner.pausedUntil <= event.at) return false
    event.at = event.owner.pausedUntil
    this.#push(event)
    return true
  }

  #push(event: Event): void {
    const heap = this.#heap
    let index = heap.push(event) - 1
    while (index > 0) {
      const above = (index - 1) >> 1
      if (!earlier(event, heap[above]!)) break
      heap[index] = heap[above]!
      index = above
    }
    heap[index] = event
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()!
    if (heap.length === 0) return
    let index = 0
    for (;;) {
      let below = 2 * index + 1
      if (below >= heap.length) break
      if (below + 1 < heap.length && earlier(heap[below + 1]!, heap[below]!)) below += 1
      if (!earlier(heap[below]!, last)) break
      heap[index] = heap[below]!
      index = below
    }
    heap[index] = last
  }
}

function earlier(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}
