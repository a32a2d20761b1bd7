import { expect, onTestFinished, test } from 'vitest'

import { faultAim } from '../src/tables/faults/aims.ts'
import type { Outcome } from '../src/tables/faults/outcome.ts'
import { joined, phrase, together } from '../src/tables/faults/phrase.ts'
import { SCENARIOS, type ScenarioName } from '../src/tables/faults/scenarios.ts'
import { Stage } from '../src/tables/faults/stage.ts'
import { tidy } from '../src/tables/faults/trial.ts'
import { cellsOf } from '../src/tables/faults/words.ts'

const NEW = { kind: 'token', which: 'new' } as const
const CURRENT = { kind: 'token', which: 'current' } as const
const RETRYABLE = { kind: 'failed', words: 'SomeError (some_code, retryable)' } as const
const FINAL = { kind: 'failed', words: 'SomeError (some_code, final)' } as const

const outcome = (change: Partial<Outcome> = {}): Outcome => ({
  got: [NEW],
  requests: 1,
  revoked: false,
  told: [],
  ...change,
})

test('runs that agree are told once, with the least and the most of each number', () => {
  expect(together([phrase`works, after ${1} s`, phrase`works, after ${3} s`])).toBe('works, after 1–3 s')
  expect(together([phrase`${2} of ${5}`, phrase`${2} of ${5}`])).toBe('2 of 5')
})

test('runs that differ are told with how many say what', () => {
  const runs = [phrase`works`, phrase`dead after ${1}`, phrase`dead after ${2}`]
  expect(together(runs)).toBe('1 of 3: works; 2 of 3: dead after 1–2')
})

test('phrases are joined with their numbers, and those that say nothing are left out', () => {
  expect(together([joined([phrase`a ${1}`, phrase``, phrase`b ${phrase`c ${2}`}`], ', ')])).toBe('a 1, b c 2')
})

test('cells say what the caller got, each time where it was several times', () => {
  const caller = (change: Partial<Outcome>) => cellsOf([outcome(change)])[0]
  expect(caller({ got: [NEW, FINAL] })).toBe('a new token / SomeError (some_code, final)')
  expect(caller({ got: [{ kind: 'waiting', seconds: 12 }] })).toBe('still waiting after 12 s')
  expect(caller({ got: [{ kind: 'token', which: 'refused' }] })).toBe('a token that the API rejects')
  expect(caller({ told: ['save_delayed'] })).toBe('a new token; event: save_delayed')
})

test('cells say how many calls were answered', () => {
  const answers = (answered: number) =>
    cellsOf([outcome({ got: [{ kind: 'answers', calls: 100, answered, words: ['status 401'] }] })])[0]
  expect([100, 0, 7].map(answers)).toEqual([
    'every call succeeded',
    'no call succeeded: status 401',
    '7 of 100 calls succeeded: status 401',
  ])
})

test('cells say what came of a token that was still good', () => {
  const early = (got: Outcome['got']) => cellsOf([outcome({ early: { got, requests: 1 } })])[2]
  expect(early([CURRENT, CURRENT])).toBe('the current token; requests: 1')
  expect(early([CURRENT, FINAL])).toBe('the current token / SomeError (some_code, final); requests: 1')
  expect(early([FINAL])).toBe('SomeError (some_code, final); requests: 1')
  expect(cellsOf([outcome()])[2]).toBe('–')
})

test('cells say whether then the grant works, when, and whether it was ended', () => {
  const afterwards = (change: Partial<Outcome>) => cellsOf([outcome(change)])[3]
  const after = { got: NEW, waitedMs: 400, requests: 1, revoked: false }
  expect(afterwards({ after })).toBe('works')
  expect(afterwards({ after: { ...after, waitedMs: 20_400 } })).toBe('works, after 20 s')
  expect(afterwards({ after: { ...after, got: { kind: 'waiting', seconds: 5 }, waitedMs: 5_000 } })).toBe(
    'still waiting after 5 s',
  )
  expect(afterwards({ after: { ...after, got: FINAL, waitedMs: 3_000 } })).toBe('SomeError (some_code, final)')
  const dead = { ...after, got: FINAL, revoked: true }
  expect(afterwards({ after: dead })).toBe('ended: SomeError (some_code, final)')
  expect(afterwards({ after: { ...dead, waitedMs: 20_000 } })).toBe('ended: SomeError (some_code, final), after 20 s')
  expect(afterwards({ after: { ...after, revoked: true } })).toBe('works, but the server has ended the grant')
  const restarted = { got: FINAL, requests: 1 }
  expect(afterwards({ after, restarted, revoked: true })).toBe(
    'works; after a restart: ended: SomeError (some_code, final)',
  )
  expect(afterwards({ after: dead, restarted, revoked: true })).toBe(
    'ended: SomeError (some_code, final); the same after a restart',
  )
  expect([false, true].map((revoked) => afterwards({ revoked }))).toEqual(['–', 'the server has ended the grant'])
})

