import { expect, test } from 'vitest'

import { kinds, withPlace } from './places.ts'
import { storm } from './storm.ts'

test.concurrent.each(kinds)(
  'three processes with fifty callers each: one redemption for each expiry (%s)',
  { timeout: 120_000 },
  async (kind) => {
    const report = await withPlace(kind, (place) =>
      storm({ place, processes: 3, callers: 50, expiries: 3, lifetimeMs: 2000 }),
    )
    expect(report.failures).toEqual([])
    expect(report.tokensPerExpiry).toEqual([1, 1, 1])
    expect(report.stats).toMatchObject({
      tokenRequests: { total: 3, refresh_token: 3 },
      redemptions: 3,
      reuseDetections: 0,
      revocations: 0,
    })
  },
)
