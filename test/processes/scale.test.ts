import { expect, test } from 'vitest'

import { flatness, medians } from './flatness.ts'
import { kinds, withPlace } from './places.ts'
import { sharing } from './sharing.ts'

test.each(kinds)(
  'two workers share 300 due grants, none of which is redeemed twice (%s)',
  { timeout: 120_000 },
  async (kind) => {
    const report = await withPlace(kind, (place) => sharing({ place, processes: 2, due: 300, bare: 0, warmUp: 50 }))
    expect(report).toMatchObject({ failed: 0, redemptions: 300, reused: 0 })
    expect(report.refreshed.reduce((sum, each) => sum + each)).toBe(300)
    expect(report.perSecond).toBeGreaterThan(0)
    expect(report.coresBusy).toBeGreaterThan(0)
    expect(report.coresBusy).toBeLessThanOrEqual(1)
  },
)

test.each(kinds.filter((kind) => kind !== 'Redis'))(
  'a store is measured with few grants and with many (%s)',
  { timeout: 120_000 },
  async (kind) => {
    const samples = await withPlace(kind, (few) =>
      withPlace(kind, (many) =>
        flatness(
          [
            { place: few, grants: 200 },
            { place: many, grants: 2000 },
          ],
          { samples: 10 },
        ),
      ),
    )
    const measured = samples.map(medians)
    expect(measured.map(({ grants }) => grants)).toEqual([200, 2000])
    for (const { claimMs, commitMs, dueMs, readMs } of measured) {
      for (const ms of [claimMs, commitMs, dueMs, readMs]) expect(ms).toBeGreaterThan(0)
    }
  },
)

test('as many samples are taken as were asked for, also of more due batches than few grants fill', async () => {
  const [measured] = await withPlace('SQLite', (place) =>
    flatness([{ place, grants: 100 }], { samples: 20, dueEvery: 2 }),
  )
  const { claim, commit, due, read } = measured!
  expect([read.length, claim.length, commit.length, due.length]).toEqual([20, 20, 20, 10])
})
