import { resolvePolicy, type RefreshPolicy } from '../../src/refresh/policy.ts'
import { loadParts } from '../../src/util/lazy.ts'
import { Callers } from './callers.ts'
import { hangingCore, providerOf, simulatedCore, simulatedFetch } from './client.ts'
import { Database } from './database.ts'
import { Faults } from './faults.ts'
import { Ledger, Violation, type Invariant } from './ledger.ts'
import { Network } from './network.ts'
import { EPOCH, Process } from './process.ts'
import { Random, seedGlobals } from './random.ts'
import { LIFETIME_MS, TROUBLED_MS, type Act, type Scenario } from './scenario.ts'
import { Server } from './server.ts'
import { simulatedStore } from './simulated-store.ts'
import { Timeline, type Owner } from './timeline.ts'

/** The result of a run. */
export interface Outcome {
  readonly violation: Violation | undefined
  readonly events: number
  readonly redemptions: number
  readonly served: number
  readonly refused: number
  /** Whether assumption Q was broken, and the invariants that this broke. */
  readonly beyondQ: boolean
  readonly residue: readonly Invariant[]
  /** The reasons of excused losses of refresh tokens. */
  readonly excuses: readonly string[]
  readonly struck: readonly string[]
  /** A hash that is equal for every run of a scenario. */
  readonly fingerprint: string
}

/** The due grants of a crashed worker are due again after this. */
const RESERVED_MS = 60_000
/** Slightly longer than a worker's longest pause. */
const LONGEST_REST_MS = 40_000

/** A worker reads once a second, and each of its trips may take 1.5 s. */
const WORKER_LATE_MS = 8000

/** The jump of a clock: forth or back, by seconds or by hours. */
const jumpOf = (ms: number): number => (ms % 2 === 0 ? 1 : -1) * ms * (ms % 3 === 0 ? 200 : 1)

const KEY = { client: 'acme', subject: 'f', account: '' }

const POLICIES: Readonly<Record<Scenario['timing'], RefreshPolicy>> = {
  default: {},
  short: { revalidateMs: 5000 },
  settling: { leaseMs: 3000, settleMs: 20_000 },
}

/** Runs one scenario: the real Grants of several processes in a simulated world. */
export async function simulate(scenario: Scenario, trace?: (line: string) => void): Promise<Outcome> {
  // Simulated time does not wait for files.
  await loadParts()
  const random = new Random(scenario.seed)
  const restore = seedGlobals(new Random(scenario.seed ^ 0x5bd1e995))
  try {
    return await new Simulation(scenario, random, trace).run()
  } finally {
    restore()
  }
}

class Simulation {
  readonly #scenario: Scenario
  readonly #random: Random
  readonly #timeline: Timeline
  readonly #faults: Faults
  readonly #server: Server
  readonly #ledger: Ledger
  readonly #network: Network
  readonly #callers: Callers
  readonly #database: Database
  readonly #sleeps: boolean
  readonly #provider
  readonly #timeoutMs: number
  readonly #policy: RefreshPolicy
  readonly #resolved
  readonly #processes: Process[] = []
  readonly #trace: ((line: string) => void) | undefined
  readonly #cutUntil = new Map<number, number>()
  #storeDownUntil = 0
  #storeSlowUntil = 0
  #commitsDownUntil = 0
  #providerDownUntil = 0
  #storeHangsUntil = 0
  #providerHangsUntil = 0
  #resolverHangsUntil = 0
  /** The store's clock's difference from the true time, and the number of times it was set back. */
  #storeSkewMs = 0
  #storeSetBack = 0
  #failure: unknown

