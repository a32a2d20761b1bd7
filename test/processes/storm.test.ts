import { expect, test } from 'vitest'

import { postgres, POSTGRES, presentOrSkip } from '../servers/index.ts'
import { startPgbouncer } from '../servers/start-pgbouncer.ts'
import { startRedisCluster } from '../servers/start-redis-cluster.ts'
import { allKinds, placeOrSkip, withPlace } from './places.ts'
import type { Place } from './stores.ts'
import { storm } from './storm.ts'

async function expectOneRedemptionForEachExpiry(place: Place): Promise<void> {
  const report = await storm({ place, processes: 3, callers: 50, expiries: 3, lifetimeMs: 2000 })
  expect(report.failures).toEqual([])
  expect(report.tokensPerExpiry).toEqual([1, 1, 1])
  expect(report.stats).toMatchObject({
    tokenRequests: { total: 3, refresh_token: 3 },
    redemptions: 3,
    reuseDetections: 0,
    revocations: 0,
  })
}

test.concurrent.for(allKinds)(
  'three processes with fifty callers each: one redemption for each expiry (%s)',
  { timeout: 120_000 },
  (kind, context) => placeOrSkip(context, kind, expectOneRedemptionForEachExpiry),
)

test('the same behind pgbouncer in transaction mode', { timeout: 120_000 }, async (context) => {
  const url = presentOrSkip(context, await postgres(), POSTGRES)
  const pgbouncer = presentOrSkip(context, await startPgbouncer(url), 'pgbouncer (Debian: apt-get install pgbouncer)')
  try {
    await withPlace('PostgreSQL behind pgbouncer', expectOneRedemptionForEachExpiry, pgbouncer.url)
  } finally {
    await pgbouncer.stop()
  }
})

test('the same on a Redis Cluster of three nodes', { timeout: 120_000 }, async (context) => {
  const cluster = presentOrSkip(context, await startRedisCluster(), 'Redis 7 (Debian: apt-get install redis-server)')
  try {
    const urls = cluster.ports.map((port) => `redis://127.0.0.1:${port}`).join()
    await withPlace('Redis Cluster', expectOneRedemptionForEachExpiry, urls)
  } finally {
    await cluster.stop()
  }
})
