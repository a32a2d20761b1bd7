import { expect, test } from 'vitest'

import { runTask } from '../src/harness/task.ts'
import { tokenAims } from '../src/tables/token.ts'
import type { task, TokenAnswer } from '../src/tasks/token-task.ts'
import type { task as allocating } from './allocating-task.ts'

const answer = (change: Partial<TokenAnswer> = {}): TokenAnswer => ({
  kind: 'promise',
  ns: 100,
  nsRatio: 1,
  bytes: 200,
  bytesRatio: 1,
  ...change,
})

test('the aims of the fresh token are missed by more than 1.2 times the time or the bytes of the floor', () => {
  const met = (change: Partial<TokenAnswer>) => tokenAims([answer(change)], [answer()]).map((aim) => aim.met)
  expect(met({ nsRatio: 1.2, bytesRatio: 1.2 })).toEqual([true, true])
  expect(met({ nsRatio: 1.21 })).toEqual([false, true])
  expect(met({ bytesRatio: 1.21 })).toEqual([true, false])
})

test('only a missed aim says why, by what a look at the clock costs', () => {
  const [time, bytes] = tokenAims([answer({ nsRatio: 1.7 })], [answer({ nsRatio: 1.6 })])
  expect(time?.why).toContain('a reading of the clock takes 1.6 (1.6–1.6) times')
  expect(bytes).not.toHaveProperty('why')
})

test('bytes are counted also where they are collected meanwhile', async () => {
  const measure = (objects: number) =>
    runTask<typeof allocating>(new URL('./allocating-task.ts', import.meta.url), { objects, elements: 100 })
  // An array of 100 elements: a pointer or eight bytes each, and its headers.
  const { bytes: few } = await measure(1_000)
  const { bytes: many } = await measure(20_000)
  expect(many / few).toBeGreaterThan(18)
  expect(many / few).toBeLessThan(22)
  expect(few / 1_000).toBeGreaterThanOrEqual(400)
  expect(few / 1_000).toBeLessThan(1_200)
})

test.each(['evergrant-session', 'evergrant-access-token', 'evergrant-grants', 'better-auth'] as const)(
  '%s hands out its token in a process beside the floor',
  async (own) => {
    const order = { floor: 'bare-fetch', own, floorCalls: 50, ownCalls: 20, pairs: 1 } as const
    const module = new URL('../src/tasks/token-task.ts', import.meta.url)
    // So few calls don't stand out from what else happens on the heap: only that they work can be seen.
    const { bytes, kind, ns } = await runTask<typeof task>(module, order)
    expect([kind, Number.isFinite(bytes), Number.isFinite(ns)]).toEqual(['promise', true, true])
  },
)