  constructor(scenario: Scenario, random: Random, trace: ((line: string) => void) | undefined) {
    this.#scenario = scenario
    this.#random = random
    this.#trace = trace
    this.#timeline = new Timeline(random)
    const timeline = this.#timeline
    this.#faults = new Faults(scenario)
    const graceMs = [10_000, 30_000, 60_000][random.between(0, 2)]!
    this.#provider = providerOf(scenario.mode, scenario.declared, graceMs)
    this.#timeoutMs = scenario.timing === 'default' ? 10_000 : 2000
    this.#policy = POLICIES[scenario.timing]
    this.#resolved = resolvePolicy(this.#policy, this.#provider.refresh ?? {}, this.#timeoutMs, true)
    const { leaseMs, timeoutMs, settleMs } = this.#resolved
    this.#server = new Server({
      mode: scenario.mode,
      lifetimeMs: LIFETIME_MS[scenario.timing],
      now: () => timeline.now,
      onGrace: (end) =>
        timeline.after(graceMs, undefined, () => {
          this.#ledger.excuse = 'grace over'
          end()
        }),
    })
    this.#ledger = new Ledger({ ...scenario, leaseMs, settleMs, server: this.#server, now: () => timeline.now })
    this.#database = new Database(this.#ledger, KEY, () => this.#storeNow())
    this.#network = new Network({
      timeline,
      random,
      faults: this.#faults,
      ledger: this.#ledger,
      server: this.#server,
      timeoutMs,
      settleMs,
      // A grace period accepts requests that arrive within it. Later ones may fail.
      bounded: scenario.bounded || (scenario.mode === 'time' && scenario.declared),
      providerDown: () => timeline.now < this.#providerDownUntil,
      hangs: () => timeline.now < this.#providerHangsUntil,
      crash: (process) => this.#crash(process, this.#random.between(0, 5000)),
      replace: (process, ended) => this.#replace(process, ended),
      trace: this.#trace,
    })
    const has = (...kinds: readonly Act['kind'][]): boolean => scenario.acts.some((act) => kinds.includes(act.kind))
    const struckBy = (...faults: readonly string[]): boolean =>
      scenario.faults.some(({ fault }) => faults.includes(fault))
    const jumps = has('jump') || struckBy('own-clock')
    this.#sleeps = scenario.sleeps && !jumps
    timeline.onTurn = (owner) => this.#turn(owner)
    this.#callers = new Callers({
      timeline,
      ledger: this.#ledger,
      server: this.#server,
      policy: this.#resolved,
      lifetimeMs: LIFETIME_MS[scenario.timing],
      jumps,
      pauses: has('pause') || struckBy('pause', 'pause-all'),
      exact: scenario.skews.length === 0 && !jumps && !has('store-jump') && !struckBy('store-clock'),
      trace,
    })
  }

  async run(): Promise<Outcome> {
    try {
      await this.#live()
    } catch (error) {
      this.#failure ??= error
    }
    if (this.#failure !== undefined && !(this.#failure instanceof Violation)) throw this.#failure as Error
    const { beyondQ, residue, excused } = this.#ledger
    return {
      violation: this.#failure,
      events: this.#timeline.events,
      redemptions: this.#server.redemptions,
      served: this.#callers.served,
      refused: this.#callers.refused,
      beyondQ,
      residue: [...residue],
      excuses: [...excused.values()],
      struck: this.#faults.struck,
      fingerprint: `${this.#timeline.events} ${this.#server.redemptions} ${this.#callers.served} ${this.#random.next()}`,
    }
  }

  /** The store's time. */
  #storeNow(): number {
    return EPOCH + this.#timeline.now + this.#storeSkewMs
  }

  /** Called when a process continues after a wait. */
  #turn(owner: Owner): void {
    const fault = this.#faults.ofEvent()
    if (fault === undefined || !(owner instanceof Process)) return
    const ms = this.#random.between(500, fault === 'pause' ? 30_000 : 60_000)
    this.#trace?.(`${this.#timeline.now} ${fault} of process ${owner.index} for ${ms} ms after a wait`)
    if (fault === 'pause') owner.pause(ms)
    else for (const each of this.#processes) each.pause(ms)
  }

  async #live(): Promise<void> {
    const { processes, acts, crowd = 0 } = this.#scenario
    for (let index = 0; index < processes; index++) this.#start(index)
    this.#work(this.#processes[0]!, () => this.#logIn(this.#processes[0]!))
    for (let index = 0; index < crowd; index++) this.#work(this.#processes[0]!, () => this.#join(index))
    await this.#until(3000)
    this.#faults.enabled = true
    for (const act of acts) {
      const { now } = this.#timeline
      this.#timeline.after(act.at, undefined, () => this.#act(act))
      this.#trace?.(`${now + act.at} will ${act.kind} process ${act.process} ${act.ms}`)
    }
    for (const process of this.#processes) this.#use(process)
    await this.#until(this.#timeline.now + TROUBLED_MS)
    this.#faults.enabled = false
    this.#storeDownUntil = 0
    this.#storeSlowUntil = 0
    this.#commitsDownUntil = 0
    this.#providerDownUntil = 0
    this.#storeHangsUntil = 0
    this.#providerHangsUntil = 0
    this.#resolverHangsUntil = 0
    this.#cutUntil.clear()
    await this.#logInAnew()
    await this.#answerAll(true)
    // An unsaved token is saved again at least once a second. A request may still be in flight.
    await this.#until(this.#timeline.now + 4 * this.#resolved.settleMs + this.#resolved.timeoutMs + 25_000)
    this.#ledger.atTheEnd(this.#database.feed, KEY.client)
    await this.#rest()
    await this.#answerAll(false)
    this.#ledger.atTheEnd(this.#database.feed, KEY.client)
    const family = this.#ledger.record
    this.#trace?.(`${this.#timeline.now} end: ${family?.state} version ${family?.version}`)
  }

  /**
   * After a change of its registration, an application asks its users to log in again. If the faults prevented that,
   * they do so now.
   */
  async #logInAnew(): Promise<void> {
    const isOfNow = (): boolean =>
      this.#ledger.record === undefined || this.#ledger.record.clientId === this.#server.registration.clientId
    // A login through an earlier registration may still be in progress.
    if (this.#scenario.resolver === true) await this.#until(this.#timeline.now + 5000)
    for (let round = 0; round < 10 && !isOfNow(); round++) {
      const process = this.#processes.find(({ alive }) => alive)
      if (process !== undefined) this.#work(process, () => this.#logIn(process))
      await this.#until(this.#timeline.now + 15_000, isOfNow)
    }
  }

  /** No caller asks for a lifetime. If workers run, they still refresh the grant. */
  async #rest(): Promise<void> {
    const { workers, timing } = this.#scenario
    const lifetime = LIFETIME_MS[timing]
    if (workers === 0) return this.#until(this.#timeline.now + lifetime)
    const { leaseMs, settleMs, timeoutMs } = this.#resolved
    const bound = leaseMs + settleMs + timeoutMs + RESERVED_MS
    await this.#until(this.#timeline.now + lifetime + bound + LONGEST_REST_MS)
    const { record } = this.#ledger
    const family = record && this.#server.familyOf(this.#ledger.refreshTokenOf(record))
    if (record?.state !== 'active' || family?.alive !== true || record.failures !== undefined) return
    // A worker with a wrong clock first reserves by its own time.
    if (this.#processes.some(({ suspicious }) => suspicious)) return
    // A refresh token that may have been consumed waits until the access token is spent. Nothing else delays the
    // refresh.
    const allowed = record.intent?.everUnknown === true ? bound : WORKER_LATE_MS
    const late = this.#storeNow() - (record.expiresAt ?? Number.POSITIVE_INFINITY)
    if (late > allowed)
      this.#ledger.fail('worker', `the grant was not refreshed for ${Math.round(late)} ms after its expiry`)
  }

  async #until(end: number, done?: () => boolean): Promise<void> {
    await this.#timeline.runUntil(
      end,
      () => {
        if (this.#failure !== undefined) throw this.#failure as Error
        this.#ledger.check()
      },
      done,
    )
  }

  /** I9: every process gets a result in time. */
  async #answerAll(afterTrouble: boolean): Promise<void> {
    const { leaseMs, settleMs, timeoutMs } = this.#resolved
    const { record } = this.#ledger
    const { failures } = record ?? {}
    // By a clock that was set back, a back-off ends after its own length at the latest.
    const backOff =
      failures === undefined
        ? 0
        : Math.max(0, Math.min(failures.notBefore - this.#storeNow(), failures.notBefore - failures.lastAt))
    const hanging = afterTrouble ? 30_000 : 0
    const setBack = afterTrouble && this.#storeSetBack > 0 ? leaseMs + settleMs : 0
    const bound = leaseMs + settleMs + timeoutMs + backOff + hanging + setBack + 2000
    const waiting = new Set<Process>()
    for (const process of this.#processes) {
      if (!process.alive) this.#restart(process.index)
      const present = this.#processes[process.index]!
      waiting.add(present)
      this.#work(present, () =>
        this.#callers.untilAnswered(present, bound, afterTrouble, () => void waiting.delete(present)),
      )
    }
    // A crash may still happen.
    const left = (): number => [...waiting].filter(({ alive }) => alive).length
    await this.#until(this.#timeline.now + bound + 120_000, () => left() === 0)
    if (left() > 0) this.#ledger.fail('I9', `${left()} callers never got a result`)
  }

  #start(index: number): Process {
    const { skews, workers, whole, background, resolver, crowd = 0 } = this.#scenario
    const process = new Process(index, this.#timeline, {
      skewMs: skews[index] ?? 0,
      sleeps: this.#sleeps,
      lagMs: () => (this.#random.chance(0.7) ? 0 : this.#random.between(1, 8)),
    })
    this.#processes[index] = process
    const store = simulatedStore(
      {
        timeline: this.#timeline,
        random: this.#random,
        faults: this.#faults,
        database: this.#database,
        downUntil: (asking, point) =>
          Math.max(
            this.#storeDownUntil,
            this.#cutUntil.get(asking.index) ?? 0,
            point === 'commit' ? this.#commitsDownUntil : 0,
          ),
        crash: (dying) => this.#crash(dying, this.#random.between(0, 5000)),
        slowMs: () => {
          const isSlow = this.#timeline.now < this.#storeSlowUntil && this.#random.chance(0.6)
          return isSlow ? this.#random.between(500, 9000) : 0
        },
        hangs: () => this.#timeline.now < this.#storeHangsUntil,
        setClock: (whose) => {
          const ms = this.#random.between(1, 7_200_000)
          const by = this.#random.chance(0.5) ? ms : -ms
          if (whose === 'store') this.#setStoreClock(by)
          else this.#setClock(whose, by)
        },
        pauseAll: (ms) => {
          for (const each of this.#processes) each.pause(ms)
        },
        replace: (asking, ended) => this.#replace(asking, ended),
        trace: this.#trace,
      },
      this.#ledger,
      process,
    )
    process.boot({
      provider: this.#provider,
      timeoutMs: this.#timeoutMs,
      policy: this.#policy,
      background,
      store,
      fetch: simulatedFetch(this.#network, process),
      core: whole ? undefined : (registration) => simulatedCore(this.#network, process, registration),
      crowdCore: hangingCore(),
      resolve:
        resolver !== true
          ? undefined
          : () =>
              this.#timeline.now < this.#resolverHangsUntil
                ? new Promise(() => undefined)
                : Promise.resolve(this.#server.registration),
    })
    // A crowd is larger than the number of concurrent refreshes of a worker.
    if (index < workers) process.grants.keepFresh(crowd > 0 ? { concurrency: 2 } : {})
    return process
  }

  #crash(process: Process, downMs: number): void {
    if (!process.alive) return
    this.#trace?.(`${this.#timeline.now} process ${process.index} crashes`)
    process.alive = false
    this.#ledger.crashed(process)
    this.#timeline.after(downMs, undefined, () => this.#restart(process.index))
  }

  #restart(index: number): void {
    if (this.#processes[index]?.alive === true) return
    this.#trace?.(`${this.#timeline.now} process ${index} starts again`)
    const process = this.#start(index)
    if (this.#faults.enabled) this.#use(process)
  }

  /** The application: asks for the token every few seconds. */
  #use(process: Process): void {
    this.#timeline.after(this.#random.between(0, 8000), process, () => {
      if (!this.#faults.enabled) return
      this.#work(process, () => this.#callers.token(process))
      this.#use(process)
    })
  }

  #work(process: Process, work: () => Promise<unknown>): void {
    work().catch((error: unknown) => {
      if (process.alive || error instanceof Violation) this.#failure ??= error
    })
  }

  async #logIn(process: Process): Promise<void> {
    const issued = this.#server.logIn(process.unnoticedMs)
    const now = process.clock.now()
    await process.grants
      .save('acme', 'f', {
        access_token: issued.accessToken,
        refresh_token: issued.refreshToken,
        expires_at: (now + issued.lifetimeMs) / 1000,
      })
      .catch((error: unknown) => this.#trace?.(`${this.#timeline.now} log-in failed: ${String(error)}`))
  }

  /** Adds a due grant whose provider never responds. */
  async #join(index: number): Promise<void> {
    const process = this.#processes[0]!
    const token = { access_token: `crowd-${index}`, refresh_token: `crowd-refresh-${index}`, expires_in: 1 }
    await process.grants.save('crowd', `f${index}`, token).catch(() => undefined)
  }

  #act(act: Act): void {
    const { ms } = act
    const process = this.#processes[act.process % this.#processes.length]!
    const { now } = this.#timeline
    this.#trace?.(`${now} ${act.kind} process ${process.index}`)
    switch (act.kind) {
      case 'crash':
        return this.#crash(process, ms)
      case 'pause':
        return process.pause(ms)
      case 'store-down':
        this.#storeDownUntil = now + ms
        return
      case 'store-slow':
        this.#storeSlowUntil = now + ms
        return
      case 'store-cut':
        this.#cutUntil.set(process.index, now + ms)
        return
      case 'commits-down':
        this.#commitsDownUntil = now + ms
        return
      case 'provider-down':
        this.#providerDownUntil = now + ms
        return
      case 'jump':
        this.#setClock(process, jumpOf(ms))
        return
      case 'store-jump':
        this.#setStoreClock(jumpOf(ms))
        return
      case 'store-hangs':
        this.#storeHangsUntil = now + ms
        return
      case 'provider-hangs':
        this.#providerHangsUntil = now + ms
        return
      case 'resolver-hangs':
        this.#resolverHangsUntil = now + ms
        return
      case 'relog':
        return this.#replace(process, true)
      case 'new-secret':
        if (this.#scenario.resolver !== true) return
        this.#server.registration = { ...this.#server.registration, secret: `secret-${now}` }
        return
      case 'new-registration':
        if (this.#scenario.resolver !== true) return
        this.#server.registration = { clientId: `client-id-${now}`, secret: `secret-${now}` }
        this.#timeline.after(0, process, () => this.#work(process, () => this.#logIn(process)))
        return
      case 'end-at-provider': {
        const { record } = this.#ledger
        const token = record === undefined ? undefined : this.#ledger.refreshTokenOf(record)
        this.#server.end(this.#server.familyOf(token), 'user')
        return
      }
      default:
        // The process itself does what follows.
        this.#timeline.after(0, process, () => this.#call(process, act))
    }
  }

  /** Another process than this one logs the user in, after it has ended the grant or not. */
  #replace(process: Process, ended: boolean): void {
    const other = this.#processes[(process.index + 1) % this.#processes.length]!
    this.#timeline.after(this.#random.between(0, 100), other, () => {
      if (ended) this.#call(other, { at: 0, kind: 'disconnect', process: other.index, ms: 0 })
      this.#timeline.after(this.#random.between(0, 100), other, () => this.#work(other, () => this.#logIn(other)))
    })
  }

  #setClock(process: Process, by: number): void {
    this.#trace?.(`${this.#timeline.now} the clock of process ${process.index} is set by ${by} ms`)
    process.skewMs += by
    process.unnoticedMs += Math.abs(by)
  }

  #setStoreClock(by: number): void {
    this.#trace?.(`${this.#timeline.now} the store's clock is set by ${by} ms`)
    this.#storeSkewMs += by
    if (by < 0) this.#storeSetBack += 1
    this.#ledger.storeClockSet(by)
    for (const process of this.#processes) process.unnoticedMs += Math.abs(by)
  }

  #call(process: Process, act: Act): void {
    const callers = this.#callers
    switch (act.kind) {
      case 'burst':
        for (let count = 0; count < 5; count++) this.#work(process, () => callers.token(process))
        return
      case 'rejected': {
        const rejected = callers.knownTo(process)?.accessToken
        if (rejected !== undefined) this.#work(process, () => callers.token(process, { rejected }))
        return
      }
      case 'validity':
        return this.#work(process, () => callers.token(process, { minValidityMs: 40_000 }))
      case 'refresh':
        return this.#work(process, () => callers.refresh(process))
      case 'log-in':
        return this.#work(process, () => this.#logIn(process))
      case 'disconnect':
        return this.#work(process, () => callers.disconnect(process))
      case 'recheck':
        return this.#work(process, () => process.grants.recheck().catch(() => undefined))
      default:
        return this.#work(process, () => callers.token(process))
    }
  }
}
