import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

import { afterEach, beforeEach, expect, test } from 'vitest'

import { completeClock } from '../../src/util/clock.ts'
import { UnreadableRecordError } from '../../src/model/errors.ts'
import type { Row, RowPageRequest, Write } from '../../src/stores/backend.ts'
import { SqliteBackend } from '../../src/stores/sqlite/backend.ts'
import { type SqliteDatabase, sqliteStore } from '../../src/stores/sqlite/index.ts'
import { tablesNamed } from '../../src/stores/sqlite/schema.ts'
import { fakeClock } from '../../src/testing/index.ts'
import { spied } from './better-sqlite.ts'

const backends: SqliteBackend[] = []
let database = new DatabaseSync(':memory:')

beforeEach(() => {
  database = new DatabaseSync(':memory:')
})

afterEach(async () => {
  await Promise.all(backends.splice(0).map((backend) => backend.close()))
  database.close()
})

function open(source: SqliteDatabase = database, clock = completeClock(undefined)): SqliteBackend {
  const tables = tablesNamed('evergrant_records')
  const backend = new SqliteBackend({
    // Some tests look into the database after the backend.
    open: () => ({ exec: (sql) => source.exec(sql), prepare: (sql) => source.prepare(sql), close: () => undefined }),
    isOwned: true,
    volatile: false,
    tables,
    busyTimeoutMs: 5_000,
    clock,
  })
  backends.push(backend)
  return backend
}

function write(changes: Partial<Write> = {}): Write {
  return { entry: '{}', sealed: 's', index: {}, sameIndex: false, durable: false, ...changes }
}

/** Fills the table; `rowOf` gives key, state and due time of each row. */
function fill(
  count: number,
  rowOf: (index: number) => [key: string, state: string | null, dueAt: number | null],
): void {
  const sql =
    "INSERT INTO evergrant_records (key, revision, subject, state, schema, due_at, entry, sealed) VALUES (?, 'r', ?, ?, 1, ?, ?, 's')"
  const insert = database.prepare(sql)
  database.exec('BEGIN')
  for (let index = 0; index < count; index += 1) {
    const [key, state, dueAt] = rowOf(index)
    const record = { id: '1', issuer: 'i', clientId: 'c', state, version: 1, schema: 1, createdAt: 1, updatedAt: 1 }
    const [, subject] = JSON.parse(key) as string[]
    insert.run(key, JSON.stringify(subject), state, dueAt, JSON.stringify({ record: { renewable: true, ...record } }))
  }
  database.exec('COMMIT')
}

const keyOf = (client: string, index: number): string => JSON.stringify([client, `${index}`.padStart(7, '0'), ''])

test('a swap that does not find its revision writes nothing and returns the row that is there', async () => {
  const backend = open()
  expect(await backend.swap('k', undefined, 'r1', write())).toMatchObject({ swapped: true })
  const row = { key: 'k', revision: 'r1', entry: '{}', sealed: 's' }
  const other = write({ entry: '{"other":1}', sealed: 'other' })
  for (const from of [undefined, 'r0']) {
    expect(await backend.swap('k', from, 'r2', other)).toMatchObject({ swapped: false, row })
  }
  expect(await backend.read('k')).toMatchObject({ row })
  const none = await backend.swap('none', 'r0', 'r2', other)
  expect([none.swapped, none.row]).toEqual([false, undefined])
  expect((await backend.read('none')).row).toBe(undefined)
})

test('of several swaps from one revision, exactly one writes', async () => {
  const backend = open()
  for (const from of [undefined, 'winner']) {
    const to = from === undefined ? 'winner' : 'next'
    const swaps = await Promise.all([to, 'b', 'c'].map((to) => backend.swap('k', from, to, write())))
    expect(swaps.map(({ swapped }) => swapped)).toEqual([true, false, false])
    expect((await backend.read('k')).row?.revision).toBe(to)
  }
})

test('a swap without a sealed text leaves the one that is there, and with the same index all of it but the due time', async () => {
  const backend = open()
  const index = { subject: '"s"', state: 'active', schema: 1, dueAt: 5, forgetAt: 7 } as const
  await backend.swap('k', undefined, 'r1', write({ index }))
  const others = { subject: '"t"', state: 'document', schema: 2, dueAt: 6, forgetAt: 8 } as const
  await backend.swap('k', 'r1', 'r2', write({ entry: '{"e":2}', sealed: undefined, index: others, sameIndex: true }))
  const columns = (): unknown => ({ ...database.prepare('SELECT * FROM evergrant_records').get() })
  const row = { key: 'k', subject: '"s"', state: 'active', schema: 1, forget_at: 7, sealed: 's' }
  expect(columns()).toEqual({ ...row, revision: 'r2', entry: '{"e":2}', due_at: 6 })
  await backend.swap('k', 'r2', 'r3', write({ sealed: 't' }))
  const none = { subject: null, state: null, schema: null, due_at: null, forget_at: null }
  expect(columns()).toEqual({ key: 'k', revision: 'r3', entry: '{}', sealed: 't', ...none })
})

