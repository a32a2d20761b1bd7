import { expect, test } from 'vitest'
import { lifeState, secondsUntil, whatHappened } from '../src/browser/wording.ts'
import { piecesOf } from '../src/browser/pair-lanes.ts'
import { pairEntryText, pairEntryTime, pairVerdict, seconds } from '../src/browser/pair-wording.ts'
import { labVerdict, storeRows } from '../src/browser/lab-wording.ts'
import type { LabView, StoreView } from '../src/faults/lab-view.ts'
import { Journal } from '../src/live/journal.ts'
import { lifeOf } from '../src/live/token-life.ts'
import type { PairView, Recovery } from '../src/pair/pair-view.ts'
import { spentSource } from '../src/spent-source.ts'
import { titleOf } from '../src/store/store-choice.ts'
import { verdictOf } from '../src/storm/storm-side.ts'
import { Browser } from './browser.ts'
import { demoWith, finishAtProvider } from './setup.ts'

test.each([
  [
    { alive: false, answered: 0, redemptions: 50, reuseDetections: 1, revocations: 1 },
    '50 redemptions, reuse detected, grant revoked: the user must log in again',
  ],
  [{ alive: true, answered: 50, redemptions: 1, reuseDetections: 0, revocations: 0 }, '1 redemption, 50 responses'],
  [
    { alive: true, answered: 1, redemptions: 2, reuseDetections: 1, revocations: 0 },
    '2 redemptions, reuse detected, 1 response',
  ],
  [
    { alive: false, answered: 3, redemptions: 50, reuseDetections: 0, revocations: 0 },
    '50 redemptions: the user must log in again',
  ],
])('the storm’s verdict states the counts: %j', (counted, verdict) => {
  expect(verdictOf(counted)).toBe(verdict)
})

test('the state of a token is fresh, then early, then spent', () => {
  const status = {
    client: 'provider',
    subject: 'alice',
    account: '',
    id: 'id',
    version: 1,
    state: 'active' as const,
    renewable: true,
    createdAt: 0,
    updatedAt: 0,
    lastRefreshedAt: 1000,
    nextRefreshAt: 49_000,
  }
  const life = lifeOf({ accessToken: 'abcdefghij', tokenType: 'bearer', expiresAt: 61_000 }, status)!
  expect(life).toMatchObject({
    shown: 'abcdef…',
    receivedAt: 1000,
    earlyAt: 49_000,
    spentAt: 58_000,
    expiresAt: 61_000,
  })
  expect([1000, 48_999, 49_000, 57_999, 58_000].map((now) => lifeState(life, now))).toEqual([
    'fresh',
    'fresh',
    'early',
    'early',
    'spent',
  ])
  expect([60_001, 61_000, 70_000].map((now) => secondsUntil(61_000, now))).toEqual([1, 0, 0])
  expect(lifeOf({ accessToken: 'abcdefghij', tokenType: 'bearer' }, status)).toBeUndefined()
})

test('a token source that simulates expiry asks for more validity than the token has', async () => {
  const wishes: unknown[] = []
  const source = {
    token: (options?: object) => {
      wishes.push(options)
      return Promise.resolve({ accessToken: 'a', tokenType: 'bearer', expiresAt: 5000 })
    },
  }
  await spentSource(source, () => 2000).token()
  expect(wishes).toEqual([undefined, { minValidityMs: 3001 }])
})

test('the journal keeps the newest entries of each grant, and shows no entry of another grant', () => {
  const journal = new Journal()
  const news: string[] = []
  journal.onNews(({ subject }) => news.push(subject))
  for (let number = 0; number < 20; number += 1) {
    journal.logger.info(`line ${number}`, { client: 'provider', subject: 'alice', account: '', number })
  }
  journal.logger.warn('about nobody')
  const lines = journal.lines({ client: 'provider', subject: 'alice' })
  expect(lines).toHaveLength(12)
  expect(lines[0]).toMatchObject({ level: 'info', message: 'line 19', fields: { number: 19 } })
  expect(journal.lines({ client: 'provider', subject: 'bob' })).toEqual([])
  expect(journal.lines({ client: 'other', subject: 'alice' })).toEqual([])
  expect(news).toHaveLength(20)
  journal.forget({ client: 'provider', subject: 'alice' })
  expect(journal.lines({ client: 'provider', subject: 'alice' })).toEqual([])
})

const record: StoreView = { state: 'active', version: 1, sealed: 'abc', sealedLength: 500 }
const beat = { at: 0, call: 'profile' as const, ok: true, result: '200', ms: 2 }
const refresh = { at: 0, call: 'refresh' as const, ok: true, result: 'a new token', ms: 2 }
const quiet: LabView = { on: null, beats: [], refreshes: [], timeline: [], log: [], store: null }

test.each([
  [quiet, true, 'Throw a switch'],
  [{ ...quiet, on: 'hang', beats: [beat], store: record }, true, 'don’t wait for it'],
  [
    { ...quiet, on: 'unavailable', beats: [beat], refreshes: [{ ...refresh, ok: false }], store: record },
    true,
    'no caller notices',
  ],
  [{ ...quiet, on: 'unavailable', beats: [{ ...beat, ok: false }], store: record }, false, 'has run out'],
  [{ ...quiet, beats: [beat], refreshes: [refresh], store: record }, true, 'Nothing was lost'],
  [{ ...quiet, beats: [beat], store: record }, true, 'works again'],
  [
    { ...quiet, store: { ...record, state: 'reauthorization_required', reason: 'answer_lost' } },
    false,
    'over (answer_lost)',
  ],
] as const satisfies [LabView, boolean, string][])('the laboratory says how it stands (%#)', (view, good, text) => {
  expect(labVerdict(view)).toEqual({ good, text: expect.stringContaining(text) })
})

