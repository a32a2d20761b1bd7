import { pairTimes } from './pair-times.ts'
import type { AskSpan, Span, WorkerName, WorkerView } from './pair-view.ts'

const mostBeats = 30
const rateOverMs = 2000

/** What is remembered of one of the two processes, through all its lives. */
export class WorkerLog {
  readonly name: WorkerName
  state: WorkerView['state'] = 'off'
  #pid: number | undefined
  #fingerprint: string | undefined
  #refreshes = 0
  #calls: { readonly at: number; readonly ok: boolean }[] = []
  #lives: Span[] = []
  #asks: AskSpan[] = []

  constructor(name: WorkerName) {
    this.name = name
  }

  /** Since when its refresh token is on its way. */
  get askingSince(): number | undefined {
    const latest = this.#asks.at(-1)
    return this.state === 'refreshing' && latest?.to === undefined ? latest?.from : undefined
  }

  started(pid: number | undefined, at: number): void {
    this.state = 'starting'
    this.#pid = pid
    this.#fingerprint = undefined
    this.#calls = []
    this.#lives.push({ from: at })
  }

  ready(): void {
    this.state = 'calling'
  }

  called(ok: boolean, fingerprint: string | undefined, at: number): void {
    this.#fingerprint = fingerprint ?? this.#fingerprint
    this.#calls.push({ at, ok })
    this.#calls = this.#calls.slice(-mostBeats)
  }

  asking(at: number): void {
    this.state = 'refreshing'
    this.#asks.push({ from: at })
  }

  answered(ok: boolean, at: number): void {
    this.state = 'calling'
    this.#endAsk(ok ? 'answered' : 'failed', at)
  }

  refreshed(): void {
    this.#refreshes += 1
  }

  ended(isKilled: boolean, at: number): void {
    this.state = isKilled ? 'killed' : 'off'
    this.#endAsk('killed', at)
    this.#lives = this.#lives.map((life) => (life.to === undefined ? { ...life, to: at } : life))
  }

  view(now: number): WorkerView {
    const { name, state } = this
    const isRecent = ({ to }: Span): boolean => to === undefined || to > now - pairTimes.windowMs
    this.#lives = this.#lives.filter(isRecent)
    this.#asks = this.#asks.filter(isRecent)
    const lately = this.#calls.filter(({ at }) => at > now - rateOverMs).length
    const runs = state !== 'off' && state !== 'killed'
    return {
      name,
      ...(this.#pid !== undefined && { pid: this.#pid }),
      state,
      ...(this.#fingerprint !== undefined && { fingerprint: this.#fingerprint }),
      callsPerSecond: runs ? lately / (rateOverMs / 1000) : 0,
      beats: this.#calls.map(({ ok }) => ok),
      refreshes: this.#refreshes,
      lives: [...this.#lives],
      asks: [...this.#asks],
    }
  }

  #endAsk(end: NonNullable<AskSpan['end']>, at: number): void {
    const latest = this.#asks.at(-1)
    if (latest === undefined || latest.to !== undefined) return
    this.#asks[this.#asks.length - 1] = { ...latest, to: at, end }
  }
}
