import { expect, test } from 'vitest'

import { growthAim, memoryAim, once } from '../src/tables/keep-fresh.ts'
import { refreshAims } from '../src/tables/refresh.ts'
import { undiciAims } from '../src/tables/request-undici.ts'
import { rejectedAim } from '../src/tables/rejected.ts'
import { scaleAims } from '../src/tables/scale.ts'
import { counted, shotCells, type Shot } from '../src/tables/shot.ts'
import { aims } from '../src/tables/storm.ts'

const spreadAt = (median: number) => ({ median, q1: median, q3: median, n: 5 })

const shot = (change: Partial<Shot> = {}): Shot => ({ wallMs: 30, requests: 1, failed: 0, revoked: false, ...change })

test('a count that is always the same is a number, else a spread', () => {
  expect(counted([3, 3, 3])).toBe(3)
  expect(counted([1, 2, 3])).toMatchObject({ median: 2, n: 3 })
})

test('cells say whether the grant was ended never, always or how often', () => {
  const last = (shots: Shot[]) => shotCells(shots).at(-1)
  expect(last([shot(), shot()])).toBe('no')
  expect(last([shot({ revoked: true })])).toBe('yes')
  expect(last([shot({ revoked: true }), shot(), shot()])).toBe('1 of 3')
})

test('the aims of the storm are missed by one request too many, one failure, or too long a time', () => {
  const controls = { request: [shot({ wallMs: 20 })], inHand: [shot({ wallMs: 5 })] }
  const met = (evergrant: Shot[]) => aims(1000, { ...controls, evergrant }).map((aim) => aim.met)
  expect(met([shot({ wallMs: 32 })])).toEqual([true, true])
  expect(met([shot({ wallMs: 33 })])).toEqual([true, false])
  expect(met([shot(), shot({ requests: 2 })])[0]).toBe(false)
  expect(met([shot(), shot({ requests: 0 })])[0]).toBe(false)
  expect(met([shot(), shot({ failed: 1 })])[0]).toBe(false)
})

test('the aim of refused tokens is missed by one refresh too many or one failed call', () => {
  expect(rejectedAim([shot(), shot()]).met).toBe(true)
  expect(rejectedAim([shot(), shot({ requests: 2 })]).met).toBe(false)
  expect(rejectedAim([shot(), shot({ requests: 0 })]).met).toBe(false)
  expect(rejectedAim([shot(), shot({ failed: 1 })]).met).toBe(false)
})

test('a contestant misses the aim of refreshes below its share of the bare fetch, and the others have none', () => {
  const ratio = spreadAt
  const met = (median: number) => refreshAims({ label: 'Evergrant', atLeast: 0.7 }, ratio(median)).map((aim) => aim.met)
  expect([met(0.7), met(0.69)]).toEqual([[true], [false]])
  expect(refreshAims({ label: 'a rival' }, ratio(0.1))).toEqual([])
})

test('workers miss their aim when a second one gets little more done, or a further one less', () => {
  const met = (...rates: number[]) =>
    growthAim(
      'SQLite',
      rates.map((rate, index) => ({ workers: index + 1, perSecond: spreadAt(rate) })),
    ).met
  expect(met(100, 115, 110)).toBe(true)
  expect(met(100, 105, 110)).toBe(false)
  expect(met(100, 150, 130)).toBe(false)
})

test('memory is flat within both the factor and the amount', () => {
  const met = (few: number, many: number) => memoryAim('SQLite', { due: 10, mib: few }, { due: 100, mib: many }).met
  expect([met(20, 25), met(20, 27), met(200, 219), met(200, 221)]).toEqual([true, false, true, false])
})

test('a run in which a grant was redeemed twice, or not at all, is no measurement', () => {
  const report = {
    refreshed: [6, 4],
    failed: 0,
    redemptions: 10,
    reused: 0,
    perSecond: 100,
    barePerSecond: 200,
    coresBusy: 1,
    cpuMs: 1,
    bareCpuMs: 1,
    earlyHeapMiB: 0,
    lateHeapMiB: 20,
    lateRssMiB: 80,
  }
  expect(once('SQLite', 10, report)).toBe(report)
  for (const wrong of [{ redemptions: 11 }, { refreshed: [6, 3] }, { failed: 1 }, { reused: 1 }]) {
    expect(() => once('SQLite', 10, { ...report, ...wrong })).toThrow('10 due grants on SQLite')
  }
})

test('an operation is flat when its median has no more than doubled from the fewest grants to the most', () => {
  const at = (grants: number, ms: number) => ({ grants, read: [0, ms, 100], claim: [1], commit: [1], due: [1] })
  const met = (...all: number[]) =>
    scaleAims(
      'SQLite',
      'read',
      all.map((ms, index) => at(10 ** index, ms)),
    ).map((aim) => aim.met)
  expect([met(1, 5, 2), met(1, 2.1), met()]).toEqual([[true], [false], []])
})

test('the aim of the interceptor is missed by a ratio below 0.92, at either concurrency', () => {
  const answer = (...ratios: number[]) => {
    const rest = { perSecond: 1, basePerSecond: 1, addedCpuUs: 0, cpuUs: 0, baseCpuUs: 0 }
    return [{ comparisons: ratios.map((ratio) => ({ ...rest, ratio })), aloneUs: undefined }]
  }
  const met = (...ratios: number[]) => undiciAims(answer(...ratios), answer(1, 1)).map((aim) => aim.met)
  expect(met(0.92, 0.95)).toEqual([true, true])
  expect(met(0.91, 0.95)).toEqual([false, true])
  expect(met(0.95, 0.91)).toEqual([true, false])
})
