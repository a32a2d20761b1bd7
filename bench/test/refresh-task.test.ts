import { expect, onTestFinished, test } from 'vitest'

import { startServer } from '../src/server/start-server.ts'
import { placeOf } from '../src/tables/log-in.ts'
import { task, type RefreshOrder } from '../src/tasks/refresh-task.ts'

async function order(ageS: number): Promise<RefreshOrder> {
  const server = await startServer({ lifetimeS: 60 })
  onTestFinished(() => server.close())
  const sizes = [{ concurrency: 2, calls: 3, pairs: 1 }]
  return { base: 'bare-fetch', own: 'evergrant-memory', server: placeOf(server), ageS, file: '', sizes, commits: 0 }
}

test('each call of a contestant and of the baseline redeems one refresh token', async () => {
  const { commits, comparisons } = await task(await order(120))
  expect(comparisons).toHaveLength(1)
  expect(comparisons[0]?.ratio).toBeGreaterThan(0)
  expect(commits).toBeUndefined()
})

test('calls that redeem nothing, because their tokens are fresh, are no refreshes', async () => {
  await expect(task(await order(0))).rejects.toThrow('Expected evergrant-memory to redeem 24 refresh tokens, got 12')
})
