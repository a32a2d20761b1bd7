import { expect, test } from 'vitest'

import { flatness, medians } from './flatness.ts'
import { kinds, withPlace } from './places.ts'
import { sharing } from './sharing.ts'

test.each(kinds)(
  'two workers share 300 due grants, none of which is redeemed twice (%s)',
  { timeout: 120_000 },
  async (kind) => {
    const started = performance.now()
    const report = await withPlace(kind, (place) => sharing({ place, processes: 2, due: 300, bare: 0, warmUp: 50 }))
    const seconds = (performance.now() - started) / 1000
    expect(report).toMatchObject({ failed: 0, redemptions: 300, reused: 0, barePerSecond: 0, bareCpuMs: 0 })
    expect(report.refreshed.reduce((sum, each) => sum + each)).toBe(300)
    // Each has at least a batch.
    expect(report.refreshed).toHaveLength(2)
    expect(Math.min(...report.refreshed)).toBeGreaterThanOrEqual(32)
    // The work took less than the whole test, which includes logins and process starts, and at least 0.1 ms for each
    // grant.
    expect(report.perSecond).toBeGreaterThan(50 / seconds)
    expect(report.perSecond).toBeLessThan(10_000)
    expect(report.cpuMs).toBeGreaterThan(0.05)
    expect(report.cpuMs).toBeLessThan((seconds * 2000) / 300)
    // Two processes and a provider use at least a tenth of one core.
    expect(report.coresBusy).toBeGreaterThan(0.05)
    expect(report.coresBusy).toBeLessThanOrEqual(1)
    for (const mib of [report.earlyHeapMiB, report.lateHeapMiB, report.lateRssMiB]) {
      expect(mib).toBeGreaterThan(2)
      expect(mib).toBeLessThan(1000)
    }
    expect(report.lateRssMiB).toBeGreaterThan(report.lateHeapMiB)
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
      for (const ms of [claimMs, commitMs, dueMs, readMs]) {
        expect(ms).toBeGreaterThan(0.001)
        expect(ms).toBeLessThan(1000)
      }
    }
  },
)

test('medians are compared of the same operation', () => {
  const samples = { grants: 7, read: [9, 1, 2], due: [30, 10, 20], claim: [100, 300, 200], commit: [4000, 2000, 3000] }
  expect(medians(samples)).toEqual({ grants: 7, readMs: 2, dueMs: 20, claimMs: 200, commitMs: 3000 })
})

test('all requested samples are taken, also if the due batches need more grants than the store has', async () => {
  const [measured] = await withPlace('SQLite', (place) =>
    flatness([{ place, grants: 100 }], { samples: 20, dueEvery: 2 }),
  )
  const { claim, commit, due, read } = measured!
  expect([read.length, claim.length, commit.length, due.length]).toEqual([20, 20, 20, 10])
})
