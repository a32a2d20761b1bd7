/**
 * Runs the simulation at full size: `npm run prove -- simulation [--schedules N] [--seed N] [--workers N]`. With
 * `--scenario JSON`, it runs one scenario and prints what happens.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { during, say } from '../../scripts/progress.mjs'
import { add, campaign, emptyTally, type Failure, type Tally } from './campaign.ts'
import type { Scenario } from './scenario.ts'
import { simulate } from './simulate.ts'

/** Number of schedules that share one seed of fast-check. */
const CHUNK = 250
/** Number of schedules under assumption Q for each one without it. */
const UNBOUNDED_SHARE = 5

interface Report {
  readonly tally: Tally
  readonly bounded: boolean
  readonly failure?: Failure | undefined
}

const { values } = parseArgs({
  options: {
    schedules: { type: 'string', default: '100000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000_000) },
    workers: { type: 'string', default: '2' },
    narrow: { type: 'boolean', default: false },
    except: { type: 'string', default: '' },
    scenario: { type: 'string' },
    worker: { type: 'string' },
  },
})
const schedules = Number(values.schedules)
const seed = Number(values.seed)
const workers = Number(values.workers)
const wide = !values.narrow
const except = values.except.split(',').filter((name) => name !== '')

if (values.scenario !== undefined) await show(JSON.parse(values.scenario) as Scenario)
else if (values.worker !== undefined) await work(Number(values.worker))
else await prove()

async function show(scenario: Scenario): Promise<void> {
  const outcome = await simulate(scenario, (line) => console.log(line))
  console.log(outcome.violation?.message ?? 'No invariant is broken.')
  process.exitCode = outcome.violation === undefined ? 0 : 1
}

/** Runs one worker, which prints the report of each chunk as a line. */
async function work(index: number): Promise<void> {
  const chunks = Math.ceil(schedules / workers / CHUNK)
  const extra = Math.ceil(chunks / UNBOUNDED_SHARE)
  for (let chunk = 0; chunk < chunks + extra; chunk++) {
    const bounded = chunk < chunks
    const tally = emptyTally()
    const chunkSeed = seed + index * 1_000_000 + chunk
    const failure = await campaign({ seed: chunkSeed, schedules: CHUNK, bounded, wide, except }, tally)
    const report: Report = { tally, bounded, failure }
    process.stdout.write(`${JSON.stringify(report)}\n`)
    if (failure !== undefined) break
  }
}

interface Findings {
  readonly under: Tally
  readonly without: Tally
  readonly failures: Failure[]
}

async function prove(): Promise<void> {
  const began = performance.now()
  const findings: Findings = { under: emptyTally(), without: emptyTally(), failures: [] }
  const codes = await during('Simulating', (update) => runWorkers(findings, update))
  const { failures, under, without } = findings
  const seconds = (performance.now() - began) / 1000
  print('Under assumption Q', under)
  print('Without it', without)
  const all = under.schedules + without.schedules
  console.log(
    `\n${all} schedules in ${seconds.toFixed(0)} s: ${(all / seconds).toFixed(0)} a second in ${workers} processes (seed ${seed}).`,
  )
  const whole = codes.every((code) => code === 0)
  if (!whole) console.error('A worker process ended before its work was done.')
  if (failures.length === 0) console.log('No invariant is broken.')
  if (failures.length > 0 || !whole) process.exitCode = 1
}

/** Runs the workers to their end, collects their findings and resolves to their exit codes. */
function runWorkers(
  { failures, under, without }: Findings,
  update: (detail: string) => void,
): Promise<(number | null)[]> {
  const running = Array.from({ length: workers }, async (_, index) => {
    const args = [import.meta.filename, '--worker', String(index), '--workers', String(workers)]
    args.push('--except', values.except, ...(wide ? [] : ['--narrow']))
    const child = spawn(process.execPath, [...args, '--schedules', String(schedules), '--seed', String(seed)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const exit = once(child, 'exit')
    for await (const line of createInterface({ input: child.stdout })) {
      const report = JSON.parse(line) as Report
      add(report.bounded ? under : without, report.tally)
      if (report.failure !== undefined) {
        failures.push(report.failure)
        tell(report.failure)
      }
      update(`${under.schedules + without.schedules} schedules, ${failures.length} failures`)
    }
    const [code] = (await exit) as [number | null]
    return code
  })
  return Promise.all(running)
}

function tell({ message, scenario, seed: chunk, path }: Failure): void {
  say(
    `\nBroken: ${message}\nfast-check seed ${chunk}, path ${path}\nSee it with --scenario '${JSON.stringify(scenario)}'`,
  )
}

function print(title: string, tally: Tally): void {
  const { schedules, events, redemptions, served, refused, beyondQ, ...tables } = tally
  console.log(
    `\n${title}: ${schedules} schedules, ${events} events, ${redemptions} redemptions, ${served} calls served, ${refused} refused, ${beyondQ} schedules beyond Q.`,
  )
  for (const [name, counts] of Object.entries(tables)) {
    const list = Object.entries(counts).sort(([a], [b]) => a.localeCompare(b))
    console.log(`  ${name}: ${list.map(([key, count]) => `${key} ${count}`).join(', ') || 'none'}`)
  }
}
