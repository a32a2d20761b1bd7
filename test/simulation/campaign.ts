import * as fc from 'fast-check'
import { scenarios, type Scenario } from './scenario.ts'
import { simulate, type Outcome } from './simulate.ts'

/** The results of many schedules. Counts are by name. */
export interface Tally {
  schedules: number
  events: number
  redemptions: number
  served: number
  refused: number
  /** Schedules in which a refresh token was sent while an older request with it was past its settle time. */
  beyondQ: number
  readonly modes: Record<string, number>
  readonly acts: Record<string, number>
  readonly faults: Record<string, number>
  readonly excuses: Record<string, number>
  readonly residue: Record<string, number>
}

export interface Failure {
  readonly message: string
  /** The smallest one that fast-check found. */
  readonly scenario: Scenario
  readonly seed: number
  readonly path: string | null
}

export function emptyTally(): Tally {
  return {
    schedules: 0,
    events: 0,
    redemptions: 0,
    served: 0,
    refused: 0,
    beyondQ: 0,
    modes: {},
    acts: {},
    faults: {},
    excuses: {},
    residue: {},
  }
}

/** Runs a number of schedules of one seed. `bounded`: under assumption Q for the wire. */
export async function campaign(
  options: {
    readonly seed: number
    readonly schedules: number
    readonly bounded: boolean
    readonly wide?: boolean
    /** The names of acts and faults to leave out, also `resolver` and `crowd`. */
    readonly except?: readonly string[]
  },
  tally: Tally,
): Promise<Failure | undefined> {
  const { except = [] } = options
  const chosen = scenarios(options).map((scenario) => without(scenario, except))
  const property = fc.asyncProperty(chosen, async (scenario) => {
    const outcome = await simulate(scenario)
    if (outcome.violation !== undefined) throw outcome.violation
    count(tally, scenario, outcome)
  })
  const details = await fc.check(property, { seed: options.seed, numRuns: options.schedules })
  if (!details.failed) return undefined
  const scenario = details.counterexample?.[0]
  if (scenario === undefined) throw new Error('fast-check found a failure without an example.')
  const message = details.errorInstance instanceof Error ? details.errorInstance.message : String(details.errorInstance)
  return { message, scenario, seed: options.seed, path: details.counterexamplePath }
}

function without(scenario: Scenario, names: readonly string[]): Scenario {
  if (names.length === 0) return scenario
  return {
    ...scenario,
    acts: scenario.acts.filter(({ kind }) => !names.includes(kind)),
    faults: scenario.faults.filter(({ fault, point }) => !names.includes(fault) && !names.includes(point)),
    ...(names.includes('resolver') && { resolver: false }),
    ...(names.includes('crowd') && { crowd: 0 }),
  }
}

function count(tally: Tally, scenario: Scenario, outcome: Outcome): void {
  tally.schedules += 1
  tally.events += outcome.events
  tally.redemptions += outcome.redemptions
  tally.served += outcome.served
  tally.refused += outcome.refused
  if (outcome.beyondQ) tally.beyondQ += 1
  const { mode, declared } = scenario
  one(tally.modes, declared ? mode : `${mode}, unknown to the client`)
  for (const act of new Set(scenario.acts.map((each) => each.kind))) one(tally.acts, act)
  for (const fault of new Set(outcome.struck)) one(tally.faults, fault)
  for (const excuse of new Set(outcome.excuses)) one(tally.excuses, excuse)
  for (const invariant of outcome.residue) one(tally.residue, `${mode}: ${invariant}`)
}

function one(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1
}

/** Adds the counts of another worker. */
export function add(to: Tally, from: Tally): void {
  for (const name of ['schedules', 'events', 'redemptions', 'served', 'refused', 'beyondQ'] as const)
    to[name] += from[name]
  for (const name of ['modes', 'acts', 'faults', 'excuses', 'residue'] as const) {
    for (const [key, value] of Object.entries(from[name])) to[name][key] = (to[name][key] ?? 0) + value
  }
}
