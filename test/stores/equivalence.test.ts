import { test } from 'vitest'

import { sqliteStore } from '../../src/stores/sqlite/index.ts'
import { answersLikeMemory } from './steps.ts'

test('memory and SQLite give the same answers to whatever comes', async () => {
  await answersLikeMemory((now) => sqliteStore(':memory:', { clock: { now } }), 150)
})
