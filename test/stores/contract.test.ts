import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

import { afterAll, describe, test } from 'vitest'

import { memoryStore } from '../../src/stores/memory.ts'
import { sqliteStore } from '../../src/stores/sqlite/index.ts'
import type { GrantStore } from '../../src/stores/store.ts'
import { fakeClock, storeContract } from '../../src/testing/index.ts'
import { betterSqliteShaped } from './better-sqlite.ts'

const folder = await mkdtemp(join(tmpdir(), 'evergrant-'))
afterAll(() => rm(folder, { recursive: true }))

const clock = fakeClock()

const stores: Record<string, { create: () => GrantStore; clock?: typeof clock }> = {
  'memory, real time': { create: () => memoryStore() },
  'memory, fake time': { create: () => memoryStore({ clock }), clock },
  'a file of node:sqlite, shared by the cases, real time': { create: () => sqliteStore(join(folder, 'shared.db')) },
  'node:sqlite in memory, fake time': { create: () => sqliteStore(':memory:', { clock }), clock },
  'a database of the form of better-sqlite3': {
    create: () => sqliteStore(betterSqliteShaped(new DatabaseSync(':memory:')), { table: 'other_name', clock }),
    clock,
  },
}

for (const [name, options] of Object.entries(stores)) {
  describe(`the store contract: ${name}`, () => {
    for (const { name, run } of storeContract(options)) test(name, run)
  })
}
