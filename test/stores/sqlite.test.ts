import { chmod, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { inspect } from 'node:util'

import { afterEach, describe, expect, test, vi } from 'vitest'

import { ConfigError, StoreError } from '../../src/model/errors.ts'
import { type SqliteDatabase, sqliteStore } from '../../src/stores/sqlite/index.ts'
import type { ClaimRequest } from '../../src/stores/store.ts'
import { fakeClock } from '../../src/testing/index.ts'
import { NO_MODES, skipOnWindows } from '../system.ts'
import { betterSqliteShaped, spied } from './better-sqlite.ts'
import { grant, key, keyOf } from './records.ts'
import { inFolder } from './fixtures/sqlite.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

const at = inFolder()
const { open } = at

const start = Date.UTC(2026, 0, 1)
const claim: ClaimRequest = {
  id: '1',
  version: 1,
  owner: 'o',
  leaseMs: 60_000,
  settleMs: 0,
  intent: { hash: 'h', sendWithinMs: 1 },
}

/** Lets the database refuse what is inserted into a table under a condition. */
function refuse(table: string, condition: string): void {
  const other = new DatabaseSync(at.file)
  other.exec(`CREATE TRIGGER no BEFORE INSERT ON ${table} WHEN ${condition} BEGIN SELECT RAISE(ABORT, 'refused'); END`)
  other.close()
}

describe('the file', () => {
  test('is readable for its owner only, with its write-ahead log and index', async (context) => {
    skipOnWindows(context, NO_MODES)
    const umask = process.umask(0)
    try {
      await open().put(key, grant)
    } finally {
      process.umask(umask)
    }
    for (const end of ['', '-wal', '-shm']) expect((await stat(at.file + end)).mode & 0o777).toBe(0o600)
  })

  test('is narrowed when others could read it', async (context) => {
    skipOnWindows(context, NO_MODES)
    const before = new DatabaseSync(at.file)
    before.exec('PRAGMA journal_mode = WAL; CREATE TABLE t (a)')
    for (const end of ['', '-wal', '-shm']) await chmod(at.file + end, 0o664)
    await open().put(key, grant)
    for (const end of ['', '-wal', '-shm']) expect((await stat(at.file + end)).mode & 0o777).toBe(0o600)
    before.close()
  })

  test('a folder that is given in its place stays as open as it is', async (context) => {
    skipOnWindows(context, NO_MODES)
    const shared = await mkdtemp(join(tmpdir(), 'evergrant-shared-'))
    await chmod(shared, 0o777)
    await expect(sqliteStore(shared).read(key)).rejects.toMatchObject({ code: 'store_error' })
    expect((await stat(shared)).mode & 0o777).toBe(0o777)
    await rm(shared, { recursive: true })
  })

  test('is made when it is first needed', async () => {
    const store = open()
    await expect(stat(at.file)).rejects.toThrow('ENOENT')
    await store.read(key)
    expect((await stat(at.file)).isFile()).toBe(true)
  })

  test('is tried again when its folder comes late', async () => {
    const late = join(at.folder, 'late')
    const store = open(join(late, 'grants.db'))
    await expect(store.read(key)).rejects.toThrow(StoreError)
    await expect(store.read(key)).rejects.toThrow(/ENOENT.*folder/)
    await mkdir(late)
    expect((await store.read(key)).record).toBe(undefined)
  })

  test('that is no database is left alone', async () => {
    await writeFile(at.file, 'a diary, and not a short one: '.repeat(100))
    await expect(open().read(key)).rejects.toThrow(/not a database/)
    expect((await stat(at.file)).size).toBe(3000)
  })

  test('keeps what is in it', async () => {
    const first = sqliteStore(at.file)
    await first.put(key, { ...grant, scope: ['a'] })
    await first.close()
    expect((await open().read(key)).record).toMatchObject({ id: '1', scope: ['a'] })
  })
})

describe('its tables', () => {
  test('of a newer release are left alone', async () => {
    const first = sqliteStore(at.file)
    await first.put(key, grant)
    await first.close()
    const newer = new DatabaseSync(at.file)
    newer.exec("UPDATE evergrant_records_meta SET value = 3 WHERE name = 'version'")
    newer.close()
    const refused = open().put(key, { ...grant, id: '2' })
    await expect(refused).rejects.toThrow(ConfigError)
    await expect(refused).rejects.toThrow(/version 3, and this release knows 2: a newer release made them/)
  })

  test('of an older release are left alone', async () => {
    const older = new DatabaseSync(at.file)
    older.exec(
      "CREATE TABLE evergrant_records_meta (name, value); INSERT INTO evergrant_records_meta VALUES ('version', 1)",
    )
    older.close()
    const refused = open().read(key)
    await expect(refused).rejects.toThrow(ConfigError)
    await expect(refused).rejects.toThrow(
      /version 1, and this release knows 2: an older release made them.*options\.table/,
    )
  })

  test('may have columns that a newer release added', async () => {
    const first = sqliteStore(at.file)
    await first.put(key, grant)
    const newer = new DatabaseSync(at.file)
    newer.exec("ALTER TABLE evergrant_records ADD COLUMN more TEXT DEFAULT 'kept'")
    expect((await first.claim(key, claim)).outcome).toBe('claimed')
    expect(newer.prepare('SELECT more FROM evergrant_records').get()).toEqual({ more: 'kept' })
    await first.close()
    newer.close()
  })

  test('are made once by many stores that start at the same time', async () => {
    const several = Array.from({ length: 12 }, () => open())
    await Promise.all(several.map((store, index) => store.put(keyOf(`${index}`), { ...grant, id: `${index}` })))
    let count = 0
    for await (const _ of several[0]!.list()) count++
    expect(count).toBe(12)
  })

  test('of two names in one file are two stores', async () => {
    const [one, two] = [open(at.file, { table: 'one' }), open(at.file, { table: 'two' })]
    await one.put(key, grant)
    expect((await two.read(key)).record).toBe(undefined)
    expect(await one.once('id', 60_000, 'a')).toBe(true)
    expect(await two.once('id', 60_000, 'b')).toBe(true)
  })
})

describe('what can not be used', () => {
  test.each([
    ['an empty path', ''],
    ['a URI', 'file:grants.db?mode=ro'],
    ['null', null],
    ['an object without methods', {}],
    ['a number', 5],
  ])('%s', (_name, source) => {
    expect(() => sqliteStore(source as string)).toThrow(ConfigError)
  })

  test.each(['', '1grants', 'a-b', 'a; DROP TABLE b', '"a"', 'a'.repeat(64)])('the table name %o', (table) => {
    expect(() => sqliteStore(at.file, { table })).toThrow(/options\.table/)
  })

  test.each([-1, Number.NaN])('a busyTimeoutMs of %d', (busyTimeoutMs) => {
    expect(() => sqliteStore(at.file, { busyTimeoutMs })).toThrow(/options\.busyTimeoutMs/)
  })

  test('a path where Node has no SQLite; a database is fine', async () => {
    const memory = betterSqliteShaped(new DatabaseSync(':memory:'))
    vi.spyOn(process, 'getBuiltinModule').mockReturnValue(undefined)
    expect(() => sqliteStore(at.file)).toThrow(ConfigError)
    expect(() => sqliteStore(at.file)).toThrow(/requires Node 22\.13 or newer.*better-sqlite3/)
    expect((await open(memory).put(key, grant)).committed).toBe(true)
  })

  test('a database that has no write-ahead log', async () => {
    const { database } = spied(new DatabaseSync(at.file))
    const stubborn: SqliteDatabase = {
      ...database,
      prepare: (sql) => database.prepare(sql.replace('journal_mode = WAL', 'journal_mode = DELETE')),
    }
    await expect(open(stubborn).read(key)).rejects.toThrow(ConfigError)
    await expect(open(stubborn).read(key)).rejects.toThrow(/write-ahead log.*'delete'.*local disk/)
  })
})

test('only a store in memory is volatile', () => {
  expect(open(':memory:').volatile).toBe(true)
  expect(open(at.file).volatile).toBe(false)
  expect(open(betterSqliteShaped(new DatabaseSync(':memory:'))).volatile).toBe(false)
})

describe('one turn of the event loop', () => {
  test('is one transaction, and durable only when it has to be', async () => {
    const { database, log } = spied(new DatabaseSync(at.file))
    const store = open(database)
    await Promise.all([store.put(key, grant), store.put(keyOf('other'), grant)])
    const transactions = (): string[] => log.splice(0).filter((sql) => /^(BEGIN|COMMIT|PRAGMA)/.test(sql))
    transactions()
    await Promise.all([store.claim(key, claim), store.once('a', 1, 'a')])
    await store.release(key, { owner: 'o', spent: 'no' })
    const one = ['BEGIN IMMEDIATE', 'COMMIT']
    expect(transactions()).toEqual(['PRAGMA synchronous = NORMAL', ...one, ...one])
    await Promise.all([store.claim(key, claim), store.commit(keyOf('other'), { ...grant, version: 1 })])
    await store.reseal(key, { id: '1', from: 'x', to: 'y' })
    await store.delete(key, { id: '1' })
    expect(transactions()).toEqual(['PRAGMA synchronous = FULL', ...one, ...one, ...one])
  })

  test('reads take no lock', async () => {
    const { database, log } = spied(new DatabaseSync(at.file))
    const store = open(database)
    await store.put(key, grant)
    log.length = 0
    await store.read(key)
    await store.due({ before: 1, limit: 5 })
    for await (const _ of store.list());
    await store.counts?.()
    await store.changes?.({})
    expect(log.length).toBeGreaterThan(5)
    expect(log.every((sql) => sql.startsWith('SELECT'))).toBe(true)
  })

  test('one operation that fails does not fail the others', async () => {
    const store = open()
    await store.read(key)
    refuse('evergrant_records', "new.sealed = 'bad'")
    const sealed = ['x', 'bad', 'x', 'bad', 'x']
    const results = await Promise.allSettled(
      sealed.map((sealed, index) => store.put(keyOf(`${index}`), { ...grant, sealed })),
    )
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'rejected', 'fulfilled'])
    for (const result of results) if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(StoreError)
    const there = await Promise.all(sealed.map(async (_, index) => (await store.read(keyOf(`${index}`))).record?.id))
    expect(there).toEqual(['1', undefined, '1', undefined, '1'])
  })

  test('a failure of one operation alone is undone: no row without its change', async () => {
    const store = open()
    await store.put(key, grant)
    refuse('evergrant_records_changes', 'true')
    await expect(store.put(key, { ...grant, id: '2' })).rejects.toThrow(StoreError)
    await expect(store.delete(key, { id: '1' })).rejects.toThrow(StoreError)
    expect((await store.read(key)).record).toMatchObject({ id: '1', version: 1 })
    expect((await store.changes?.({}))?.changes).toHaveLength(1)
  })

  test('more operations than fit into one transaction are all done', async () => {
    const store = open()
    const answers = await Promise.all(Array.from({ length: 700 }, (_, index) => store.put(keyOf(`${index}`), grant)))
    expect(answers.every((answer) => answer.committed)).toBe(true)
  })
})

