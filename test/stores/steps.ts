import {
  assert,
  asyncProperty,
  boolean,
  constant,
  constantFrom,
  array,
  oneof,
  option,
  record,
  tuple,
  type Arbitrary,
} from 'fast-check'
import { expect } from 'vitest'

import type { GrantKey } from '../../src/model/grant-key.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { CHANGES_KEPT_MS, type Change } from '../../src/stores/changes.ts'
import type { FakeClock } from '../../src/testing/index.ts'
import type { Failures, GrantRecord, GrantStore } from '../../src/stores/store.ts'

/** Runs in a store whose clock showed `latest` at most so far. */
type Step = (store: GrantStore, latest: number) => Promise<unknown>

/** A store whose time is `now()`, with nothing in it. */
export type Opener = (now: () => number) => GrantStore | Promise<GrantStore>

const START = Date.UTC(2026, 0, 1)
/**
 * A clock is set back by this at most: a day's and a week's end are then never passed twice by steps of an hour back
 * and 100,000 seconds on. What has come to its end once may be forgotten or not, in each store separately.
 */
const BACK_MS = 3_600_000

const id = constantFrom('1', '2', '3')
const version = constantFrom(1, 2, 3)
const owner = constantFrom('one', 'two')
const ms = constantFrom(0, 1, 10, 1_000)
const key = constantFrom('a', 'b').map((subject) => ({ client: 'c', subject, account: '' }))
const optional = <T>(value: Arbitrary<T>): Arbitrary<T | undefined> => option(value, { nil: undefined })

const name = constantFrom('d1', 'd2', 'e')

/** The whole feed, in an order that all stores have: grants' changes may come in any order among each other. */
async function allChanges(store: GrantStore, latest: number): Promise<readonly Change[]> {
  const { changes } = await store.changes!({ limit: 10_000 })
  // Older ones may be there or not, also after the clock was set back.
  const kept = changes.filter(({ at }) => at > latest - CHANGES_KEPT_MS)
  return kept.toSorted((a, b) => (a.key.subject < b.key.subject ? -1 : a.key.subject > b.key.subject ? 1 : 0))
}

const moment = ms.map((offset) => START + offset)
const failures: Arbitrary<Failures> = record({
  code: constant('unavailable'),
  count: constant(1),
  firstAt: moment,
  lastAt: moment,
  notBefore: moment,
  mandatory: boolean(),
})
const content = record({
  state: constantFrom('active', 'reauthorization_required'),
  reason: optional(constantFrom('revoked', 'expired')),
  sealed: constantFrom('x', 'y'),
  renewable: boolean(),
  expiresAt: optional(moment),
  refreshAfter: optional(moment),
  refreshTokenExpiresAt: optional(moment),
  scope: optional(array(constantFrom('s', 't'), { maxLength: 2 })),
  lastRefreshedAt: optional(moment),
} as const)
const expectation = oneof(constant(undefined), record({ id: optional(id), version }))

/** Most requests are made for what is there: at random they would hardly ever hit it. */
async function aimed(
  store: GrantStore,
  at: GrantKey,
  otherwise: { id: string; version: number },
): Promise<{ id: string; version: number }> {
  const { record } = await store.read(at)
  const hit = record !== undefined && otherwise.id !== '3'
  return hit ? { id: record.id, version: record.version } : { id: otherwise.id, version: otherwise.version }
}

const step: Arbitrary<Step> = oneof(
  tuple(key, id, content, expectation).map(
    ([k, i, c, expect]): Step =>
      (store) =>
        store.put(k, { id: i, schema: 1, issuer: 'i', clientId: 'c', ...c }, expect),
  ),
  tuple(
    key,
    record({
      id,
      version,
      owner,
      leaseMs: ms,
      settleMs: ms,
      repeatWithinMs: optional(ms),
      intent: optional(record({ hash: constantFrom('h', 'g'), sendWithinMs: ms })),
      force: optional(boolean()),
    }),
  ).map(
    ([k, request]): Step =>
      async (store) =>
        store.claim(k, { ...request, ...(await aimed(store, k, request)) }),
  ),
  tuple(key, id, version, content, optional(failures)).map(
    ([k, i, v, c, f]): Step =>
      async (store) =>
        store.commit(k, { ...c, failures: f, ...(await aimed(store, k, { id: i, version: v })) }),
  ),
  tuple(key, id, version, owner).map(
    ([k, i, v, o]): Step =>
      async (store) =>
        store.commit(k, { owner: o, verdict: 'revoked', ...(await aimed(store, k, { id: i, version: v })) }),
  ),
  tuple(key, owner, constantFrom('no', 'unknown'), optional(boolean()), optional(failures)).map(
    ([k, o, spent, settled, f]): Step =>
      (store) =>
        store.release(k, { owner: o, spent, settled, failures: f }),
  ),
  tuple(key, id).map(
    ([k, i]): Step =>
      (store) =>
        store.reseal(k, { id: i, from: 'x', to: 'y' }),
  ),
  tuple(key, id).map(
    ([k, i]): Step =>
      (store) =>
        store.delete(k, { id: i }),
  ),
  tuple(id, ms, owner).map(
    ([i, ttlMs, by]): Step =>
      (store) =>
        store.once(i, ttlMs, by),
  ),
  tuple(name, constantFrom('x', 'y'), version, boolean(), optional(constantFrom(1, 10, 1_000))).map(
    ([n, value, v, hit, ttlMs]): Step =>
      async (store) => {
        const { documents } = store
        const { document } = await documents!.get(n)
        return documents!.put(n, value, { version: hit ? (document?.version ?? 0) : v, ttlMs })
      },
  ),
  tuple(name, version).map(([n, v]): Step => async (store) => [
    await store.documents!.delete(n, { version: v }),
    await store.documents!.get(n),
  ]),
  constant((async (store) => {
    const found: unknown[] = []
    for await (const document of store.documents!.list('d')) found.push(document)
    return found.map((document) => JSON.stringify(document)).sort()
  }) satisfies Step),
  constant((async (store, latest) => [
    await store.counts!(),
    (await allChanges(store, latest)).map(({ kind, key: { subject }, id, version, at, reason }) => [
      kind,
      subject,
      id,
      version,
      at,
      reason,
    ]),
  ]) satisfies Step),
  constantFrom(1, 2).map((limit): Step => async (store) => {
    const first = await store.page!({ limit })
    const second = first.next === undefined ? undefined : await store.page!({ limit, after: first.next })
    return [first.records, second?.records ?? [], first.next]
  }),
  // A whole refresh by a process that passes on what it has seen.
  tuple(key, owner, content, boolean()).map(([k, o, c, gone]): Step => async (store) => {
    const { record } = await store.read(k)
    if (record === undefined) return undefined
    const { id: i, version: v } = record
    if (gone) await store.release(k, { owner: o, spent: 'no' }, record)
    const request = { id: i, version: v, owner: o, leaseMs: 10, settleMs: 10, intent: { hash: 'h', sendWithinMs: 10 } }
    const claim = await store.claim(k, request, record)
    const seen = claim.outcome === 'claimed' ? claim.record : record
    return [claim, await store.commit(k, { ...c, id: i, version: v }, seen)]
  }),
  tuple(moment, optional(ms)).map(
    ([before, reserveMs]): Step =>
      async (store) =>
        store.due({ before, limit: 10, reserveMs }),
  ),
  optional(constantFrom('active', 'reauthorization_required')).map((state): Step => async (store) => {
    const records: GrantRecord[] = []
    for await (const each of store.list({ state })) records.push(each)
    return records.sort((a, b) => (a.key.subject < b.key.subject ? -1 : 1))
  }),
)

