import { notInstalled, type Bench } from '../../harness/table.ts'
import { libraryOf, RIVALS, type LibraryName } from '../../libraries/index.ts'
import type { Waits } from '../../libraries/library.ts'
import { EXPIRING_S } from '../../server/start-server.ts'
import { programOf } from '../../workers/worker-process.ts'
import { faultAim } from './aims.ts'
import { cellsOf, OUTCOME_COLUMNS, type Outcome } from './outcome.ts'
import { SCENARIOS, type FaultSize, type Scenario, type ScenarioName } from './scenarios.ts'
import { Stage } from './stage.ts'

const EVERGRANT = ['evergrant-session', 'evergrant-grants'] as const
const CONTESTANTS = [...EVERGRANT, ...RIVALS] as const

/** In the published size Evergrant has its defaults. */
const QUICK_WAITS: Waits = { timeoutMs: 1_500, leaseMs: 2_000, settleMs: 1_500 }
const QUICK: FaultSize = { silentMs: 3_000, mendedMs: 5_000, patienceMs: 8_000 }
const FULL: FaultSize = { silentMs: 12_000, mendedMs: 20_000, patienceMs: 35_000 }
const FULL_RUNS = 3
/** Most of the time is waiting; more than this would make each other slow. */
const AT_ONCE = 8

const NAMES = Object.keys(SCENARIOS) as ScenarioName[]
const scenario = (name: ScenarioName): Scenario => SCENARIOS[name]

const LABELS: Partial<Record<LibraryName, string>> = {
  'evergrant-session': 'Evergrant: OAuth2Session with onToken',
  'evergrant-grants': 'Evergrant: Grants on SQLite',
}
const labelOf = (library: LibraryName): string => LABELS[library] ?? libraryOf(library).name

/** What is tried one after the other, beside other lanes. */
interface Lane {
  readonly library: LibraryName
  readonly waits: Waits | undefined
  readonly names: readonly ScenarioName[]
}

/** Evergrant's waits are long by design: what they are seen in has a lane of its own. */
function lanesOf(library: LibraryName, full: boolean): readonly Lane[] {
  if (!EVERGRANT.some((name) => name === library)) return [{ library, waits: undefined, names: NAMES }]
  const slow = NAMES.filter((name) => scenario(name).slow === true)
  const lanes = [...slow.map((name) => [name]), NAMES.filter((name) => !slow.includes(name))]
  return lanes.map((names) => ({ library, waits: full ? undefined : QUICK_WAITS, names }))
}

/** What each contestant does when something fails. */
export const faults: Bench = {
  name: 'faults',
  description: 'what each contestant does when the token endpoint, the API or the saving fails',
  run: async ({ full }) => {
    const outcomes = new Map<string, Outcome[]>()
    const of = (name: ScenarioName, library: LibraryName) => outcomes.get(`${library} ${name}`) ?? []
    const waiting = CONTESTANTS.filter((name) => programOf(name) !== undefined).flatMap((name) => lanesOf(name, full))
    const work = async (): Promise<void> => {
      for (let lane = waiting.shift(); lane !== undefined; lane = waiting.shift()) {
        const { library } = lane
        await runLane(lane, full, (name, outcome) =>
          outcomes.set(`${library} ${name}`, [...of(name, library), outcome]),
        )
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, work))
    return {
      title: 'When something fails',
      intro: `Unless stated otherwise, one caller asks for an expired token while something is broken, and again when it is fixed. The server rotates refresh tokens and ends a grant whose refresh token comes twice. Served: how many callers got what they asked for, in ${full ? `${FULL_RUNS} runs` : 'one run'}; expiring: two callers, one after the other, of a token that is good for ${EXPIRING_S} s more. Token requests are those of one run.`,
      columns: ['fault', 'contestant', ...OUTCOME_COLUMNS],
      rows: NAMES.flatMap((name) =>
        CONTESTANTS.map((library) => {
          const runs = of(name, library)
          const cells = runs.length === 0 ? notInstalled(OUTCOME_COLUMNS.length) : cellsOf(runs)
          return [scenario(name).title, labelOf(library), ...cells]
        }),
      ),
      notes: notes(full),
      aims: NAMES.flatMap((name) =>
        EVERGRANT.flatMap(
          (library) => faultAim(name, library, `${scenario(name).title}, ${labelOf(library)}`, of(name, library)) ?? [],
        ),
      ),
    }
  },
}

async function runLane(
  { library, names, waits }: Lane,
  full: boolean,
  done: (name: ScenarioName, outcome: Outcome) => void,
): Promise<void> {
  const stage = await Stage.open(library, waits)
  try {
    for (let run = 0; run < (full ? FULL_RUNS : 1); run += 1) {
      for (const name of names) done(name, await scenario(name).run(stage, full ? FULL : QUICK))
    }
  } finally {
    await stage.close()
  }
}

function notes(full: boolean): readonly string[] {
  const { leaseMs, settleMs, timeoutMs } = QUICK_WAITS
  const { mendedMs, silentMs } = full ? FULL : QUICK
  return [
    full
      ? 'Everything has its default waits. Evergrant stops waiting for a token request after 10 s. If its outcome is unknown, it is repeated only 20 s after the lease was taken. A repeat that overtakes it would end the grant.'
      : `For this quick look Evergrant has timeoutMs ${timeoutMs}, leaseMs ${leaseMs} and settleMs ${settleMs} in place of its defaults.`,
    `A caller waits ${silentMs / 1000} s for a token endpoint that never responds, and ${mendedMs / 1000} s when it is fixed.`,
    'Contestants run side by side, each with its own server and processes, because no times are compared.',
    'After a lost response, no library can keep a grant at a server with reuse detection. They differ in how often they send the used refresh token, and in what they report.',
    'Contestants keep their token as in the other tables: Evergrant’s Grants and better-auth in SQLite, the others in a JSON file. If nothing can be saved, the database is read-only, or the write of the file rejects.',
    'google-auth-library refreshes a token from 5 minutes before its expiry, and its callers wait for that. A token that is valid for 100 s more behaves like an expired one.',
    'OAuth2Session is for one process. Use Grants if another process can save a newer token.',
  ]
}
