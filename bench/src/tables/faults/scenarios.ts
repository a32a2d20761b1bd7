import { setTimeout as pause } from 'node:timers/promises'

import { libraryOf } from '../../libraries/index.ts'
import { control, type TokenFault } from '../../server/protocol.ts'
import { served, type Got, type Outcome, type Part } from './outcome.ts'
import type { Stage } from './stage.ts'

/** How long things are waited for. */
export interface FaultSize {
  /** What a caller waits for a token endpoint that is silent. */
  readonly silentMs: number
  /** What a caller waits that asks when it is fixed. */
  readonly mendedMs: number
  /** How long it is tried whether a grant works again. */
  readonly patienceMs: number
}

export interface Scenario {
  /** As the table shows it. */
  readonly title: string
  /** Some contestants' waits are long by design. */
  readonly slow?: boolean
  run(stage: Stage, size: FaultSize): Promise<Outcome>
}

/** The limit of a caller that asks when a fault is gone that leaves nothing in flight. */
const AFTER_MS = 5_000
/** Where nothing has to pass first, a grant works again within this time or never. */
const SOON_MS = 3_000
/** A refresh in the background begins within the first of these, and then gets the second before it is checked. */
const BACKGROUND_MS = 1_500
const BACKGROUND_ANSWER_MS = 300
/** A token endpoint's delay in which something can happen. */
const MEANWHILE_MS = 700
/** How long nothing can be saved, and then how long it can before it is checked. */
const UNSAVED_MS = 500
const SAVED_MS = 2_000
/** How long a new token is good, beyond the contestant's own margin. */
const FRESH_S = 2
const SURELY_MS = 40
const REFUSED_CALLS = 100
const RACES = 5

export const SCENARIOS = {
  unavailable: {
    title: 'the token endpoint responds 503',
    slow: true,
    run: (stage, size) => broken(stage, 'unavailable', size),
  },
  cut_before: {
    title: 'the connection is cut, nothing was redeemed',
    slow: true,
    run: (stage, size) => broken(stage, 'cut_before', size),
  },
  cut_after: {
    title: 'the connection is cut after the redemption: the response is lost',
    slow: true,
    run: (stage, size) => broken(stage, 'cut_after', size),
  },
  silent: {
    title: 'the token endpoint never responds',
    slow: true,
    run: async (stage, size) => {
      try {
        return await broken(stage, 'silent', size, size.silentMs)
      } finally {
        await stage.renew()
      }
    },
  },
  no_refresh_token: {
    title: 'no refresh token in the response (at two expiries)',
    run: (stage) => expiries(stage, 'no_refresh_token', 2),
  },
  rotated: {
    title: 'a new refresh token in each response (at three expiries)',
    run: (stage) => expiries(stage, null, 3),
  },
  refused: {
    title: `${REFUSED_CALLS} calls at once, 401 to a token that looks valid`,
    run: refused,
  },
  unsaved: {
    title: 'nothing can be saved while the response arrives',
    run: (stage) => unsaved(stage, 'meanwhile'),
  },
  unsavable: {
    title: 'nothing can be saved from before the refresh on',
    run: (stage) => unsaved(stage, 'before'),
  },
  raced: {
    title: 'invalid_grant, when another process has saved a newer token',
    run: raced,
  },
} as const satisfies Record<string, Scenario>

export type ScenarioName = keyof typeof SCENARIOS

/** The token endpoint fails; then it is fixed. */
async function broken(stage: Stage, fault: TokenFault, size: FaultSize, limitMs?: number): Promise<Outcome> {
  const expiring = await brokenExpiring(stage, fault, limitMs)
  if (fault === 'silent') await stage.renew()
  const trial = await stage.trial({ age: 'expired', behaviour: { fault } })
  const got = [limitMs === undefined ? await trial.ask() : await trial.askFromArrival(limitMs)]
  const requests = await trial.requests()
  await stage.server.configure({ fault: null })
  const after = await trial.recover(size.patienceMs, size.mendedMs)
  return { got, requests, expiring, after, ...(await trial.ending()) }
}

