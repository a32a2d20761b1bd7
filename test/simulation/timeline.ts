import type { Random } from './random.ts'

/** Whom an event belongs to: nothing of a dead owner happens any more, what happens to a paused one happens later. */
export interface Owner {
  readonly alive: boolean
  readonly pausedUntil: number
}

/** What an event answers when no process could have noticed it: nobody has anything to do then. */
export const QUIET: unique symbol = Symbol('quiet')

type Run = () => void | typeof QUIET | Promise<void | typeof QUIET>

interface Event {
  at: number
  readonly order: number
  readonly owner: Owner | undefined
  readonly run: Run
}

// Taken now: a test runner may put timers of its own in their place.
const { setImmediate } = globalThis

/** Lets every promise job run. */
const promiseJobs = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

/** Virtual time: what happens at one moment happens in random order, and after each event all promise jobs have run. */
export class Timeline {
  readonly #random: Random
  readonly #heap: Event[] = []
  now = 0
  events = 0
  /** Called before an owner goes on after a wait: it may stop the owner once more. */
  onTurn: (owner: Owner) => void = () => undefined

  constructor(random: Random) {
    this.#random = random
  }

  /** Lets something happen after `ms`. */
  after(ms: number, owner: Owner | undefined, run: Run): void {
    this.#push({ at: this.now + Math.max(0, ms), order: this.#random.next(), owner, run })
  }

  /** Goes on until `end`, or until `done`. After each event `check` looks at the world. */
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

  /** Whether its owner is stopped: it happens when the owner goes on. */
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
