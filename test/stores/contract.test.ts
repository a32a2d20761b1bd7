import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, describe, test } from 'vitest'

import { sqliteStore } from '../../src/stores/sqlite/index.ts'
import type { GrantStore } from '../../src/stores/store.ts'
import { fakeClock, storeContract } from '../../src/testing/index.ts'
import { inProcess } from './fixtures/in-process.ts'

const folder = await mkdtemp(join(tmpdir(), 'evergrant-'))
afterAll(() => rm(folder, { recursive: true }))

const clock = fakeClock()

const memory = inProcess['the memory store']
const sqlite = inProcess['node:sqlite in memory']
const better = inProcess['a database of the form of better-sqlite3']

const stores: Record<string, { create: () => GrantStore; clock?: typeof clock }> = {
  'the memory store in real time': { create: () => memory() },
  'the memory store in fake time': { create: () => memory(clock), clock },
  'a file of node:sqlite that the cases share, in real time': { create: () => sqliteStore(join(folder, 'shared.db')) },
  'node:sqlite in memory, in fake time': { create: () => sqlite(clock), clock },
  'a database of the form of better-sqlite3, in fake time': { create: () => better(clock), clock },
}

for (const [name, options] of Object.entries(stores)) {
  describe(`${name} keeps the store contract`, () => {
    for (const { name, run } of storeContract(options)) test(name, run)
  })
}