test('a swap writes nothing after its time, by the clock of the moment at which it is applied', async () => {
  let now = 1_000.7
  const backend = open(database, completeClock({ now: () => now }))
  expect(await backend.swap('k', undefined, 'r1', write({ notAfter: 999 }))).toEqual({ swapped: false, now: 1_000 })
  expect(await backend.swap('k', undefined, 'r1', write({ notAfter: 1_000 }))).toMatchObject({ swapped: true })
  const late = backend.swap('k', 'r1', 'r2', write({ notAfter: 1_500 }))
  now = 1_501
  expect(await late).toMatchObject({ swapped: false, now: 1_501, row: { revision: 'r1' } })
})

test('a swap that waits for the lock until its time is over writes nothing', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'evergrant-'))
  const [here, other] = [1, 2].map(() => new DatabaseSync(join(folder, 'grants.db')))
  const clock = fakeClock()
  const backend = open(here, clock)
  await backend.read('k')
  other!.exec('BEGIN IMMEDIATE')
  const swap = backend.swap('k', undefined, 'r1', write({ notAfter: clock.now() + 50 }))
  await clock.advance(51)
  other!.exec('COMMIT')
  await clock.advance(100)
  expect((await swap).swapped).toBe(false)
  for (const each of [here, other]) each!.close()
  await rm(folder, { recursive: true })
})

test('a reservation changes no revision, and each due row has one taker', async () => {
  const backend = open()
  await backend.read('k')
  fill(30, (index) => [keyOf('c', index), 'active', index])
  const takes = await Promise.all(
    [5, 100, 100].map((limit) => backend.due({ before: 19, limit, reserveMs: 10, schema: 1 })),
  )
  expect(takes.map(({ rows }) => rows.length)).toEqual([5, 15, 0])
  expect(takes.flatMap(({ rows }) => rows.map(({ key }) => key))).toEqual(
    Array.from({ length: 20 }, (_, index) => keyOf('c', index)),
  )
  expect(takes[0]!.rows[0]).toMatchObject({ revision: 'r' })
  expect((await backend.read(keyOf('c', 0))).row?.revision).toBe('r')
  expect((await backend.due({ before: 29, limit: 100, schema: 1 })).rows).toHaveLength(30)
  expect((await backend.due({ before: 29, limit: 100, schema: 0 })).rows).toHaveLength(0)
})

async function allPages(backend: SqliteBackend, request: RowPageRequest): Promise<string[]> {
  const keys: string[] = []
  for (let after = request.after; ;) {
    const { rows, next } = await backend.page({ ...request, after })
    keys.push(...rows.map(({ key }) => key))
    if (next === undefined) return keys
    expect(rows).toHaveLength(request.limit)
    after = next
  }
}

test('pages of due rows are the same whether few or many are due, also with rows between that fit nothing', async () => {
  const backend = open()
  await backend.read('k')
  const states = ['active', 'active', 'document', null]
  // 12,000 rows with 8,500 keys in a row that are in no list; due times that do not follow the keys.
  const rowOf = (index: number): [string, string | null, number | null] => {
    const state = index >= 2_000 && index < 10_500 ? null : states[index % 4]!
    return [keyOf(index % 3 === 0 ? 'a' : 'b', index), state, state === null ? null : (index * 7919) % 12_000]
  }
  fill(12_000, rowOf)
  fill(12_000, (index) => [keyOf('later', index), 'active', 20_000])
  const rows = Array.from({ length: 12_000 }, (_, index) => rowOf(index))
  for (const dueBefore of [50, 11_999, 20_000]) {
    for (const [prefix, state] of [
      ['["', undefined],
      ['["b",', 'active'],
      ['["a",', 'document'],
    ] as const) {
      const fits = rows.filter(
        ([key, its, dueAt]) =>
          key.startsWith(prefix) && its !== null && (state ?? its) === its && (dueAt ?? dueBefore) <= dueBefore,
      )
      const expected = fits.map(([key]) => key).sort()
      const found = await allPages(backend, { prefix, state, dueBefore, limit: 100 })
      expect(found.filter((key) => !key.startsWith('["later"'))).toEqual(expected)
      expect(found.length - expected.length).toBe(prefix === '["' && dueBefore === 20_000 ? 12_000 : 0)
    }
  }
})

