import type { Aim, Bench, Cell } from '../../harness/table.ts'
import { LIBRARIES, RIVALS, type RivalName } from '../../rivals/index.ts'
import type { Waits } from '../../rivals/rival.ts'
import { programOf } from '../../workers/programs.ts'
import { faultAim } from './aims.ts'
import type { Outcome } from './outcome.ts'
import { EARLY_TITLE, SCENARIOS, type FaultSize, type Scenario, type ScenarioName } from './scenarios.ts'
import { Stage } from './stage.ts'
import { cellsOf } from './words.ts'

const EVERGRANT = ['evergrant-session', 'evergrant-grants'] as const
const CONTESTANTS = [...EVERGRANT, ...LIBRARIES] as const satisfies readonly RivalName[]

type Contestant = (typeof CONTESTANTS)[number]

/** In the published size Evergrant has its defaults. */
const QUICK_WAITS: Waits = { timeoutMs: 1_500, leaseMs: 2_000, settleMs: 1_500 }
const QUICK: FaultSize = { silentMs: 3_000, mendedMs: 5_000, patienceMs: 8_000 }
const FULL: FaultSize = { silentMs: 12_000, mendedMs: 20_000, patienceMs: 35_000 }
const FULL_RUNS = 3
/** Most of the time is waiting; more than this would make each other slow. */
const AT_ONCE = 8

const NAMES = Object.keys(SCENARIOS) as ScenarioName[]
const scenario = (name: ScenarioName): Scenario => SCENARIOS[name]

const LABELS: Partial<Record<Contestant, string>> = {
  'evergrant-session': 'Evergrant: OAuth2Session with onToken',
  'evergrant-grants': 'Evergrant: Grants on SQLite',
}
const labelOf = (rival: Contestant): string => LABELS[rival] ?? RIVALS[rival].name

/** What is tried one after the other, beside other lanes. */
interface Lane {
  readonly rival: Contestant
  readonly names: readonly ScenarioName[]
}

/** Evergrant's waits are long by design: what they are seen in has a lane of its own. */
function lanesOf(rival: Contestant): readonly Lane[] {
  if (!EVERGRANT.some((name) => name === rival)) return [{ rival, names: NAMES }]
  const slow = NAMES.filter((name) => scenario(name).slow === true)
  return [...slow.map((name) => [name]), NAMES.filter((name) => !slow.includes(name))].map((names) => ({
    rival,
    names,
  }))
}

type Runs = Map<string, Outcome[]>
const keyOf = (rival: Contestant, name: ScenarioName): string => `${rival} ${name}`

/** What each contestant does when something fails. */
export const faults: Bench = {
  name: 'faults',
  description: 'what each contestant does when the token endpoint, the API or the saving fails',
  run: async ({ full }) => {
    const runs: Runs = new Map()
    const installed = CONTESTANTS.filter((rival) => programOf(rival) !== undefined)
    const waiting = installed.flatMap(lanesOf)
    const work = async (): Promise<void> => {
      for (let lane = waiting.shift(); lane !== undefined; lane = waiting.shift()) await runLane(lane, full, runs)
    }
    await Promise.all(Array.from({ length: AT_ONCE }, work))
    return {
      name: 'faults',
      title: 'When something fails',
      intro: `Unless stated otherwise, one caller asks for an expired token while something is broken, and again when it is fixed. The server rotates refresh tokens and ends a grant whose refresh token comes twice. Cells are made from measurements, in ${full ? `${FULL_RUNS} runs` : 'one run'}. If runs differ, a cell says how.`,
      columns: ['fault', 'contestant', 'the caller got', 'token requests', EARLY_TITLE, 'after the fix'],
      rows: NAMES.flatMap((name) => CONTESTANTS.map((rival) => row(name, rival, runs.get(keyOf(rival, name))))),
      notes: notes(full),
      aims: NAMES.flatMap((name) => EVERGRANT.flatMap((rival) => aimOf(name, rival, runs) ?? [])),
    }
  },
}

async function runLane({ names, rival }: Lane, full: boolean, runs: Runs): Promise<void> {
  const evergrant = EVERGRANT.some((name) => name === rival)
  const stage = await Stage.open(rival, evergrant && !full ? QUICK_WAITS : undefined)
  try {
    for (let run = 0; run < (full ? FULL_RUNS : 1); run += 1) {
      for (const name of names) {
        const outcome = await scenario(name).run(stage, full ? FULL : QUICK)
        const key = keyOf(rival, name)
        runs.set(key, [...(runs.get(key) ?? []), outcome])
      }
    }
  } finally {
    await stage.close()
  }
}

function row(name: ScenarioName, rival: Contestant, outcomes: readonly Outcome[] | undefined): readonly Cell[] {
  const head = [scenario(name).title, labelOf(rival)]
  return outcomes === undefined ? [...head, 'not installed', '', '', ''] : [...head, ...cellsOf(outcomes)]
}

function aimOf(name: ScenarioName, rival: (typeof EVERGRANT)[number], runs: Runs): Aim | undefined {
  return faultAim(name, rival, `${scenario(name).title}, ${labelOf(rival)}`, runs.get(keyOf(rival, name)) ?? [])
}

function notes(full: boolean): readonly string[] {
  const { leaseMs, settleMs, timeoutMs } = QUICK_WAITS
  return [
    full
      ? 'Everything has its default waits. Evergrant stops waiting for a token request after 10 s. If its outcome is unknown, it is repeated only 20 s after the lease was taken. A repeat that overtakes it would end the grant.'
      : `For this quick look Evergrant has timeoutMs ${timeoutMs}, leaseMs ${leaseMs} and settleMs ${settleMs} in place of its defaults.`,
    `A caller waits ${(full ? FULL : QUICK).silentMs / 1000} s for a token endpoint that never responds, and ${(full ? FULL : QUICK).mendedMs / 1000} s when it is fixed.`,
    'Contestants run side by side, each with its own server and processes, because no times are compared.',
    'After a lost response, no library can keep a grant at a server with reuse detection. They differ in how often they send the used refresh token, and in what they report.',
    'Contestants keep their token as in the other tables: Evergrant’s Grants and better-auth in SQLite, the others in a JSON file. If nothing can be saved, the database is read-only, or the write of the file rejects.',
    'google-auth-library refreshes a token from 5 minutes before its expiry, and its callers wait for that. A token that is valid for 100 s more behaves like an expired one.',
    'OAuth2Session is for one process. Use Grants if another process can save a newer token.',
  ]
}