test('the record of the store is shown row by row', () => {
  const store: StoreView = {
    ...record,
    expiresAt: 61_000,
    failure: { code: 'provider_unavailable', count: 2, notBefore: 5000 },
    leaseUntil: 2000,
    openIntent: { attempt: 1, sendBefore: 0 },
  }
  const rows = Object.fromEntries(storeRows({ ...quiet, store }, 1000))
  expect(rows).toMatchObject({ state: 'active', version: '1', expires: 'in 60 s', lease: 'one process is redeeming' })
  expect(rows['failure']).toMatch(/^provider_unavailable, 2 times, not again before \d\d:\d\d:\d\d$/)
  expect(Object.fromEntries(storeRows({ ...quiet, store }, 9000))).not.toHaveProperty('lease')
})

test('the demo has words for every kind of event', () => {
  expect(whatHappened({ at: 0, kind: 'failed', code: 'x' })).toContain('the token at hand goes on being used')
  expect(whatHappened({ at: 0, kind: 'dead', reason: 'revoked' })).toContain('only the user')
  expect(whatHappened({ at: 0, kind: 'delayed', attempts: 1 })).toContain('waits to be saved')
})

test('a browser keeps the three newest logins that it began', async () => {
  const demo = await demoWith()
  const browser = new Browser()
  browser.stopAt = demo.provider.url
  for (let tab = 0; tab < 5; tab += 1) await browser.open(demo.url)
  expect([...browser.cookies.keys()].filter((name) => name.includes('evergrant_login'))).toHaveLength(3)
  const { callback } = await finishAtProvider(demo, { browser })
  expect((await browser.open(callback)).url).toBe(demo.at('/menu'))
})

const still: PairView = {
  now: 0,
  state: 'off',
  armed: false,
  alive: true,
  workers: [],
  timeline: [],
  counters: { redemptions: 0, reuseDetections: 0, revocations: 0, refreshes: 0, lost: 0, calls: 0, failed: 0 },
}
const running: PairView = { ...still, state: 'running' }
const killing: Recovery = { killed: 'A', by: 'B', killedAt: 1000, calls: 9, failed: 0 }
const recovered: Recovery = { ...killing, tookOverAt: 3000, recoveredAt: 5000 }

test.each([
  [still, undefined, 'Start the two'],
  [{ ...still, ended: 'left' }, undefined, 'no page was looking'],
  [{ ...still, trouble: 'The store is gone.' }, false, 'The store is gone.'],
  [running, undefined, 'soon one of them'],
  [{ ...running, counters: { ...still.counters, refreshes: 1 } }, true, 'Whoever is first'],
  [{ ...running, armed: true }, undefined, 'is ended in the middle'],
  [{ ...running, recovery: killing }, undefined, 'A is gone'],
  [{ ...running, recovery: { ...killing, tookOverAt: 3000 } }, undefined, 'B sends the same refresh token again'],
  [{ ...running, recovery: recovered }, true, 'a new token 4 s later; 9 calls were made meanwhile, none failed'],
  [{ ...running, recovery: { ...recovered, failed: 2 } }, false, '2 failed'],
  [{ ...running, alive: false, recovery: recovered }, false, 'The grant is over'],
] as const satisfies [PairView, boolean | undefined, string][])(
  'the two processes say how it stands (%#)',
  (view, good, text) => {
    expect(pairVerdict(view)).toEqual({ ...(good !== undefined && { good }), text: expect.stringContaining(text) })
  },
)

test('the demo has words for everything that the two processes do', () => {
  const about = { at: 0, by: 'A' } as const
  expect(pairEntryText({ ...about, kind: 'started', again: true, pid: 7 })).toBe('A was started again, process 7')
  expect(pairEntryText({ ...about, kind: 'killed', afterMs: 600, consumed: false })).toContain('in the middle')
  expect(pairEntryText({ ...about, kind: 'failed', code: 'x' })).toContain('could not refresh (x)')
  expect(pairEntryTime({ ...about, kind: 'took_over', afterMs: 2440 })).toBe('2.4 s after the end')
  expect([10_000, 2440, 40].map(seconds)).toEqual(['10 s', '2.4 s', '0 s'])
})

test('a process lane shows starts, the wait, refreshes and the end, in this order', () => {
  const lane = {
    name: 'B' as const,
    state: 'killed' as const,
    callsPerSecond: 0,
    beats: [],
    refreshes: 1,
    lives: [{ from: 1000, to: 7000 }],
    asks: [
      { from: 3000, to: 4000, end: 'answered' as const },
      { from: 6000, to: 7000, end: 'killed' as const },
    ],
  }
  expect(piecesOf(lane, recovered, 10_000).map(({ from, kind, to }) => [kind, from, to])).toEqual([
    ['alive', 9000, 3000],
    ['waiting', 9000, 7000],
    ['answered', 7000, 6000],
    ['lost', 4000, 3000],
    ['killed', 3000, 2750],
  ])
})

test('a store’s title says where it is, and neither user nor password', () => {
  expect(titleOf({ kind: 'postgres', url: 'postgres://u:p@db.example:5433/grants' })).toBe(
    'PostgreSQL at db.example:5433/grants',
  )
  expect(titleOf({ kind: 'redis', url: 'rediss://u:p@cache.example' })).toBe('Redis at cache.example')
})
