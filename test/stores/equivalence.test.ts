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
import { expect, test } from 'vitest'

import { memoryStore } from '../../src/stores/memory.ts'
import { sqliteStore } from '../../src/stores/sqlite/index.ts'
import type { Failures, GrantRecord, GrantStore } from '../../src/stores/store.ts'

type Step = (store: GrantStore) => Promise<unknown>

const start = Date.UTC(2026, 0, 1)

const id = constantFrom('1', '2', '3')
const version = constantFrom(1, 2, 3)
const owner = constantFrom('one', 'two')
const ms = constantFrom(0, 1, 10, 1_000)
const key = constantFrom('a', 'b').map((subject) => ({ client: 'c', subject, account: '' }))
const optional = <T>(value: Arbitrary<T>): Arbitrary<T | undefined> => option(value, { nil: undefined })

const moment = ms.map((offset) => start + offset)
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
      (store) =>
        store.claim(k, request),
  ),
  tuple(key, id, version, content, optional(failures)).map(
    ([k, i, v, c, f]): Step =>
      (store) =>
        store.commit(k, { id: i, version: v, ...c, failures: f }),
  ),
  tuple(key, id, version, owner).map(
    ([k, i, v, o]): Step =>
      (store) =>
        store.commit(k, { id: i, version: v, owner: o, verdict: 'revoked' }),
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
  tuple(id, ms).map(
    ([i, ttlMs]): Step =>
      (store) =>
        store.once(i, ttlMs),
  ),
  moment.map(
    (before): Step =>
      async (store) =>
        store.due({ before, limit: 10 }),
  ),
  optional(constantFrom('active', 'reauthorization_required')).map((state): Step => async (store) => {
    const records: GrantRecord[] = []
    for await (const each of store.list({ state })) records.push(each)
    return records.sort((a, b) => (a.key.subject < b.key.subject ? -1 : 1))
  }),
)

test('memory and SQLite give the same answers to whatever comes', async () => {
  await assert(
    asyncProperty(array(tuple(constantFrom(0, 1, 5, 20, 90_000_000), step), { maxLength: 40 }), async (steps) => {
      let now = start
      const clock = { now: () => now }
      const [memory, sqlite] = [memoryStore({ clock }), sqliteStore(':memory:', { clock })]
      for (const [pause, run] of steps) {
        now += pause
        const answers = await Promise.all([run(memory), run(sqlite)])
        // Records of a list of due grants may have the same time: their order is open.
        const [first, second] = answers.map((answer) => JSON.stringify(answer, sortedRecords))
        expect(second).toBe(first)
      }
      await sqlite.close()
    }),
    { numRuns: 150 },
  )
})

/** JSON in one order of members, and of records. */
function sortedRecords(name: string, value: unknown): unknown {
  if (name === 'records') return (value as GrantRecord[]).toSorted((a, b) => (a.key.subject < b.key.subject ? -1 : 1))
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}
