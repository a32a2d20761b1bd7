import { startProvider, type DevelopmentProvider } from '../../provider/src/index.ts'
import { generateKey } from '../../src/seal/index.ts'
import { type Ledger, startLedger } from './ledger.ts'
import type { SubjectReport } from './load.ts'
import type { Scene } from './scenes.ts'
import { WorkerProcess } from './worker-process.ts'
import { pause, serverOf, share, until, type World } from './world.ts'

export interface OutageReport {
  /** Calls for unspent tokens during the outage, how many of them failed, and how long the longest took in milliseconds. */
  readonly unspent: { readonly calls: number; readonly failures: number; readonly longestMs: number }
  /** Calls during the outage for tokens that were spent by then that failed, by code, and how many of those said that they can't be retried. */
  readonly spent: { readonly failures: Readonly<Record<string, number>>; readonly unretryable: number }
  /** Tokens handed out after their end. */
  readonly expired: number
  /** Token requests that came to the provider while the store was out, beside the one that was under way when it went out. */
  readonly requestsDuring: number
  /** What became of that one: how long its caller waited for its token, and whether every process has it from the store afterwards. */
  readonly obtained: { readonly waitedMs: number; readonly saveDelayed: number; readonly saved: boolean }
  /** From the end of the outage until every caller in every process had a new token. */
  readonly recoveredMs: number
  readonly redemptions: number
  readonly revocations: number
  /** How many redemptions there had to be: one for each spent grant. */
  readonly expected: number
}

const UNSPENT = ['unspent 1', 'unspent 2', 'unspent 3', 'unspent 4']
const SPENT = ['spent 1', 'spent 2', 'spent 3']
const OBTAINED = 'obtained'
const PROCESSES = 2
/** The grants that get spent do so this long after their log-in, and so many times longer than the other log-ins took: the outage begins before. */
const SPENT_AFTER_MS = 3000
const TIMES_SLOWER = 5

/** Processes whose callers ask without end, and an outage that lasts so long among them. */
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
    // Looks at the store are due often enough to meet the outage; nothing is refreshed before it.
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
    if (obtained !== undefined) await until('a request is out', () => this.#ledger.underway > 0)
    await begin({ ledger: this.#ledger, workers: this.#workers })
    await this.#reports()
    release()
    await until('that request is answered', () => this.#ledger.underway === 0)
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

  /** Answers when the last of the grants that get spent is spent. */
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

  /** Whether since the last look every caller got a token, and the spent ones a new one. */
  async #recovered(): Promise<boolean> {
    await pause(50)
    const reports = await this.#reports()
    return (
      this.#provider.stats().redemptions >= SPENT.length &&
      reports.every((report) => report.served > 0 && failuresOf(report) === 0)
    )
  }

  /** Whether a process that knows nothing finds this token. */
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
