import { unlinkSync } from 'node:fs'
import { copyFile, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

import { beforeEach, describe, expect, test } from 'vitest'

import type { StoreError } from '../../src/model/errors.ts'
import { sqliteStore } from '../../src/stores/sqlite/index.ts'
import type { ClaimRequest, GrantStore } from '../../src/stores/store.ts'
import { fakeClock } from '../../src/testing/index.ts'
import { OPEN_FILES, skipOnWindows } from '../system.ts'
import { betterSqliteShaped } from './better-sqlite.ts'
import { grant, key } from './records.ts'
import { inFolder } from './fixtures/sqlite.ts'

const at = inFolder()
const { open } = at

beforeEach((context) => skipOnWindows(context, OPEN_FILES))

const request: ClaimRequest = {
  id: '1',
  version: 1,
  owner: 'o',
  leaseMs: 60_000,
  settleMs: 0,
  intent: { hash: 'h', sendWithinMs: 1 },
}
const content = { state: 'active', sealed: 'new', renewable: true } as const

/** All that an application may ask; each must fail. */
const operations: Readonly<Record<string, (store: GrantStore) => Promise<unknown>>> = {
  read: (store) => store.read(key),
  put: (store) => store.put(key, { ...grant, id: '2' }),
  claim: (store) => store.claim(key, request),
  commit: (store) => store.commit(key, { id: '1', version: 1, ...content }),
  delete: (store) => store.delete(key, { id: '1' }),
  once: (store) => store.once('id', 1000, 'me'),
  due: (store) => store.due({ before: 0, limit: 1 }),
  'due, reserving': (store) => store.due({ before: 0, limit: 1, reserveMs: 1 }),
  page: (store) => store.page!({ limit: 1 }),
  'documents.put': (store) => store.documents!.put('d', 'v', { version: 0 }),
}

/** What may become of a file while it is open. */
const losses: Readonly<Record<string, () => Promise<unknown>>> = {
  removed: () => unlink(at.file),
  'removed, with its write-ahead log': async () => {
    for (const end of ['', '-wal', '-shm']) await unlink(at.file + end)
  },
  'moved away': () => rename(at.file, `${at.file}.old`),
  'replaced by an empty file': async () => {
    await unlink(at.file)
    await writeFile(at.file, '')
  },
  'replaced by a copy of itself': async () => {
    await copyFile(at.file, `${at.file}.copy`)
    await rename(`${at.file}.copy`, at.file)
  },
  'replaced by another database': async () => {
    const other = sqliteStore(`${at.file}.other`)
    await other.put(key, { ...grant, id: 'other' })
    await other.close()
    await rename(`${at.file}.other`, at.file)
  },
  'gone with its folder': async () => {
    await rename(at.folder, `${at.folder}.old`)
    await rm(`${at.folder}.old`, { recursive: true })
  },
}

describe.each(Object.entries(losses))('a file that was %s while it was open', (_name, lose) => {
  test('is a StoreError at every operation, and nothing is said to be saved', async () => {
    const store = open()
    await store.put(key, grant)
    await lose()
    for (const [operation, run] of Object.entries(operations)) {
      const error = await run(store).then(
        () => `'${operation}' returned`,
        (reason: unknown) => reason as StoreError,
      )
      expect(error).toMatchObject({
        code: 'store_error',
        retryable: true,
        notWritten: true,
        message: expect.stringMatching(/removed or replaced while it was open.*restart/),
      })
    }
  })
})

test('a lost file is also a StoreError for a connection that was given, and for the target of a link', async () => {
  const given = open(betterSqliteShaped(new DatabaseSync(at.file)))
  await given.put(key, grant)
  const link = join(at.folder, 'link.db')
  const second = join(at.folder, 'second.db')
  const other = sqliteStore(second)
  await other.put(key, grant)
  await other.close()
  await symlink(at.file, link)
  const linked = open(link)
  expect((await linked.read(key)).record?.id).toBe('1')
  await unlink(link)
  await symlink(second, link)
  await expect(linked.read(key)).rejects.toThrow(/removed or replaced/)
  expect((await given.read(key)).record?.id).toBe('1')
  await unlink(at.file)
  await expect(given.claim(key, request)).rejects.toThrow(/removed or replaced/)
})

test.each(['-wal', '-shm'])('what is written without the file’s %s is not said to be saved', async (end) => {
  const store = open()
  await store.put(key, grant)
  await unlink(at.file + end)
  await expect(store.commit(key, { id: '1', version: 1, ...content })).rejects.toThrow(/removed or replaced/)
})

test('a file that goes while a commit waits for the disk is no commit', async () => {
  const database = new DatabaseSync(at.file)
  const inner = betterSqliteShaped(database)
  let removing = false
  const store = open({
    ...inner,
    prepare: (sql) => {
      const statement = inner.prepare(sql)
      if (sql !== 'COMMIT') return statement
      return {
        ...statement,
        run: () => {
          const done = statement.run()
          if (removing) unlinkSync(at.file)
          return done
        },
      }
    },
  })
  await store.put(key, grant)
  removing = true
  const error = await store.commit(key, { id: '1', version: 1, ...content }).catch((reason: unknown) => reason)
  expect(error).toMatchObject({ code: 'store_error' })
  // It was written to a file that is no longer reachable.
  expect(error).not.toHaveProperty('notWritten')
})

test('a file that is put back is used again, and one that others write is the same', async () => {
  const [store, other] = [open(), open()]
  await store.put(key, grant)
  await rename(at.file, `${at.file}.old`)
  await expect(store.read(key)).rejects.toThrow(/removed or replaced/)
  await rename(`${at.file}.old`, at.file)
  expect((await store.read(key)).record?.id).toBe('1')
  expect((await other.claim(key, request)).outcome).toBe('claimed')
  await other.close()
  expect((await store.commit(key, { id: '1', version: 1, ...content })).committed).toBe(true)
})

const failing: Readonly<Record<string, () => Promise<readonly [GrantStore, () => unknown]>>> = {
  'where the file is locked': async () => {
    const clock = fakeClock()
    const store = open(at.file, { clock, busyTimeoutMs: 0 })
    await store.put(key, grant)
    const other = new DatabaseSync(at.file)
    other.exec('BEGIN IMMEDIATE')
    return [store, () => other.close()]
  },
  'where the disk is full': async () => {
    const database = new DatabaseSync(at.file)
    const store = open(betterSqliteShaped(database))
    await store.put(key, { ...grant, sealed: 'x'.repeat(50_000) })
    const { page_count: pages } = database.prepare('PRAGMA page_count').get() as { page_count: number }
    database.exec(`PRAGMA max_page_count = ${pages}`)
    return [store, () => database.exec('PRAGMA max_page_count = 100000')]
  },
  'where the file is read-only': async () => {
    const maker = sqliteStore(at.file)
    await maker.put(key, grant)
    const store = open(new DatabaseSync(at.file, { readOnly: true }))
    await store.read(key)
    return [store, () => maker.close()]
  },
}
test.each(Object.entries(failing))('a failure says that nothing was written: %s', async (name, prepare) => {
  const [store, end] = await prepare()
  const large = { id: '1', version: 1, ...content, sealed: 'y'.repeat(500_000) }
  await expect(store.commit(key, large)).rejects.toMatchObject({
    code: 'store_error',
    retryable: true,
    notWritten: true,
  })
  expect((await store.read(key)).record?.version).toBe(1)
  await end()
  if (name !== 'where the file is read-only') expect((await store.commit(key, large)).committed).toBe(true)
})

test('a failure does not say that nothing was written where the file is damaged or the disk fails', async () => {
  const database = new DatabaseSync(at.file)
  const inner = betterSqliteShaped(database)
  let code: string | undefined
  const store = open(
    {
      ...inner,
      prepare: (sql) => {
        const statement = inner.prepare(sql)
        const fail = (): void => {
          if (code !== undefined && sql === 'COMMIT') throw Object.assign(new Error('it failed'), { code })
        }
        return { ...statement, run: (...parameters) => (fail(), statement.run(...parameters)) }
      },
    },
    { busyTimeoutMs: 0 },
  )
  await store.put(key, grant)
  for (code of ['SQLITE_IOERR_FSYNC', 'SQLITE_CORRUPT', 'SQLITE_ERROR']) {
    const error = await store.claim(key, request).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'store_error' })
    expect(error).not.toHaveProperty('notWritten')
  }
  for (code of ['SQLITE_FULL', 'SQLITE_READONLY_DBMOVED', 'SQLITE_CANTOPEN', 'SQLITE_BUSY_SNAPSHOT']) {
    await expect(store.claim(key, request)).rejects.toMatchObject({ notWritten: true })
  }
})