test('pages name the next page only where there is one', async () => {
  const backend = open()
  await backend.read('k')
  fill(3, (index) => [keyOf('a', index), 'active', 1])
  for (const dueBefore of [undefined, 1]) {
    const nextOf = async (limit: number) => (await backend.page({ prefix: '["a",', dueBefore, limit })).next
    expect(await Promise.all([2, 3, 4].map(nextOf))).toEqual([keyOf('a', 1), undefined, undefined])
  }
})

test('pages begin after a cursor of another client where that is later', async () => {
  const backend = open()
  await backend.read('k')
  fill(6, (index) => [keyOf(index < 3 ? 'a' : 'b', index), 'active', null])
  const page = async (prefix: string, after: string): Promise<number> =>
    (await backend.page({ prefix, after, limit: 10 })).rows.length
  expect(await page('["b",', keyOf('a', 1))).toBe(3)
  expect(await page('["a",', keyOf('b', 4))).toBe(0)
  expect(await page('["a",', keyOf('a', 0))).toBe(2)
  // A whole key is a prefix too.
  expect((await backend.page({ prefix: keyOf('a', 1), limit: 10 })).rows).toHaveLength(1)
})

/** How SQLite runs the statements that `work` uses. */
async function plansOf(work: (backend: SqliteBackend) => Promise<unknown>): Promise<string[]> {
  const { database: watched, log } = spied(database)
  const backend = open(watched)
  await backend.read('k')
  log.length = 0
  await work(backend)
  return [...new Set(log)]
    .filter((sql) => /^(SELECT|UPDATE|DELETE)/.test(sql))
    .map((sql) => {
      const values = Array<number>(sql.split('?').length - 1).fill(1)
      return database
        .prepare(`EXPLAIN QUERY PLAN ${sql}`)
        .all(...values)
        .map((row) => row['detail'])
        .join('; ')
    })
}
const consume = async (rows: AsyncIterable<Row>): Promise<void> => {
  for await (const _ of rows);
}
const autoindex = 'sqlite_autoindex_evergrant_records_1'

test('lists and pages are read in the order of an index', async () => {
  const list = (filter: object) => plansOf((backend) => consume(backend.list({ prefix: '[', ...filter })))
  const order = (covering: string, index: string) => [
    `SEARCH evergrant_records USING COVERING INDEX ${covering}`,
    `SEARCH evergrant_records USING INDEX ${index}`,
  ]
  const range = '(key>? AND key<?)'
  expect(await list({})).toEqual(order(`${autoindex} ${range}`, `${autoindex} ${range}`))
  const bySubject = 'evergrant_records_by_subject (subject=? AND key>? AND key<?)'
  expect(await list({ subject: '"s"' })).toEqual(order(bySubject, bySubject))
  expect(await list({ subject: '"s"', state: 'active' })).toEqual(order(bySubject, bySubject))
  const byState = 'evergrant_records_by_state (state=? AND key>? AND key<?)'
  expect(await list({ state: 'reauthorization_required' })).toEqual(order(byState, byState))
})

test('due rows are found in their own index, without sorting', async () => {
  const page = await plansOf((backend) => backend.page({ prefix: '[', state: 'active', dueBefore: 1, limit: 1 }))
  const due = 'SEARCH evergrant_records USING COVERING INDEX evergrant_records_due (due_at<?)'
  expect(page).toEqual([
    expect.stringContaining(due),
    `SEARCH evergrant_records USING INDEX ${autoindex} (key=?); LIST SUBQUERY 1; ${due}; USE TEMP B-TREE FOR ORDER BY`,
  ])
  const plans = await plansOf((backend) => backend.due({ before: 1, limit: 1, reserveMs: 1, schema: 1 }))
  expect(plans).toEqual(['SEARCH evergrant_records USING INDEX evergrant_records_due (due_at<?)'])
})

test('counts are read from an index alone', async () => {
  const plans = await plansOf(async (backend) => {
    fill(2, (index) => [keyOf('c', index), 'active', null])
    expect(await backend.counts({})).toEqual([{ key: '["c",', state: 'active', count: 2 }])
  })
  const search = 'SEARCH evergrant_records USING COVERING INDEX evergrant_records_by_state'
  expect(plans).toEqual([
    expect.stringContaining(`${search} (state=? AND key>? AND key<?)`),
    expect.stringContaining(`${search} (state=? AND key>? AND key<?)`),
  ])
  expect(plans.join('; ')).not.toContain('TEMP B-TREE')
})

test('a row is found, swapped and removed by an index', async () => {
  const clock = fakeClock()
  const plans = await plansOf(async () => {
    const { database: watched, log } = spied(database)
    const backend = open(watched, clock)
    await clock.advance(61_000)
    await backend.swap('k', undefined, 'r1', write({ index: { forgetAt: 1 } }))
    log.length = 0
    await backend.swap('k', 'r1', 'r2', write({ sameIndex: true }))
    expect(log.filter((sql) => sql.startsWith('UPDATE'))).toHaveLength(1)
  })
  expect(plans.filter((plan) => plan.startsWith('SCAN'))).toEqual([])
})