describe('while another connection writes', () => {
  /** Another process's transaction, in effect. */
  function lock(): DatabaseSync {
    const other = new DatabaseSync(at.file)
    other.exec('BEGIN IMMEDIATE')
    return other
  }

  test('writes wait without standing in the way of anything, reads go on', async () => {
    const clock = fakeClock()
    const { database, log } = spied(new DatabaseSync(at.file, { timeout: 60_000 }))
    const store = open(database, { clock })
    await store.put(key, grant)
    const other = lock()
    let claimed = false
    const waiting = store.claim(key, claim).then((answer) => {
      claimed = true
      return answer
    })
    const tries = (): number => log.splice(0).filter((sql) => sql === 'BEGIN IMMEDIATE').length
    log.splice(0)
    for (let round = 0; round < 5; round += 1) {
      await clock.advance(60)
      // A wait inside the database would have stopped this, and everything else, for a minute; between two tries it waits by the clock.
      expect(clock.pending).toBe(1)
      expect(tries()).toBeGreaterThan(1)
      expect(claimed).toBe(false)
      expect((await store.read(key)).record?.version).toBe(1)
    }
    other.exec('COMMIT')
    await clock.advance(24)
    expect((await waiting).outcome).toBe('claimed')
    other.close()
  })

  test('a write that waited too long fails, can be repeated, and has not been applied', async () => {
    const clock = fakeClock()
    const store = open(at.file, { clock, busyTimeoutMs: 1_000 })
    await store.put(key, grant)
    const other = lock()
    const claimed = store.claim(key, claim)
    const failed = claimed.catch((error: unknown) => error as StoreError)
    await clock.advance(2_000)
    const error = (await failed) as StoreError
    expect(error).toBeInstanceOf(StoreError)
    expect([error.message, error.retryable]).toEqual([
      expect.stringContaining('busy with the writes of other processes'),
      true,
    ])
    expect(clock.pending).toBe(0)
    other.exec('COMMIT')
    other.close()
    expect((await store.read(key)).record?.lease).toBe(undefined)
    expect((await store.claim(key, claim)).outcome).toBe('claimed')
  })

  test('the waits are short, jittered, and end with the time that was set', async () => {
    let elapsed = 0
    const waits: number[] = []
    const clock = {
      now: () => start + elapsed,
      delay: async (ms: number) => {
        waits.push(ms)
        elapsed += ms
      },
    }
    const store = open(at.file, { clock, busyTimeoutMs: 1_000 })
    await store.put(key, grant)
    const other = lock()
    await expect(store.claim(key, claim)).rejects.toThrow('busy with the writes')
    expect(elapsed).toBeGreaterThanOrEqual(1_000)
    expect(elapsed).toBeLessThan(1_024)
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(0.5)
    expect(Math.max(...waits)).toBeLessThanOrEqual(24)
    expect(waits[0]).toBeLessThanOrEqual(1.5)
    expect(new Set(waits).size).toBeGreaterThan(10)
    other.exec('COMMIT')
    other.close()
  })

  test('so it is with a database of better-sqlite3, whose own waiting is switched off', async () => {
    const { database, log } = spied(new DatabaseSync(at.file, { timeout: 5_000 }))
    const store = open(database, { busyTimeoutMs: 20 })
    await store.put(key, grant)
    expect(log).toContain('PRAGMA busy_timeout = 0')
    const other = lock()
    await expect(store.once('id', 1, 'a')).rejects.toThrow('busy with the writes')
    other.exec('COMMIT')
    other.close()
  })

  test('a start waits too, and a given database is tried again', async () => {
    const other = lock()
    other.exec('CREATE TABLE t (a)')
    const { database } = spied(new DatabaseSync(at.file))
    const store = open(database, { busyTimeoutMs: 20 })
    await expect(store.read(key)).rejects.toThrow('busy with the writes')
    other.exec('COMMIT')
    other.close()
    expect((await store.put(key, grant)).committed).toBe(true)
  })
})