test('the port of a server is not in the words, nor a colon that nothing follows', () => {
  expect(tidy('request to http://127.0.0.1:41234/token failed: ')).toBe('request to http://server/token failed')
})

const early = { got: [CURRENT, CURRENT], requests: 1 }
const after = { got: NEW, waitedMs: 1_000, requests: 1, revoked: false }
const later = outcome({ got: [RETRYABLE], early, after })
const lost = outcome({ ...later, after: { ...after, got: FINAL }, told: ['reauthorization_required (answer_lost)'] })
const saved = outcome({ told: ['save_delayed'], after, restarted: { got: NEW, requests: 0 } })
const unspent = outcome({ got: [RETRYABLE], requests: 0, after, restarted: { got: NEW, requests: 0 } })
const answered = (count: number) => [{ kind: 'answers', calls: 100, answered: count, words: [] }] as const

/** For each fault what is asked of Evergrant, and what falls short of it. */
const JUDGED: Readonly<Record<ScenarioName, { met: Outcome; missed: readonly Partial<Outcome>[] }>> = {
  unavailable: {
    met: later,
    missed: [
      { got: [FINAL] },
      { got: [NEW] },
      { requests: 2 },
      { early: { got: [CURRENT, RETRYABLE], requests: 1 } },
      { early: { got: [CURRENT, CURRENT], requests: 2 } },
      { after: { ...after, got: RETRYABLE } },
      { after: { ...after, requests: 2 } },
    ],
  },
  cut_before: { met: later, missed: [{ requests: 3 }] },
  silent: { met: later, missed: [{ got: [{ kind: 'waiting', seconds: 12 }] }] },
  cut_after: {
    met: lost,
    missed: [
      { after: { ...after, got: FINAL, requests: 2 } },
      { told: ['reauthorization_required (revoked)'] },
      { told: [] },
    ],
  },
  no_refresh_token: {
    met: outcome({ got: [NEW, NEW], requests: 2 }),
    missed: [{ got: [NEW, FINAL] }, { requests: 3 }],
  },
  rotated: { met: outcome({ got: [NEW, NEW], requests: 2 }), missed: [{ revoked: true }, { got: [NEW, CURRENT] }] },
  refused: {
    met: outcome({ got: answered(100), after }),
    missed: [{ got: answered(99) }, { requests: 2 }, { revoked: true }, { after: { ...after, got: FINAL } }],
  },
  unsaved: {
    met: saved,
    missed: [
      { got: [RETRYABLE] },
      { requests: 2 },
      { told: [] },
      { revoked: true },
      { after: { ...after, got: FINAL } },
      { restarted: { got: FINAL, requests: 1 } },
      { restarted: { got: NEW, requests: 1 } },
    ],
  },
  unsavable: { met: unspent, missed: [{ requests: 1 }, { got: [NEW] }, { revoked: true }] },
  raced: {
    met: outcome({ after }),
    missed: [{ got: [FINAL] }, { told: ['reauthorization_required (revoked)'] }, { after: { ...after, got: FINAL } }],
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

async function stage(...order: Parameters<typeof Stage.open>) {
  const opened = await Stage.open(...order)
  onTestFinished(() => opened.close())
  return opened
}

test('a caller without a deadline is still waiting, and the grant is good afterwards', BUSY, async () => {
  const result = await SCENARIOS.silent.run(await stage('bare-fetch'), SIZE)
  expect(result).toMatchObject({ got: [{ kind: 'waiting', seconds: 0.5 }], requests: 1, revoked: false })
  expect(result.early).toEqual({ got: [CURRENT, CURRENT], requests: 0 })
  expect(result.after).toMatchObject({ got: NEW, requests: 1 })
})

test('a refresh token that was redeemed unseen ends the grant when it comes again', BUSY, async () => {
  const result = await SCENARIOS.cut_after.run(await stage('bare-fetch'), SIZE)
  expect(result).toMatchObject({ requests: 1, revoked: true, after: { requests: 1, got: { words: 'status 400' } } })
})

test('a token that could not be saved is lost to a restart', BUSY, async () => {
  const lossy = await SCENARIOS.unsaved.run(await stage('bare-fetch'))
  expect(lossy).toMatchObject({ got: [{ words: 'No space left on device' }], revoked: true, told: [] })
})

test('a token that could not be saved outlives a restart where its saving is repeated', BUSY, async () => {
  const waits = { timeoutMs: 3_000, leaseMs: 4_000, settleMs: 3_000 }
  const safe = await SCENARIOS.unsaved.run(await stage('evergrant-grants', waits))
  expect(faultAim('unsaved', 'evergrant-grants', '', [safe])).toMatchObject({ met: true })
})

test('whoever loads the kept token anew finds the one that another process has saved', BUSY, async () => {
  const result = await SCENARIOS.raced.run(await stage('bare-fetch'))
  expect(result).toMatchObject({ got: [{ words: 'status 400' }], requests: 1, after: { got: NEW, requests: 0 } })
})
