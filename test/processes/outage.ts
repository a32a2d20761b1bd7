import { startProvider, type DevelopmentProvider } from '../../provider/src/index.ts'
import { generateKey } from '../../src/seal/index.ts'
import { type Ledger, startLedger } from './ledger.ts'
import type { SubjectReport } from './load.ts'
import type { Scene } from './scenes.ts'
import { WorkerProcess } from './worker-process.ts'
import { pause, serverOf, share, until, type World } from './world.ts'

export interface OutageReport {
  /** Calls for unspent tokens during the outage, the failed ones, and the duration of the longest in milliseconds. */
  readonly unspent: { readonly calls: number; readonly failures: number; readonly longestMs: number }
  /** Failed calls for spent tokens during the outage, by code, and the number of those that cannot be retried. */
  readonly spent: { readonly failures: Readonly<Record<string, number>>; readonly unretryable: number }
  /** Number of tokens returned after they expired. */
  readonly expired: number
  /** Token requests that reached the provider during the outage, without the one that was in flight when it began. */
  readonly requestsDuring: number
  /**
   * The result of that one: how long its caller waited for the token, and whether every process then reads it from
   * the store.
   */
  readonly obtained: { readonly waitedMs: number; readonly saveDelayed: number; readonly saved: boolean }
  /** From the end of the outage until every caller in every process had a new token. */
  readonly recoveredMs: number
  readonly redemptions: number
  readonly revocations: number
  /** Required number of redemptions: one for each spent grant. */
  readonly expected: number
}

const UNSPENT = ['unspent 1', 'unspent 2', 'unspent 3', 'unspent 4']
const SPENT = ['spent 1', 'spent 2', 'spent 3']
const OBTAINED = 'obtained'
const PROCESSES = 2
/**
 * The spent grants expire this long after their login, plus this multiple of the other logins' duration. The outage
 * begins before.
 */
const SPENT_AFTER_MS = 3000
const TIMES_SLOWER = 5

/** Runs processes whose callers ask without end, and an outage of `lastsMs` during it. */
export async function outage(
  scene: Scene,
  options: { readonly lastsMs: number; readonly recoverWithinMs?: number },
): Promise<OutageReport> {
  const provider = await startProvider({ rotate: true, reuse: 'revoke', accessTokenLifetimeMs: 3_600_000 })
  const ledger = await startLedger(provider.metadata.token_endpoint)
  const { clientId, clientSecret } = provider
  const world: World = {
    place: scene.place,
    server: serverOf(provider, ledger.url),
    clientId,
    clientSecret,
    keys: `k1:${generateKey()}`,
    // The store is read often enough to meet the outage, and nothing is refreshed before it.
    policy: { revalidateMs: 200, earlyMs: 0 },
  }
  const workers: WorkerProcess[] = []
  try {
    workers.push(...(await Promise.all(Array.from({ length: PROCESSES }, () => WorkerProcess.start(world)))))
    return await new Course(scene, world, provider, ledger, workers).run(options)
  } finally {
    await Promise.all(workers.map((worker) => worker.kill()))
    await ledger.close()
    await provider.close()
  }
}

/** The course of one outage. */
class Course {
  readonly #scene: Scene
  readonly #world: World
  readonly #provider: DevelopmentProvider
  readonly #ledger: Ledger
  readonly #workers: readonly WorkerProcess[]

  constructor(
    scene: Scene,
    world: World,
    provider: DevelopmentProvider,
    ledger: Ledger,
    workers: readonly WorkerProcess[],
  ) {
    this.#scene = scene
    this.#world = world
    this.#provider = provider
    this.#ledger = ledger
    this.#workers = workers
  }