/** The same with a token that is good for a while: asked for, and once more when a refresh in the background had its time. */
async function brokenExpiring(stage: Stage, fault: TokenFault, limitMs?: number): Promise<Part> {
  const trial = await stage.trial({ age: 'expiring', behaviour: { fault } })
  const got = [await trial.ask(limitMs)]
  if (got.every(served)) {
    await trial.arrivedWithin(BACKGROUND_MS)
    await pause(BACKGROUND_ANSWER_MS)
    got.push(await trial.ask(limitMs))
  }
  return { got, requests: await trial.requests() }
}

/** The token expires again and again. */
async function expiries(stage: Stage, fault: TokenFault | null, times: number): Promise<Outcome> {
  const { marginMs = 0 } = libraryOf(stage.library)
  const trial = await stage.trial({ age: 'expired', behaviour: { fault, lifetimeS: FRESH_S + marginMs / 1000 } })
  const got: Got[] = []
  for (let time = 0; time < times; time += 1) {
    if (time > 0) await pause(FRESH_S * 1000 + SURELY_MS)
    got.push(await trial.askAtExpiry())
  }
  return { got, requests: await trial.requests(), ...(await trial.ending()) }
}

/** An API refuses a token that looks valid. */
async function refused(stage: Stage): Promise<Outcome> {
  const trial = await stage.trial({ age: 'half', refused: true })
  const url = stage.server.place.resource
  const { failed } = await trial.worker.ask('storm', { callers: REFUSED_CALLS, url })
  const got = Array.from({ length: REFUSED_CALLS }, (_, call): Got => (call < failed ? 'failed' : 'answered'))
  const requests = await trial.requests()
  const after = await trial.recover(0, AFTER_MS, url)
  return { got, requests, after, ...(await trial.ending()) }
}

/** The application, or the store, can't save for a while. */
async function unsaved(stage: Stage, from: 'before' | 'meanwhile'): Promise<Outcome> {
  const trial = await stage.trial({ age: 'expired', behaviour: { delayMs: MEANWHILE_MS } })
  if (from === 'before') await trial.worker.ask('setSaving', { works: false })
  const asked = trial.ask()
  if (from === 'meanwhile') {
    await trial.arrived()
    await trial.worker.ask('setSaving', { works: false })
  }
  const got = [await asked]
  await pause(UNSAVED_MS)
  const requests = await trial.requests()
  await trial.worker.ask('setSaving', { works: true })
  await pause(SAVED_MS)
  const after = await trial.recover(SOON_MS, AFTER_MS)
  const restarted = await trial.restart()
  return { got, requests, after, restarted, ...(await trial.ending()) }
}

/** Another process refreshes and saves, while this one's request is in flight and then gets invalid_grant. */
async function raced(stage: Stage): Promise<Outcome> {
  for (let race = 0; race < RACES; race += 1) {
    const { place } = stage.server
    const trial = await stage.trial({ age: 'expired', behaviour: { delayMs: MEANWHILE_MS, fault: 'invalid_grant' } })
    const other = await trial.openOther()
    let settled = false
    const asked = trial.ask().finally(() => (settled = true))
    await trial.arrived()
    await other.ask('save', await control(place, 'redeem', trial.seed.refreshToken))
    const inTime = !settled
    const got = [await asked]
    // The machine was too slow: it was no race.
    if (!inTime) continue
    const requests = await trial.requests()
    await stage.server.configure({ fault: null, delayMs: 0 })
    const after = await trial.recover(SOON_MS, AFTER_MS)
    return { got, requests, after, ...(await trial.ending()) }
  }
  throw new Error(`Expected the newer token to be saved within ${MEANWHILE_MS} ms.`)
}
