import { test } from 'vitest'

import { sqliteStore } from '../../src/stores/sqlite/index.ts'
import type { GrantStore } from '../../src/stores/store.ts'
import { answersLikeMemory, claimsAtTheEdgesLikeMemory } from './steps.ts'

const open = (now: () => number): GrantStore => sqliteStore(':memory:', { clock: { now } })

test('memory and SQLite give the same answers to whatever comes', { timeout: 120_000 }, () =>
  answersLikeMemory(open, 100),
)

test('and to claims at the edges of their times', () => claimsAtTheEdgesLikeMemory(open))
