import { expect, test } from 'vitest'

import { faultAim } from '../src/tables/faults/aims.ts'
import { cellsOf, type Got, type Outcome } from '../src/tables/faults/outcome.ts'
import { SCENARIOS, type ScenarioName } from '../src/tables/faults/scenarios.ts'
import { Stage } from '../src/tables/faults/stage.ts'
import { closing } from './setup.ts'

const outcome = (change: Partial<Outcome> = {}): Outcome => ({
  got: ['new'],
  requests: 1,
  revoked: false,
  events: [],
  ...change,
})

test('cells count over all runs who was served, how often it was asked, and what was left', () => {
  const after = { got: ['new'] as const, waitedMs: 20_400, requests: 1 }
  const lost: Partial<Outcome> = { got: ['waiting', 'refused', 'current'], requests: 2, revoked: true }
  const runs = [outcome({ expiring: { got: ['current', 'failed'], requests: 1 }, after }), outcome(lost)]
  expect(cellsOf(runs)).toMatchObject([
    '2 of 4',
    { median: 1.5 },
    '1 of 2',
    1,
    '1 of 1',
    { median: 20, unit: 's' },
    '–',
    '1 of 2',
  ])
  const restarted = { got: ['failed'] as const, requests: 1 }
  const dead = { ...after, got: ['failed'] as const }
  expect(cellsOf([outcome({ after: dead, restarted })]).slice(4)).toEqual(['0 of 1', '–', '0 of 1', '0 of 1'])
})

const expiring: Outcome['expiring'] = { got: ['current', 'current'], requests: 1 }
const after: Outcome['after'] = { got: ['new'], waitedMs: 1_000, requests: 1 }
const failed: Outcome['after'] = { ...after, got: ['failed'] }
const later = outcome({ got: ['retryable'], expiring, after })
const lost = outcome({ ...later, after: failed, events: ['reauthorization_required (answer_lost)'] })
const saved = outcome({ events: ['save_delayed'], after, restarted: { got: ['new'], requests: 0 } })
const unspent = outcome({ got: ['retryable'], requests: 0, after, restarted: { got: ['new'], requests: 0 } })
const calls = (answered: number): Got[] =>
  Array.from({ length: 100 }, (_, call) => (call < answered ? 'answered' : 'failed'))

/** For each fault what is asked of Evergrant, and what falls short of it. */
const JUDGED: Readonly<Record<ScenarioName, { met: Outcome; missed: readonly Partial<Outcome>[] }>> = {
  unavailable: {
    met: later,
    missed: [
      { got: ['failed'] },
      { got: ['new'] },
      { requests: 2 },
      { expiring: { got: ['current', 'retryable'], requests: 1 } },
      { expiring: { got: ['current', 'current'], requests: 2 } },
      { after: { ...after, got: ['retryable'] } },
      { after: { ...after, requests: 2 } },
    ],
  },
  cut_before: { met: later, missed: [{ requests: 3 }] },
  silent: { met: later, missed: [{ got: ['waiting'] }] },
  cut_after: {
    met: lost,
    missed: [{ after: { ...failed, requests: 2 } }, { events: ['reauthorization_required (revoked)'] }, { events: [] }],
  },
  no_refresh_token: {
    met: outcome({ got: ['new', 'new'], requests: 2 }),
    missed: [{ got: ['new', 'failed'] }, { requests: 3 }],
  },
  rotated: {
    met: outcome({ got: ['new', 'new'], requests: 2 }),
    missed: [{ revoked: true }, { got: ['new', 'current'] }],
  },
  refused: {
    met: outcome({ got: calls(100), after }),
    missed: [{ got: calls(99) }, { requests: 2 }, { revoked: true }, { after: failed }],
  },
  unsaved: {
    met: saved,
    missed: [
      { got: ['retryable'] },
      { requests: 2 },
      { events: [] },
      { revoked: true },
      { after: failed },
      { restarted: { got: ['failed'], requests: 1 } },
      { restarted: { got: ['new'], requests: 1 } },
    ],
  },
  unsavable: { met: unspent, missed: [{ requests: 1 }, { got: ['new'] }, { revoked: true }] },
  raced: {
    met: outcome({ after }),
    missed: [{ got: ['failed'] }, { events: ['reauthorization_required (revoked)'] }, { after: failed }],
  },
}

test.each(Object.keys(JUDGED) as ScenarioName[])('the aim of the fault %s is missed by every lapse', (name) => {
  const { met, missed } = JUDGED[name]
  const judge = (...runs: Outcome[]) => faultAim(name, 'evergrant-grants', 'label', runs)?.met
  expect(judge(met, met)).toBe(true)
  expect(judge()).toBe(false)
  for (const lapse of missed) expect(judge(met, { ...met, ...lapse })).toBe(false)
})

test('a session that stands alone is asked to save again, and not to read again', () => {
  expect(faultAim('unsavable', 'evergrant-session', '', [saved])?.met).toBe(true)
  expect(faultAim('unsavable', 'evergrant-session', '', [unspent])?.met).toBe(false)
  expect(faultAim('raced', 'evergrant-session', '', [saved])).toBe(undefined)
})

/** Starting processes is slow where the machine is busy. */
const BUSY = { timeout: 60_000 }

const SIZE = { silentMs: 500, mendedMs: 5_000, patienceMs: 5_000 }

const stage = async (...order: Parameters<typeof Stage.open>) => closing(await Stage.open(...order))

test('a caller without a deadline is still waiting, and the grant is good afterwards', BUSY, async () => {
  const result = await SCENARIOS.silent.run(await stage('bare-fetch'), SIZE)
  expect(result).toMatchObject({ got: ['waiting'], requests: 1, revoked: false, after: { got: ['new'], requests: 1 } })
  expect(result.expiring).toEqual({ got: ['current', 'current'], requests: 0 })
})

test('a refresh token that was redeemed unseen ends the grant when it comes again', BUSY, async () => {
  const result = await SCENARIOS.cut_after.run(await stage('bare-fetch'), SIZE)
  expect(result).toMatchObject({ requests: 1, revoked: true, after: { requests: 1, got: ['failed'] } })
})

test('a token that could not be saved is lost to a restart', BUSY, async () => {
  const lossy = await SCENARIOS.unsaved.run(await stage('bare-fetch'))
  expect(lossy).toMatchObject({ got: ['failed'], revoked: true, events: [], restarted: { got: ['failed'] } })
})

test('a token that could not be saved outlives a restart where its saving is repeated', BUSY, async () => {
  const waits = { timeoutMs: 3_000, leaseMs: 4_000, settleMs: 3_000 }
  const safe = await SCENARIOS.unsaved.run(await stage('evergrant-grants', waits))
  expect(faultAim('unsaved', 'evergrant-grants', '', [safe])).toMatchObject({ met: true })
})

test('a process that loads the kept token again finds the one that another process has saved', BUSY, async () => {
  const result = await SCENARIOS.raced.run(await stage('bare-fetch'))
  expect(result).toMatchObject({ got: ['failed'], requests: 1, after: { got: ['new'], requests: 0 } })
})
