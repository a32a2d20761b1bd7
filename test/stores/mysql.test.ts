import { createPool as createCallbackPool } from 'mysql2'
import { createPool, type RowDataPacket } from 'mysql2/promise'
import { describe, expect, test, vi } from 'vitest'

import { MysqlBackend } from '../../src/stores/mysql/backend.ts'
import { type MysqlPool, mysqlStore } from '../../src/stores/mysql/index.ts'
import { storeOver } from '../../src/stores/store-over.ts'
import type { GrantStore } from '../../src/stores/store.ts'
import { backendContract } from '../../src/testing/backend-contract.ts'
import { fakeClock, storeContract } from '../../src/testing/index.ts'
import { mariadb } from '../servers/index.ts'
import { startMariadb } from '../servers/start-mariadb.ts'
import { race } from './race.ts'
import { answersLikeMemory, claimsAtTheEdgesLikeMemory, tombstoneEndsAfterADay } from './steps.ts'
import { stormOfProcesses } from './storm.ts'
import { withFeed } from './with-feed.ts'
import { content, grant, key } from './records.ts'
import { inMysql } from './fixtures/mysql.ts'

const url = await mariadb()

const rowKey = JSON.stringify(['c', 's', ''])
const written = { entry: '{}', sealed: 'x', index: { state: 'active' }, sameIndex: false, durable: true } as const