  async run({
    lastsMs,
    recoverWithinMs = 60_000,
  }: {
    lastsMs: number
    recoverWithinMs?: number
  }): Promise<OutageReport> {
    const [first, second] = this.#workers as [WorkerProcess, WorkerProcess]
    const { begin, end, of } = this.#scene
    const spentAt = await this.#logIn()
    const order = { subjects: [...UNSPENT, ...SPENT], callers: 10, everyMs: 20 }
    await Promise.all(this.#workers.map((worker) => worker.ask('load', order)))
    await until('every caller is served', async () => (await this.#reports()).every(({ served }) => served > 0))

    const release = this.#ledger.hold()
    const asked = performance.now()
    const obtained = of === 'store' ? first.ask('token', { subject: OBTAINED }) : undefined
    let waitedMs = 0
    void obtained?.then(
      () => (waitedMs = performance.now() - asked),
      () => undefined,
    )
    if (obtained !== undefined) await until('a request is in flight', () => this.#ledger.underway > 0)
    await begin({ ledger: this.#ledger, workers: this.#workers })
    await this.#reports()
    release()
    await until('that request has its response', () => this.#ledger.underway === 0)
    const arrived = this.#ledger.arrived
    await pause(Math.max(lastsMs, spentAt + 1000 - performance.now()))
    const requestsDuring = this.#ledger.arrived - arrived
    const during = await Promise.all(this.#workers.map((worker) => worker.ask('report')))
    await end({ ledger: this.#ledger, workers: this.#workers })
    const endedAt = performance.now()

    await until('every caller is served again', () => this.#recovered(), recoverWithinMs)
    const recoveredMs = performance.now() - endedAt
    const token = await obtained
    const saved =
      token !== undefined &&
      (await this.#isStored(token)) &&
      (await second.ask('token', { subject: OBTAINED })) === token
    const after = await Promise.all(this.#workers.map((worker) => worker.ask('report')))
    await Promise.all(this.#workers.map((worker) => worker.ask('endLoad')))
    await Promise.all(this.#workers.map((worker) => worker.stop()))

    const of_ = (subjects: readonly string[]): SubjectReport[] =>
      during.flatMap((report) => subjects.map((subject) => report.subjects[subject]!))
    const failures = of_(SPENT).map((report) => report.failures)
    const { redemptions, revocations } = this.#provider.stats()
    return {
      unspent: {
        calls: sum(of_(UNSPENT).map(callsOf)),
        failures: sum(of_(UNSPENT).map(failuresOf)),
        longestMs: Math.max(...of_(UNSPENT).map(({ longestMs }) => longestMs)),
      },
      spent: {
        failures: Object.fromEntries(
          [...new Set(failures.flatMap((each) => Object.keys(each)))].map((code) => [
            code,
            sum(failures.map((each) => each[code] ?? 0)),
          ]),
        ),
        unretryable: sum(of_(SPENT).map(({ unretryable }) => unretryable)),
      },
      expired: sum(of_([...UNSPENT, ...SPENT]).map(({ expired }) => expired)),
      requestsDuring,
      obtained: { waitedMs, saveDelayed: sum([...during, ...after].map(({ saveDelayed }) => saveDelayed)), saved },
      recoveredMs,
      redemptions,
      revocations,
      expected: SPENT.length + (obtained === undefined ? 0 : 1),
    }
  }

  /** Resolves to the time at which the last spent grant expires. */
  async #logIn(): Promise<number> {
    const { grants, close } = share(this.#world)
    const began = performance.now()
    for (const subject of [...UNSPENT, OBTAINED]) {
      const [grant] = await this.#provider.mint({ accessTokenExpired: subject === OBTAINED })
      await grants.save('acme', subject, grant!)
    }
    const afterMs = SPENT_AFTER_MS + TIMES_SLOWER * (performance.now() - began)
    for (const subject of SPENT) {
      const [grant] = await this.#provider.mint()
      await grants.save('acme', subject, { ...grant!, expires_in: afterMs / 1000 })
    }
    const spentAt = performance.now() + afterMs
    await close()
    return spentAt
  }

  async #reports(): Promise<readonly SubjectReport[]> {
    const reports = await Promise.all(this.#workers.map((worker) => worker.ask('report')))
    return reports.flatMap(({ subjects }) => Object.values(subjects))
  }

  /** Whether every caller got a token since the last report, and a new one for each spent grant. */
  async #recovered(): Promise<boolean> {
    await pause(50)
    const reports = await this.#reports()
    return (
      this.#provider.stats().redemptions >= SPENT.length &&
      reports.every((report) => report.served > 0 && failuresOf(report) === 0)
    )
  }

  /** Whether a process without any token in memory finds this token. */
  async #isStored(token: string): Promise<boolean> {
    const { grants, close } = share(this.#world)
    const stored = await grants.session('acme', OBTAINED).accessToken()
    await close()
    return stored === token
  }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0)
const failuresOf = ({ failures }: SubjectReport): number => sum(Object.values(failures))
const callsOf = (report: SubjectReport): number => report.served + failuresOf(report)