/** Number of turns of the event loop for other work. */
async function turnsOf(work: () => Promise<unknown>): Promise<number> {
  let [turns, isDone] = [0, false]
  const look = (): void => {
    turns += 1
    if (!isDone) setImmediate(look)
  }
  look()
  await work()
  isDone = true
  return turns
}

test('one hundred thousand rows are counted, listed and searched while others get their turns of the event loop', async () => {
  const backend = open()
  await backend.read('k')
  fill(100_000, (index) => [
    keyOf(`c${index % 3}`, index),
    index % 50 === 0 ? 'reauthorization_required' : 'active',
    index,
  ])
  const sums: number[] = []
  const counting = await turnsOf(async () => sums.push(...(await backend.counts({})).map(({ count }) => count)))
  expect(sums).toEqual([32_667, 32_667, 32_666, 667, 666, 667])
  expect(counting).toBeGreaterThan(10)
  let listed = 0
  const listing = await turnsOf(async () => {
    for await (const _ of backend.list({ prefix: '[' })) listed += 1
  })
  expect(listed).toBe(100_000)
  expect(listing).toBeGreaterThan(1_000)
  // None of the client's rows after the cursor is due, and many others are.
  const request = { prefix: '["c2",', dueBefore: 50_000, after: keyOf('c2', 50_000), limit: 100 }
  const searching = await turnsOf(async () => expect((await backend.page(request)).rows).toEqual([]))
  expect(searching).toBeGreaterThan(30)
}, 60_000)

test('a damaged entry is an error for its grant alone, and is not overwritten', async () => {
  const store = sqliteStore({ ...spied(database).database, close: () => undefined })
  const keys = ['a', 'b', 'c'].map((subject) => ({ client: 'c', subject, account: '' }))
  const grant = {
    id: '1',
    schema: 1,
    issuer: 'i',
    clientId: 'c',
    state: 'active',
    sealed: 'x',
    renewable: true,
  } as const
  for (const key of keys) await store.put(key, { ...grant, refreshAfter: 1 })
  const damaged = keys[1]!
  const claim = { id: '1', version: 1, owner: 'o', leaseMs: 1, settleMs: 1, intent: { hash: 'h', sendWithinMs: 1 } }
  for (const entry of ['', '{', 'null', '[]', '{"record":{"id":1}}', '{"record":null}']) {
    database.prepare('UPDATE evergrant_records SET entry = ? WHERE subject = ?').run(entry, '"b"')
    const operations = [
      () => store.read(damaged),
      () => store.claim(damaged, claim),
      () => store.commit(damaged, { ...grant, version: 1 }),
      () => store.put(damaged, { ...grant, id: '2' }),
      () => store.delete(damaged, { id: '1' }),
    ]
    for (const operation of operations) await expect(operation()).rejects.toThrow(UnreadableRecordError)
    const listed: string[] = []
    const list = async (): Promise<void> => {
      for await (const { key } of store.list()) listed.push(key.subject)
    }
    await expect(list()).rejects.toThrow(UnreadableRecordError)
    expect(listed).toEqual(['a', 'c'])
    expect((await store.due({ before: 9, limit: 9 })).records.map(({ key }) => key.subject)).toEqual(['a', 'c'])
    expect(await store.page?.({ limit: 9 })).toMatchObject({ records: [{}, {}], unreadable: [{ key: damaged }] })
    const row = database.prepare('SELECT entry FROM evergrant_records WHERE subject = ?').get('"b"')
    expect(row?.['entry']).toBe(entry)
  }
  await store.close()
})

test('counts pass over keys that are damaged', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'evergrant-'))
  const file = join(folder, 'counts.db')
  const store = sqliteStore(file)
  const grant = {
    id: '1',
    schema: 1,
    issuer: 'i',
    clientId: 'c',
    state: 'active',
    sealed: 'x',
    renewable: true,
  } as const
  for (const subject of ['1', '2', '3', '4']) await store.put({ client: 'A', subject, account: '' }, grant)
  const other = new DatabaseSync(file)
  other.exec(`UPDATE evergrant_records SET key = '["\\u0041","1",""]' WHERE key = '["A","1",""]'`)
  other.exec(`UPDATE evergrant_records SET key = '[broken' WHERE key = '["A","2",""]'`)
  other.close()
  const counts = await store.counts!()
  expect(counts.reduce((sum, { count }) => sum + count, 0)).toBe(3)
  await store.close()
  await rm(folder, { recursive: true })
})