describe('a failure', () => {
  test('of the database is a StoreError with a cause, and passes', async () => {
    const database = new DatabaseSync(at.file)
    const store = open(betterSqliteShaped(database))
    await store.put(key, grant)
    database.exec('PRAGMA query_only = ON')
    const error = await store.claim(key, claim).catch((reason: unknown) => reason as StoreError)
    expect(error).toBeInstanceOf(StoreError)
    expect((error as StoreError).message).toMatch(/readonly database.*disk/)
    expect((error as StoreError).cause).toMatchObject({ message: expect.stringMatching(/^SQLITE_READONLY: /) })
    database.exec('PRAGMA query_only = OFF')
    expect((await store.claim(key, claim)).outcome).toBe('claimed')
  })

  test('of a read is a StoreError too', async () => {
    const database = new DatabaseSync(at.file)
    const store = open(betterSqliteShaped(database))
    await store.put(key, grant)
    database.exec('ALTER TABLE evergrant_records RENAME COLUMN sealed TO hidden')
    await expect(store.read(key)).rejects.toThrow(StoreError)
    await expect(store.list()[Symbol.asyncIterator]().next()).rejects.toThrow(/no such column/)
    database.exec('ALTER TABLE evergrant_records RENAME COLUMN hidden TO sealed')
    expect((await store.read(key)).record?.sealed).toBe('x')
  })

  test('shows nothing of what was written', async () => {
    const inner = betterSqliteShaped(new DatabaseSync(':memory:'))
    const talkative: SqliteDatabase = {
      ...inner,
      prepare: (sql) => {
        const statement = inner.prepare(sql)
        return {
          ...statement,
          run: (...parameters) => {
            if (!parameters.includes('the-secret')) return statement.run(...parameters)
            throw Object.assign(new Error(`failed with ${parameters.join()}`), { sql, parameters })
          },
        }
      },
    }
    const error: unknown = await open(talkative)
      .put(key, { ...grant, sealed: 'the-secret' })
      .catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(StoreError)
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('the-secret')
  })

  test('that ends the transaction fails the whole turn, and the next one works', async () => {
    const database = new DatabaseSync(at.file)
    const inner = betterSqliteShaped(database)
    let full = false
    const store = open({
      ...inner,
      prepare: (sql) => {
        const statement = inner.prepare(sql)
        return {
          ...statement,
          run: (...parameters) => {
            if (full && sql.startsWith('INSERT')) {
              // SQLite does this automatically if the disk is full.
              database.exec('ROLLBACK')
              throw Object.assign(new Error('database or disk is full'), { code: 'SQLITE_FULL' })
            }
            return statement.run(...parameters)
          },
        }
      },
    })
    await store.read(key)
    full = true
    const results = await Promise.allSettled([store.put(keyOf('a'), grant), store.put(keyOf('b'), grant)])
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    await expect(store.put(keyOf('a'), grant)).rejects.toThrow('disk is full')
    full = false
    expect((await store.put(keyOf('a'), grant)).record?.version).toBe(1)
    expect((await store.read(keyOf('b'))).record).toBe(undefined)
  })
})