/** Fails unless a store returns the same results as the memory store for random operations. */
export async function answersLikeMemory(open: Opener, numRuns: number): Promise<void> {
  const pause = constantFrom(0, 1, 5, 10, 20, 1_000, -7, -BACK_MS, 100_000_000)
  await assert(
    asyncProperty(array(tuple(pause, step), { minLength: 10, maxLength: 60, size: 'max' }), (steps) =>
      walk(open, steps),
    ),
    { numRuns },
  )
}

/** Claims at the very end of a settle time, and with a clock that was set back by little and by much: at random they hardly ever come. */
export async function claimsAtTheEdgesLikeMemory(open: Opener): Promise<void> {
  const at = { client: 'c', subject: 'a', account: '' }
  const grant = {
    id: '1',
    schema: 1,
    issuer: 'i',
    clientId: 'c',
    state: 'active',
    sealed: 'x',
    renewable: true,
  } as const
  const claim = (owner: string, repeatWithinMs?: number): Step => {
    const request = {
      id: '1',
      version: 1,
      owner,
      leaseMs: 5,
      settleMs: 20,
      repeatWithinMs,
      intent: { hash: 'h', sendWithinMs: 10 },
    }
    return (store) => store.claim(at, request)
  }
  const release: Step = (store) => store.release(at, { owner: 'one', spent: 'unknown' })
  const begin: [number, Step][] = [
    [0, (store) => store.put(at, grant)],
    [0, claim('one')],
  ]
  for (const pause of [29, 30]) await walk(open, [...begin, [pause, claim('two')]])
  for (const pause of [-1, 0, 9, 10]) await walk(open, [...begin, [0, release], [pause, claim('two', 10)]])
  for (const back of [-900, -1_005, -1_011, -3_600_000]) {
    for (const pause of [4, 5, 29, 30, 900]) {
      await walk(open, [...begin, [back, claim('two', 10)], [pause, claim('two')]])
      await walk(open, [...begin, [0, release], [back, claim('two', 10)], [pause, claim('three', 10)]])
    }
  }
}

/** Runs the steps in both stores, each after its pause, and fails if their results differ. */
async function walk(open: Opener, steps: readonly [pause: number, run: Step][]): Promise<void> {
  let now = START
  let latest = now
  const memory = memoryStore({ clock: { now: () => now } })
  const store = await open(() => now)
  for (const [pause, run] of steps) {
    now = Math.max(now + pause, latest - BACK_MS)
    latest = Math.max(latest, now)
    const answers = await Promise.all([run(memory, latest), run(store, latest)])
    // Records of a list of due grants may have the same time: their order is open.
    const [first, second] = answers.map((answer) => JSON.stringify(answer, sortedRecords))
    expect(second).toBe(first)
  }
  await store.close()
}

/** Fails unless a late repeat of a login is rejected for exactly a day. */
export async function tombstoneEndsAfterADay(store: GrantStore, clock: FakeClock): Promise<void> {
  const at = { client: 'tombstones', subject: 's', account: '' }
  const grant = {
    id: '1',
    schema: 1,
    issuer: 'i',
    clientId: 'c',
    state: 'active',
    sealed: 'x',
    renewable: true,
  } as const
  await store.put(at, grant)
  await store.delete(at, { id: '1' })
  await clock.advance(24 * 3_600_000 - 1)
  expect((await store.put(at, grant)).committed).toBe(false)
  await clock.advance(1)
  expect((await store.put(at, grant)).committed).toBe(true)
}

/** JSON in one order of members, and of records. */
function sortedRecords(name: string, value: unknown): unknown {
  if (name === 'records') return (value as GrantRecord[]).toSorted((a, b) => (a.key.subject < b.key.subject ? -1 : 1))
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}
