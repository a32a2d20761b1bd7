import { test } from 'vitest'

import { sqliteStore } from '../../src/stores/sqlite/index.ts'
import type { GrantStore } from '../../src/stores/store.ts'
import { answersLikeMemory, claimsAtTheEdgesLikeMemory } from './steps.ts'

const open = (now: () => number): GrantStore => sqliteStore(':memory:', { clock: { now } })

test('the SQLite store and the memory store return the same for any operations', () => answersLikeMemory(open, 150))

test('the SQLite store and the memory store return the same for claims at the edges of their times', () =>
  claimsAtTheEdgesLikeMemory(open))
