import { setTimeout as pause } from 'node:timers/promises'

import { RIVALS } from '../../rivals/index.ts'
import type { TokenFault } from '../../server/protocol.ts'
import type { KeptToken } from '../../rivals/rival.ts'
import { EARLY_S } from '../log-in.ts'
import { served, type Got, type Outcome } from './outcome.ts'
import type { Stage } from './stage.ts'
import type { Trial } from './trial.ts'

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

/** A caller that asks when a fault is gone that leaves nothing under way waits for so long. */
const AFTER_MS = 5_000
/** Where nothing has to pass first, a grant works again within this time or never. */
const SOON_MS = 3_000
/** A refresh in the background has begun after this time or never, and then gets so long before it is looked at. */
const BACKGROUND_MS = 1_500
const BACKGROUND_ANSWER_MS = 300
/** A token endpoint's answer takes so long that something can happen meanwhile. */
const MEANWHILE_MS = 700
/** For so long nothing can be saved, and for so long it can again before it is looked at. */
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

/** The token endpoint fails; then it is mended. */
async function broken(stage: Stage, fault: TokenFault, size: FaultSize, limitMs?: number): Promise<Outcome> {
  const early = await brokenEarly(stage, fault, limitMs)
  if (fault === 'silent') await stage.renew()
  const trial = await stage.trial({ age: 'spent', behaviour: { fault } })
  const got = limitMs === undefined ? await trial.ask() : await trial.askFromArrival(limitMs)
  const requests = await trial.requests()
  await stage.server.configure({ fault: null })
  const after = await trial.recover(size.patienceMs, size.mendedMs)
  return { got: [got], requests, early, after, ...(await trial.ending()) }
}

/** The same with a token that is good for a while: asked for, and once more when a refresh in the background had its time. */
async function brokenEarly(stage: Stage, fault: TokenFault, limitMs?: number): Promise<NonNullable<Outcome['early']>> {
  const trial = await stage.trial({ age: 'early', behaviour: { fault } })
  const got = [await trial.ask(limitMs)]
  if (got.every(served)) {
    await trial.arrivedWithin(BACKGROUND_MS)
    await pause(BACKGROUND_ANSWER_MS)
    got.push(await trial.ask(limitMs))
  }
  return { got, requests: await trial.requests() }
}

/** The token ends again and again. */
async function expiries(stage: Stage, fault: TokenFault | null, times: number): Promise<Outcome> {
  const { marginMs } = RIVALS[stage.rival]
  const trial = await stage.trial({ age: 'spent', behaviour: { fault, lifetimeS: FRESH_S + marginMs / 1000 } })
  const got: Got[] = []
  for (let time = 0; time < times; time += 1) {
    if (time > 0) await pause(FRESH_S * 1000 + SURELY_MS)
    got.push(await trial.askAtExpiry())
  }
  return { got, requests: await trial.requests(), ...(await trial.ending()) }
}

/** An API refuses a token that looks valid. */
async function refused(stage: Stage): Promise<Outcome> {
  const { server } = stage
  const trial = await stage.trial({ age: 'half', refused: true })
  const order = { callers: REFUSED_CALLS, url: server.resource }
  const { failures, served: answered } = await trial.worker.ask('storm', order)
  const requests = await trial.requests()
  const after = await trial.recover(0, AFTER_MS, server.resource)
  const words = Object.keys(failures).toSorted()
  return {
    got: [{ kind: 'answers', calls: REFUSED_CALLS, answered, words }],
    requests,
    after,
    ...(await trial.ending()),
  }
}

/** The application, or the store, can't save for a while. */
async function unsaved(stage: Stage, from: 'before' | 'meanwhile'): Promise<Outcome> {
  const trial = await stage.trial({ age: 'spent', behaviour: { delayMs: MEANWHILE_MS } })
  if (from === 'before') await trial.worker.ask('setSaving', { works: false })
  const asked = trial.ask()
  if (from === 'meanwhile') {
    await trial.arrived()
    await trial.worker.ask('setSaving', { works: false })
  }
  const got = await asked
  await pause(UNSAVED_MS)
  const requests = await trial.requests()
  await trial.worker.ask('setSaving', { works: true })
  await pause(SAVED_MS)
  const after = await trial.recover(SOON_MS, AFTER_MS)
  const restarted = await trial.restart()
  return { got: [got], requests, after, restarted, ...(await trial.ending()) }
}

/** Another process has redeemed the refresh token, and saves what it got, while this one's request is out and is then answered with invalid_grant. */
async function raced(stage: Stage): Promise<Outcome> {
  for (let race = 0; race < RACES; race += 1) {
    const trial = await stage.trial({
      age: 'spent',
      behaviour: { delayMs: MEANWHILE_MS, fault: 'invalid_grant' },
    })
    const other = await trial.other()
    let answered = false
    const asked = trial.ask().finally(() => {
      answered = true
    })
    await trial.arrived()
    await other.ask('save', await redeemed(trial))
    const inTime = !answered
    const got = await asked
    // The machine was too slow: it was no race.
    if (!inTime) continue
    const requests = await trial.requests()
    await stage.server.configure({ fault: null, delayMs: 0 })
    const after = await trial.recover(SOON_MS, AFTER_MS)
    return { got: [got], requests, after, ...(await trial.ending()) }
  }
  throw new Error(`Expected the newer token to be saved within ${MEANWHILE_MS} ms.`)
}

async function redeemed({ seed, server }: Trial): Promise<KeptToken> {
  const receivedAt = Date.now()
  const { access_token, expires_in, refresh_token } = await server.redeem(seed.refreshToken ?? '')
  return {
    accessToken: access_token,
    refreshToken: refresh_token,
    receivedAt,
    expiresAt: receivedAt + expires_in * 1000,
  }
}

export const EARLY_TITLE = `with a token valid for ${EARLY_S} s more`