describe('closing', () => {
  test('waits for what is in progress, and refuses what comes after', async () => {
    const store = sqliteStore(at.file)
    const writes = Array.from({ length: 5 }, (_, index) => store.put(keyOf(`${index}`), grant))
    const reading = store.read(keyOf('0'))
    await store.close()
    expect((await Promise.all(writes)).every((answer) => answer.committed)).toBe(true)
    expect((await reading).now).toBeGreaterThan(0)
    for (const late of [store.read(key), store.put(key, grant), store.once('a', 1, 'a')]) {
      await expect(late).rejects.toThrow('closed')
    }
    await store.close()
  })

  test('a store that never opened, or could not, is nothing', async () => {
    await sqliteStore(at.file).close()
    const broken = sqliteStore(join(at.folder, 'nowhere', 'grants.db'))
    await expect(broken.read(key)).rejects.toThrow(StoreError)
    await broken.close()
    const opening = sqliteStore(join(at.folder, 'nowhere', 'grants.db'))
    const read = opening.read(key).catch((error: unknown) => error)
    await opening.close()
    expect(await read).toBeInstanceOf(StoreError)
  })
})

test('rows without a grant are removed a minute after their time', async () => {
  const clock = fakeClock()
  const database = new DatabaseSync(at.file)
  const store = open(betterSqliteShaped(database), { clock })
  const count = (): unknown => database.prepare('SELECT count(*) AS n FROM evergrant_records').get()?.['n']
  await store.put(key, grant)
  await store.put(keyOf('gone'), grant)
  await store.delete(keyOf('gone'), { id: '1' })
  await store.once('short', 60_000, 'a')
  await store.once('long', 7 * 24 * 3_600_000, 'a')
  expect(count()).toBe(4)
  await clock.advance(60_000)
  await store.once('second', 60_000, 'a')
  expect(count()).toBe(5)
  await clock.advance(60_001)
  await store.once('third', 60_000, 'a')
  expect(count()).toBe(5)
  await clock.advance(24 * 3_600_000)
  await store.once('fourth', 60_000, 'a')
  expect(count()).toBe(3)
  expect((await store.read(key)).record?.id).toBe('1')
})
