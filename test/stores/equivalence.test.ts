import { test } from 'vitest'

import { sqliteStore } from '../../src/stores/sqlite/index.ts'
import type { GrantStore } from '../../src/stores/store.ts'
import { answersLikeMemory, claimsAtTheEdgesLikeMemory } from './steps.ts'

const open = (now: () => number): GrantStore => sqliteStore(':memory:', { clock: { now } })

test('memory and SQLite give the same answers to whatever comes', () => answersLikeMemory(open, 150))

test('and to claims at the edges of their times', () => claimsAtTheEdgesLikeMemory(open))
