import { expect, test } from 'vitest'
import { campaign, emptyTally } from './campaign.ts'
import { MODES } from './server.ts'
import { simulate } from './simulate.ts'
import type { Scenario } from './scenario.ts'

const calm: Scenario = {
  seed: 1,
  mode: 'strict',
  declared: false,
  processes: 3,
  workers: 1,
  timing: 'default',
  background: 'detached',
  skews: [],
  sleeps: false,
  bounded: true,
  whole: false,
  acts: [],
  faults: [],
}

test('no schedule under assumption Q breaks an invariant', { timeout: 120_000 }, async () => {
  const tally = emptyTally()
  expect(await campaign({ seed: 20_260_101, schedules: 250, bounded: true, wide: false }, tally)).toBeUndefined()
  for (const mode of MODES) expect(tally.modes[mode]).toBeGreaterThan(0)
})

test('without assumption Q, only the findings of the model remain', { timeout: 120_000 }, async () => {
  const tally = emptyTally()
  expect(await campaign({ seed: 20_260_102, schedules: 200, bounded: false, wide: false }, tally)).toBeUndefined()
  expect(tally.beyondQ).toBeGreaterThan(0)
})

test('no wide schedule breaks an invariant', { timeout: 120_000 }, async () => {
  const tally = emptyTally()
  const options = { seed: 20_260_103, schedules: 250, bounded: true, wide: true }
  expect(await campaign(options, tally)).toBeUndefined()
})

test('the same scenario runs the same way again, with the whole client too', async () => {
  for (const whole of [false, true]) {
    const scenario: Scenario = { ...calm, whole, faults: [{ point: 'request', nth: 0, fault: 'answer-lost' }] }
    const [first, second] = [await simulate(scenario), await simulate(scenario)]
    expect(first.fingerprint).toBe(second.fingerprint)
    expect(first.redemptions).toBeGreaterThan(0)
  }
})

test('without faults each expiry causes one redemption, for any number of processes', async () => {
  const outcome = await simulate({ ...calm, processes: 4 })
  expect(outcome.violation).toBeUndefined()
  expect(outcome.refused).toBe(0)
  // About 450 s of tokens that are valid for 60 s and refreshed 12 s early.
  expect(outcome.redemptions).toBeLessThanOrEqual(10)
})