describe.skipIf(url === undefined)('on MariaDB', () => {
  const { pool, poolOf, newTable: fresh } = inMysql(url)
  const table = fresh()

  describe('the MySQL store keeps the store contract', () => {
    for (const { name, run } of storeContract({ create: () => mysqlStore(pool, { table }) })) test(name, run)
  })

  describe('the MySQL backend keeps the backend contract', () => {
    const create = () => new MysqlBackend(pool, table)
    for (const { name, run } of backendContract({ create })) test(name, run)
  })

  describe('the MySQL store keeps the store contract with a pool that returns values in other forms', () => {
    const numbers = { supportBigNumbers: true, bigNumberStrings: true, decimalNumbers: true, dateStrings: true }
    const rows = { namedPlaceholders: true, nestTables: '_', flags: ['-FOUND_ROWS'], timezone: '+09:00' }
    const other = poolOf({ ...numbers, ...rows })
    for (const { name, run } of storeContract({ create: () => mysqlStore(other, { table }) })) test(name, run)
  })

  describe('the MySQL store with a clock of the test', () => {
    /** A pool whose server's clock shows another time. */
    const at = (now: () => number): MysqlPool => ({
      execute: ({ sql, ...query }) => {
        const time = new Date(now()).toISOString().slice(0, -1).replace('T', ' ')
        return pool.execute({
          sql: sql.replace('UTC_TIMESTAMP(3)', `'${time}'`).replace('SYSDATE(3)', 'NOW(3)'),
          ...query,
        })
      },
    })
    const fake = fresh()

    /** A store with nothing in it. */
    async function open(now: () => number): Promise<GrantStore> {
      const store = storeOver(withFeed(new MysqlBackend(at(now), fake), now), { clock: { now } })
      await store.read(key)
      await pool.query(`DELETE FROM ${fake} WHERE row_key <> 'version'`)
      return store
    }

    test(
      'the MySQL store and the memory store return the same for any operations',
      () => answersLikeMemory(open, 40),
      60_000,
    )
    test('the MySQL store and the memory store return the same for claims at the edges of their times', () =>
      claimsAtTheEdgesLikeMemory(open))

    test('a tombstone ends after a day', async () => {
      const clock = fakeClock()
      await tombstoneEndsAfterADay(mysqlStore(at(clock.now), { table: fake }), clock)
    })
  })

  test('of many owners on two pools exactly one gets each version', async () => {
    const stores = [mysqlStore(pool, { table }), mysqlStore(poolOf(), { table })]
    expect(await race(stores, { owners: 30, versions: 20 })).toEqual({ doubles: 0, versions: 20 })
  })

  test('of four processes exactly one gets each version, on a table that none has created', async () => {
    const place = { kind: 'mysql', url: url!, table: fresh() } as const
    await stormOfProcesses(place, mysqlStore(pool, place), 200)
  })

  test('a swap that waits for a lock beyond its last moment writes nothing', async () => {
    const backend = new MysqlBackend(pool, table)
    const row = JSON.stringify(['locked', 's', ''])
    await backend.swap(row, undefined, 'one', written)
    const holder = await pool.getConnection()
    await holder.query('START TRANSACTION')
    await holder.query(`SELECT * FROM ${table} WHERE row_key = ? FOR UPDATE`, [row])
    const notAfter = (await backend.read(row)).now + 100
    const late = backend.swap(row, 'one', 'two', { ...written, notAfter })
    await new Promise((resolve) => setTimeout(resolve, 150))
    await holder.query('COMMIT')
    holder.release()
    const { swapped, row: there, now } = await late
    expect([swapped, there?.revision]).toEqual([false, 'one'])
    expect(now).toBeGreaterThan(notAfter)
  })

  test('the time is the same in every time zone of a session', async () => {
    for (const zone of ['+00:00', '+13:00', '-11:00']) {
      const connection = await pool.getConnection()
      await connection.query('SET time_zone = ?', [zone])
      const backend = new MysqlBackend(connection, table)
      const row = JSON.stringify(['zones', zone, ''])
      const swap = await backend.swap(row, undefined, 'one', { ...written, notAfter: Date.now() + 5_000 })
      expect([swap.swapped, Math.abs(swap.now - Date.now()) < 5_000]).toEqual([true, true])
      expect(Math.abs((await backend.read(row)).now - Date.now())).toBeLessThan(5_000)
      connection.destroy()
    }
  })

  test('a statement that the server undid is sent again, and fails after five tries', async () => {
    let refusals = 4
    const refusing = (code: string): MysqlPool => ({
      execute: async (query) => {
        if (query.sql.startsWith('UPDATE') && (refusals -= 1) >= 0) throw Object.assign(new Error('undone'), { code })
        return pool.execute(query)
      },
    })
    const row = JSON.stringify(['undone', 's', ''])
    const backend = new MysqlBackend(refusing('ER_LOCK_DEADLOCK'), table)
    await backend.swap(row, undefined, '0', written)
    expect((await backend.swap(row, '0', '1', written)).swapped).toBe(true)
    refusals = 5
    await expect(backend.swap(row, '1', '2', written)).rejects.toThrow('undone')
    refusals = 1
    await expect(new MysqlBackend(refusing('ECONNRESET'), table).swap(row, '1', '2', written)).rejects.toThrow('undone')
    expect((await backend.read(row)).row?.revision).toBe('1')
  })

  test('a row that a stranger’s transaction holds is reported once the server gives up, and not waited for again', async () => {
    const impatient = poolOf()
    impatient.pool.on('connection', (connection) => connection.query('SET SESSION innodb_lock_wait_timeout = 1'))
    const store = mysqlStore(impatient, { table })
    const held = { client: 'c', subject: 'held', account: '' }
    await store.put(held, grant)
    const stranger = await pool.getConnection()
    await stranger.query('START TRANSACTION')
    const row = JSON.stringify(Object.values(held))
    await stranger.query(`SELECT * FROM ${table} WHERE row_key = ? FOR UPDATE`, [row])
    const started = performance.now()
    await expect(store.commit(held, { id: '1', version: 1, ...content })).rejects.toMatchObject({
      code: 'store_error',
      notWritten: true,
      message: expect.stringMatching(/Another transaction holds the row/),
    })
    expect(performance.now() - started).toBeLessThan(4_500)
    expect((await store.read(held)).record?.version).toBe(1)
    await stranger.query('ROLLBACK')
    stranger.release()
    expect((await store.commit(held, { id: '1', version: 1, ...content })).committed).toBe(true)
  })

  test.each([
    ['ER_LOCK_DEADLOCK', true],
    ['ER_LOCK_WAIT_TIMEOUT', true],
    ['ER_OPTION_PREVENTS_STATEMENT', true],
    ['ER_TABLEACCESS_DENIED_ERROR', true],
    ['ER_RECORD_FILE_FULL', true],
    ['ER_SERVER_SHUTDOWN', undefined],
    ['ER_QUERY_INTERRUPTED', undefined],
    ['PROTOCOL_CONNECTION_LOST', undefined],
    ['ECONNRESET', undefined],
  ])('a failure with the code %s says whether it is known that nothing was written: %s', async (code, notWritten) => {
    const execute = () => Promise.reject(Object.assign(new Error('it failed'), { code }))
    const error = await mysqlStore({ execute })
      .read(key)
      .catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'store_error' })
    expect((error as { notWritten?: true }).notWritten).toBe(notWritten)
  })

  test('rows that ended a minute ago are removed by a later write, 500 at a time, and no others', async () => {
    const mine = fresh()
    const backend = new MysqlBackend(pool, mine)
    const { now } = await backend.read(rowKey)
    const ending = async (count: number, forgetAt: number): Promise<void> => {
      for (let index = 0; index < count; index += 1) {
        await backend.swap(JSON.stringify(`${forgetAt} ${index}`), undefined, 'r', { ...written, index: { forgetAt } })
      }
    }
    await ending(1, now)
    await pool.query(
      `INSERT INTO ${mine} (row_key, revision, entry, sealed, forget_at)
      SELECT CONCAT('"', seq, '"'), '', '', '', ? FROM seq_1_to_700`,
      [now - 60_001],
    )
    const count = async (): Promise<unknown> => {
      const [rows] = await pool.query<RowDataPacket[]>(`SELECT COUNT(*) AS count FROM ${mine}`)
      return rows[0]?.['count']
    }
    const minute = vi.spyOn(performance, 'now')
    for (const left of [202, 2]) {
      const later = performance.now() + 61_000
      minute.mockReturnValue(later)
      await backend.swap(rowKey, (await backend.read(rowKey)).row?.revision, `${left}`, written)
      await vi.waitFor(async () => expect(await count()).toBe(left + 1))
    }
    minute.mockRestore()
    await pool.query(`DROP TABLE ${mine}`)
  })

  test('a table of a newer release is refused and left alone', async () => {
    const mine = fresh()
    await mysqlStore(pool, { table: mine }).put(key, grant)
    await pool.query(`UPDATE ${mine} SET entry = '3' WHERE row_key = 'version'`)
    const store = mysqlStore(pool, { table: mine })
    await expect(store.delete(key, { id: '1' })).rejects.toThrow(
      expect.objectContaining({ code: 'config_error', message: expect.stringContaining('(version 3)') as string }),
    )
    await pool.query(`UPDATE ${mine} SET entry = '2' WHERE row_key = 'version'`)
    expect((await store.read(key)).record?.id).toBe('1')
  })

  test('sessions that would lose writes or characters are refused', async () => {
    const lossy = poolOf({ charset: 'LATIN1_GENERAL_CI' })
    const uncommitted = await pool.getConnection()
    await uncommitted.query('SET autocommit = 0')
    for (const each of [lossy, uncommitted]) {
      await expect(mysqlStore(each, { table }).read(key)).rejects.toThrow('autocommit or the charset utf8mb4')
    }
    uncommitted.destroy()
  })

  test('a pool with callbacks and a name that SQL would quote are refused at once', () => {
    const callbacks = createCallbackPool({ uri: url! })
    expect(() => mysqlStore(callbacks as unknown as MysqlPool)).toThrow("'mysql2/promise'")
    expect(() => mysqlStore(callbacks.promise())).not.toThrow()
    for (const name of ['a b', '1a', '', 'x'.repeat(49), 'a;b']) {
      expect(() => mysqlStore(pool, { table: name })).toThrow('options.table')
    }
    callbacks.end()
  })

  test('no value of a failed statement is in its error', async () => {
    const secret = 'a sealed secret of the user'
    const mine = fresh()
    const store = mysqlStore(pool, { table: mine })
    await store.put(key, grant)
    const trigger = `CREATE TRIGGER ${mine}_t BEFORE UPDATE ON ${mine} FOR EACH ROW BEGIN
      DECLARE said VARCHAR(120) DEFAULT CONCAT('refused ', NEW.sealed, ' of ', NEW.row_key);
      SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = said; END`
    await pool.query(trigger)
    const commit = store.commit(key, { id: '1', version: 1, state: 'active', sealed: secret, renewable: true })
    const error = await commit.then(
      () => new Error('Nothing failed.'),
      (reason: Error) => reason,
    )
    const { cause } = error as { cause?: Error }
    const all = [error.message, error.stack, cause?.message, cause?.stack, JSON.stringify([error, cause])].join()
    expect(error.message).toContain('The MySQL store failed: refused')
    expect(all).not.toContain(secret)
    expect(all).not.toContain('["c","s"')
    expect(all).not.toContain('UPDATE')
  })

  test('a server that cannot be reached and a wrong password say what to do', async () => {
    const none = mysqlStore(poolOf({ uri: 'mysql://root@127.0.0.1:1/test' }))
    await expect(none.read(key)).rejects.toThrow(/ECONNREFUSED.*Check the connection and the server\.$/)
    const denied = mysqlStore(poolOf({ uri: url!.replace('root@', 'nobody_known:wrong_password@') }))
    await expect(denied.read(key)).rejects.toThrow(
      /Access denied.*Check the user, the password and the user's rights\.$/,
    )
  })
})

