import type { Clock } from '../util/clock.ts'

/** Limits of concurrency in total, and of concurrency and rate per client. */
export interface Limits {
  /** Maximum concurrency of one client. */
  readonly concurrency: number
  /** Rate of one client, evenly spaced. */
  readonly perSecond: number | undefined
  /** Time in the queue after which an item is given up, in ms. */
  readonly keepMs: number
}

/** Maximum queue length of one client, and of all together. */
const MOST_OF_ONE = 1000
const MOST = 5000

interface Line<T> {
  readonly client: string
  waiting: { readonly item: T; readonly until: number }[]
  running: number
  /** Nothing of it starts before this time (monotonic). */
  notBefore: number
  /** When an item of it last started. */
  turn: number
}

/** An item whose turn has come. `end` is called once, when it is finished. */
export interface Turn<T> {
  readonly client: string
  readonly item: T
  readonly end: () => void
}

/**
 * A queue with one line per client. The client with the least work in progress is next, so that no client waits for
 * another's provider.
 */
export class FairQueue<T> {
  readonly #limits: Limits
  readonly #clock: Required<Clock>
  readonly #lines = new Map<string, Line<T>>()
  readonly #longest: number
  #size = 0
  #turns = 0

  constructor(limits: Limits, clock: Required<Clock>) {
    this.#limits = limits
    this.#clock = clock
    const inTime = Math.floor(((limits.perSecond ?? Number.POSITIVE_INFINITY) * limits.keepMs) / 1000)
    this.#longest = Math.min(MOST_OF_ONE, Math.max(1, inTime))
  }

  /** Number of waiting items. */
  get size(): number {
    return this.#size
  }

  /** Number of items that may start now. */
  get ready(): number {
    const now = this.#clock.monotonic()
    let ready = 0
    for (const line of this.#lines.values()) {
      if (line.notBefore > now) continue
      const most = this.#limits.perSecond === undefined ? this.#limits.concurrency - line.running : 1
      ready += Math.min(line.waiting.length, most, Math.max(0, this.#limits.concurrency - line.running))
    }
    return ready
  }

  /** Time at which the next item may start without waiting for another one to end (monotonic). */
  get readyAt(): number {
    let at = Number.POSITIVE_INFINITY
    for (const line of this.#lines.values())
      if (line.waiting.length > 0 && line.running < this.#limits.concurrency) at = Math.min(at, line.notBefore)
    return at
  }

  /** Adds an item, unless more are waiting than could start in time. Returns whether it was added. */
  offer(client: string, item: T): boolean {
    const line = this.#lineOf(client)
    const now = this.#clock.monotonic()
    this.#dropLate(line, now)
    if (line.waiting.length >= this.#longest || this.#size >= MOST) {
      this.#forget(line, now)
      return false
    }
    line.waiting.push({ item, until: now + this.#limits.keepMs })
    this.#size += 1
    return true
  }

  /** Returns the next item that may start. It counts as started. */
  next(): Turn<T> | undefined {
    const now = this.#clock.monotonic()
    let best: Line<T> | undefined
    for (const line of this.#lines.values()) {
      this.#dropLate(line, now)
      this.#forget(line, now)
      if (line.waiting.length === 0 || line.running >= this.#limits.concurrency || line.notBefore > now) continue
      if (best === undefined || line.running < best.running || (line.running === best.running && line.turn < best.turn))
        best = line
    }
    const entry = best?.waiting.shift()
    return best === undefined || entry === undefined ? undefined : this.#begin(best, entry.item, now)
  }

  #begin(line: Line<T>, item: T, now: number): Turn<T> {
    const { perSecond } = this.#limits
    this.#size -= 1
    line.running += 1
    line.turn = this.#turns += 1
    if (perSecond !== undefined) line.notBefore = Math.max(now, line.notBefore) + 1000 / perSecond
    let ended = false
    const end = (): void => {
      if (ended) return
      ended = true
      line.running -= 1
      this.#forget(line, this.#clock.monotonic())
    }
    return { client: line.client, item, end }
  }

  #lineOf(client: string): Line<T> {
    let line = this.#lines.get(client)
    if (line === undefined) {
      line = { client, waiting: [], running: 0, notBefore: Number.NEGATIVE_INFINITY, turn: 0 }
      this.#lines.set(client, line)
    }
    return line
  }

  #dropLate(line: Line<T>, now: number): void {
    const first = line.waiting.findIndex(({ until }) => until > now)
    const late = first === -1 ? line.waiting.length : first
    if (late === 0) return
    line.waiting.splice(0, late)
    this.#size -= late
  }

  /** A client with nothing left to remember costs nothing. */
  #forget(line: Line<T>, now: number): void {
    if (line.waiting.length === 0 && line.running === 0 && line.notBefore <= now) this.#lines.delete(line.client)
  }
}
