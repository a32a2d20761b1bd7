import { copyFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

import { expect, test } from 'vitest'

import { type SqliteStoreOptions } from '../../src/stores/sqlite/index.ts'
import type { GrantStore } from '../../src/stores/store.ts'
import { fakeClock } from '../../src/testing/index.ts'
import { grant, keyOf } from './records.ts'
import { inFolder } from './fixtures/sqlite.ts'

const DAY_MS = 24 * 3_600_000

const at = inFolder()
const open = (options?: SqliteStoreOptions, path: string = at.file): GrantStore => at.open(path, options)

async function subjectsAfter(store: GrantStore, after?: string): Promise<string[]> {
  return (await store.changes!({ after })).changes.map(({ key }) => key.subject)
}

test('changes are removed after seven days, and a cursor before them is expired', async () => {
  const clock = fakeClock()
  const store = open({ clock })
  const empty = await store.changes!({})
  await store.put(keyOf('first'), grant)
  await store.put(keyOf('second'), grant)
  const early = await store.changes!({ limit: 1 })
  const middle = await store.changes!({ limit: 2 })
  await clock.advance(DAY_MS)
  await store.put(keyOf('third'), grant)
  await clock.advance(6 * DAY_MS)
  await store.put(keyOf('fourth'), grant)
  expect(await subjectsAfter(store)).toEqual(['first', 'second', 'third', 'fourth'])
  await clock.advance(60_000)
  await store.put(keyOf('fifth'), grant)
  expect(await subjectsAfter(store)).toEqual(['third', 'fourth', 'fifth'])
  const end = (await store.changes!({})).next
  for (const { next } of [empty, early]) {
    expect(await store.changes!({ after: next })).toEqual({ expired: true, changes: [], next: end })
  }
  expect(await subjectsAfter(store, middle.next)).toEqual(['third', 'fourth', 'fifth'])
})

test('a feed of which all was removed goes on with new numbers', async () => {
  const clock = fakeClock()
  const store = open({ clock })
  await store.put(keyOf('first'), grant)
  const { next } = await store.changes!({})
  await clock.advance(8 * DAY_MS)
  // Its own change is removed only later.
  await store.once('an id', 1, 'a')
  const start = await store.changes!({})
  expect(start.changes).toEqual([])
  expect(await store.changes!({ after: next })).toEqual({ changes: [], next })
  await store.put(keyOf('second'), grant)
  for (const after of [next, start.next, undefined]) expect(await subjectsAfter(store, after)).toEqual(['second'])
})

test('a damaged line of the feed stops no reader', async () => {
  const store = open()
  for (const subject of ['first', 'second', 'third']) await store.put(keyOf(subject), grant)
  const other = new DatabaseSync(at.file)
  other.exec(`UPDATE evergrant_records_changes SET change = '{' WHERE seq = 2`)
  other.close()
  expect(await subjectsAfter(store)).toEqual(['first', 'third'])
})

test('one sweep removes five hundred changes at most', async () => {
  const clock = fakeClock()
  const store = open({ clock })
  await Promise.all(Array.from({ length: 700 }, (_, index) => store.put(keyOf(`${index}`), grant)))
  await clock.advance(8 * DAY_MS)
  for (const left of [200, 0]) {
    await store.once(`${left}`, 1, 'a')
    expect((await store.changes!({ limit: 1_000 })).changes).toHaveLength(left)
    await clock.advance(60_000)
  }
})

test('a cursor from after the backup that was put back, or of another file, is expired', async () => {
  const store = open()
  await store.put(keyOf('first'), grant)
  const { next: before } = await store.changes!({})
  const backup = join(at.folder, 'backup.db')
  const other = new DatabaseSync(at.file)
  other.exec(`VACUUM INTO '${backup}'`)
  other.close()
  await store.put(keyOf('second'), grant)
  const { next: after } = await store.changes!({})
  await store.close()
  await copyFile(backup, at.file)
  for (const end of ['-wal', '-shm']) await rm(at.file + end, { force: true })
  const restored = open()
  expect(await restored.changes!({ after })).toEqual({ expired: true, changes: [], next: before })
  await restored.put(keyOf('third'), grant)
  expect(await subjectsAfter(restored, before)).toEqual(['third'])
  // It has as many changes now as the cursor counts, and they are others.
  expect(await restored.changes!({ after })).toMatchObject({ expired: true, changes: [] })
  const elsewhere = open({}, join(at.folder, 'another.db'))
  await elsewhere.put(keyOf('first'), grant)
  expect((await elsewhere.changes!({ after: before })).expired).toBe(true)
})

test.each([false, true])('with everyRefresh %s, a refresh is a change', async (everyRefresh) => {
  const store = open({ everyRefresh })
  await store.put(keyOf('first'), grant)
  await store.commit(keyOf('first'), { ...grant, version: 1 })
  const { changes } = await store.changes!({})
  expect(changes.map(({ kind }) => kind)).toEqual(everyRefresh ? ['connected', 'refreshed'] : ['connected'])
})