test.skipIf(url === undefined)(
  'a server that is killed costs errors, and nothing that was committed',
  async () => {
    const server = (await startMariadb())!
    const pool = createPool({ uri: server.url, connectionLimit: 4 })
    const store = mysqlStore(pool)
    try {
      await store.put(key, grant)
      let [version, failures] = [1, 0]
      const commitOn = async (): Promise<void> => {
        for (;;) {
          const answer = await store.commit(key, { ...grant, version, sealed: `${version}` })
          version = answer.record!.version
        }
      }
      for (let kill = 0; kill < 3; kill += 1) {
        const committing = commitOn().catch(() => (failures += 1))
        const before = version
        await vi.waitUntil(() => version > before + 20, { timeout: 10_000 })
        await server.halt('SIGKILL')
        await committing
        await server.resume()
        // A connection that was lost may fail once more.
        const { record } = await vi.waitUntil(() => store.read(key).catch(() => undefined), { timeout: 10_000 })
        // The commit that was in progress may be there; every earlier one is.
        expect([version, version + 1]).toContain(record?.version)
        expect(record?.sealed).toBe(`${record!.version - 1}`)
        version = record!.version
      }
      expect(failures).toBe(3)
    } finally {
      await pool.end()
      await server.stop()
    }
  },
  60_000,
)
