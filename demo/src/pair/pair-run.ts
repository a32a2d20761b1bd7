import type { WorkerNews } from './messages.ts'
import type { PairGrant } from './pair-grant.ts'
import { pairTimes } from './pair-times.ts'
import type { PairCounters, PairEntry, PairView, Recovery, WorkerName } from './pair-view.ts'
import { WorkerLog } from './worker-log.ts'
import { WorkerProcess } from './worker-process.ts'

const mostEntries = 8
/** Of the time until the answer: by then the provider has surely done its part. */
const middle = 0.5
/** Later than this there is no time left to do it. */
const tooLate = 0.8

interface Slot {
  readonly log: WorkerLog
  process: WorkerProcess | undefined
}

export interface PairRunListener {
  /** There is something new to see. */
  onNews(): void
  /** It can't go on. */
  onTrouble(text: string): void
}

/** One performance of the two processes, from their start to their end. */
export class PairRun {
  readonly #grant: PairGrant
  readonly #listener: PairRunListener
  readonly #slots: readonly Slot[] = [
    { log: new WorkerLog('A'), process: undefined },
    { log: new WorkerLog('B'), process: undefined },
  ]
  readonly #timers = new Set<NodeJS.Timeout>()
  readonly #timeline: PairEntry[] = []
  #recovery: Recovery | undefined
  #armed = false
  #alive = true
  #closed = false
  #counters: PairCounters = {
    redemptions: 0,
    reuseDetections: 0,
    revocations: 0,
    refreshes: 0,
    lost: 0,
    calls: 0,
    failed: 0,
  }

  constructor(grant: PairGrant, listener: PairRunListener) {
    this.#grant = grant
    this.#listener = listener
    for (const slot of this.#slots) this.#start(slot, false)
  }

  /** Whether the latest kill is still being dealt with. */
  get isRecovering(): boolean {
    return this.#slots.some(({ log }) => log.state === 'killed')
  }

  /** Ends the process that is refreshing, in the middle; is none at it, the next one that is. */
  arm(): void {
    if (this.#closed || this.isRecovering) return
    this.#armed = true
    for (const slot of this.#slots) this.#aim(slot)
    this.#listener.onNews()
  }

  view(): Pick<PairView, 'alive' | 'armed' | 'counters' | 'recovery' | 'timeline' | 'workers'> {
    const now = Date.now()
    return {
      alive: this.#alive,
      armed: this.#armed,
      workers: this.#slots.map(({ log }) => log.view(now)),
      timeline: this.#timeline,
      counters: this.#countersNow(),
      ...(this.#recovery !== undefined && { recovery: this.#recovery }),
    }
  }

  async close(): Promise<void> {
    this.#counters = this.#countersNow()
    this.#closed = true
    this.#armed = false
    for (const timer of this.#timers) clearTimeout(timer)
    await Promise.all(this.#slots.map(async ({ process }) => process?.stop()))
    await this.#grant.close()
  }

  #start(slot: Slot, again: boolean): void {
    if (this.#closed) return
    const { log } = slot
    const process = new WorkerProcess(this.#grant.order, {
      onNews: (news) => this.#hear(slot, news),
      onEnd: (signal, lastWords) => this.#end(slot, signal, lastWords),
    })
    slot.process = process
    log.started(process.pid, Date.now())
    this.#note({
      at: Date.now(),
      by: log.name,
      kind: 'started',
      again,
      ...(process.pid !== undefined && { pid: process.pid }),
    })
  }

  #hear(slot: Slot, news: WorkerNews): void {
    const at = Date.now()
    const { log } = slot
    const by = log.name
    const recovery = this.#recovery?.by === by && this.#recovery.recoveredAt === undefined ? this.#recovery : undefined
    switch (news.kind) {
      case 'ready':
        log.ready()
        break
      case 'called': {
        log.called(news.ok, news.fingerprint, at)
        const failed = news.ok ? 0 : 1
        this.#count({ calls: 1, failed })
        if (recovery) {
          this.#recovery = { ...recovery, calls: recovery.calls + 1, failed: recovery.failed + failed }
        }
        break
      }
      case 'asking':
        log.asking(at)
        if (recovery?.tookOverAt === undefined && recovery) {
          this.#recovery = { ...recovery, tookOverAt: at }
          this.#note({ at, by, kind: 'took_over', afterMs: at - recovery.killedAt })
        }
        this.#aim(slot)
        break
      case 'answered':
        log.answered(news.ok, at)
        break
      case 'refreshed':
        log.refreshed()
        this.#count({ refreshes: 1 })
        this.#note({ at, by, kind: 'refreshed', durationMs: news.durationMs, recovered: recovery !== undefined })
        if (recovery) this.#recovered({ ...recovery, recoveredAt: at })
        void this.#look()
        break
      case 'failed':
        this.#note({ at, by, kind: 'failed', code: news.code })
        void this.#look()
    }
    this.#listener.onNews()
  }

  /** Ends it in the middle of its refresh, if that is wished and there is time. */
  #aim(slot: Slot): void {
    const since = slot.log.askingSince
    if (!this.#armed || since === undefined) return
    const elapsed = Date.now() - since
    if (elapsed > pairTimes.answerMs * tooLate) return
    this.#later(Math.max(0, pairTimes.answerMs * middle - elapsed), () => {
      if (!this.#armed || slot.log.askingSince !== since) return
      this.#armed = false
      slot.process?.kill()
    })
  }

  #end(slot: Slot, signal: NodeJS.Signals | null, lastWords: string): void {
    const at = Date.now()
    const { log } = slot
    const since = log.askingSince
    const isKilled = signal === 'SIGKILL'
    log.ended(isKilled, at)
    slot.process = undefined
    if (this.#closed) return
    if (!isKilled) {
      this.#listener.onTrouble(`Process ${log.name} has ended by itself. ${lastWords}`.trim())
      return
    }
    this.#armed = false
    const { refreshes, lost, redemptions } = this.#countersNow()
    // Whatever the provider has accepted, and nobody has got, went with this process.
    const consumed = redemptions > refreshes + lost
    if (consumed) this.#count({ lost: 1 })
    this.#note({ at, by: log.name, kind: 'killed', afterMs: since === undefined ? 0 : at - since, consumed })
    const other = this.#slots.find((each) => each !== slot)?.log.name ?? log.name
    this.#recovery = { killed: log.name, by: other, killedAt: at, calls: 0, failed: 0 }
    this.#later(pairTimes.restartAnywayMs, () => this.#restart(log.name))
    this.#listener.onNews()
  }

  #recovered(recovery: Recovery): void {
    this.#recovery = recovery
    this.#later(pairTimes.restartMs, () => this.#restart(recovery.killed))
  }

  #restart(name: WorkerName): void {
    const slot = this.#slots.find(({ log }) => log.name === name)
    if (slot?.log.state !== 'killed') return
    this.#start(slot, true)
    this.#listener.onNews()
  }

  async #look(): Promise<void> {
    try {
      this.#alive = await this.#grant.isAlive()
      this.#listener.onNews()
    } catch {
      // A store that can't be read just now says nothing about the grant.
    }
  }

  #countersNow(): PairCounters {
    if (this.#closed) return this.#counters
    const { redemptions, reuseDetections, revocations } = this.#grant.provider.stats()
    return { ...this.#counters, redemptions, reuseDetections, revocations }
  }

  #count(more: Partial<PairCounters>): void {
    const { calls = 0, failed = 0, lost = 0, refreshes = 0 } = more
    const now = this.#counters
    this.#counters = {
      ...now,
      calls: now.calls + calls,
      failed: now.failed + failed,
      lost: now.lost + lost,
      refreshes: now.refreshes + refreshes,
    }
  }

  #note(entry: PairEntry): void {
    this.#timeline.unshift(entry)
    this.#timeline.length = Math.min(this.#timeline.length, mostEntries)
  }

  #later(ms: number, action: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      action()
    }, ms)
    this.#timers.add(timer)
  }
}
