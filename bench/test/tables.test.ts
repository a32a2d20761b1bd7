import { expect, test } from 'vitest'

import type { Comparison } from '../src/harness/slots.ts'
import { growthAim, memoryAim, once, providerOf } from '../src/tables/keep-fresh.ts'
import { networkAims, refreshAims } from '../src/tables/refresh.ts'
import { requestAims, undiciAims } from '../src/tables/request.ts'
import { scaleAims } from '../src/tables/scale.ts'
import { sealAims } from '../src/tables/seal.ts'
import { byExpiry, processAims } from '../src/tables/storm-processes.ts'
import { stormAims } from '../src/tables/storm.ts'
import { counted, Crew, sharedAim, stormCells, type Storm } from '../src/tables/storms.ts'
import { tokenAims } from '../src/tables/token.ts'
import type { TokenAnswer } from '../src/tasks/token-task.ts'
import { closing, server, spreadAt, sqlite } from './setup.ts'

const storm = (change: Partial<Storm> = {}): Storm => ({
  requests: 1,
  failed: 0,
  revoked: false,
  wallMs: 100,
  blockedMs: 10,
  ...change,
})

/** A contestant's answer, with what is said of one comparison at each size. */
const answer = (...changes: Partial<Comparison>[]) => {
  const rest = { perSecond: 1, basePerSecond: 1, ratio: 1, addedCpuUs: 0, cpuUs: 1, baseCpuUs: 1 }
  return [{ comparisons: changes.map((change) => ({ ...rest, ...change })) }]
}

test('a count that is always the same is a number, else a spread', () => {
  expect(counted([3, 3, 3])).toBe(3)
  expect(counted([1, 2, 3])).toMatchObject({ median: 2, n: 3 })
})

test('cells say whether the grant was ended never, always or how often', () => {
  const last = (storms: Storm[]) => stormCells(storms).at(-1)
  expect(last([storm(), storm()])).toBe('no')
  expect(last([storm({ revoked: true })])).toBe('yes')
  expect(last([storm({ revoked: true }), storm(), storm()])).toBe('1 of 3')
})

test('the aims of the storm are missed by one request too many, one failure, or too long a time', () => {
  const controls = { request: [storm({ wallMs: 20 })], inHand: [storm({ wallMs: 5 })] }
  const met = (evergrant: Storm[]) => stormAims(1000, { ...controls, evergrant }).map((aim) => aim.met)
  expect(met([storm({ wallMs: 32 })])).toEqual([true, true])
  expect(met([storm({ wallMs: 33 })])).toEqual([true, false])
  expect(met([storm(), storm({ requests: 2 })])[0]).toBe(false)
  expect(met([storm(), storm({ requests: 0 })])[0]).toBe(false)
  expect(met([storm(), storm({ failed: 1 })])[0]).toBe(false)
})

test('the aim of one refresh for all is missed by one refresh too many or one failed call', () => {
  const met = (...storms: Storm[]) => sharedAim('', 'calls', storms).met
  expect(met(storm(), storm())).toBe(true)
  for (const wrong of [{ requests: 2 }, { requests: 0 }, { failed: 1 }]) expect(met(storm(), storm(wrong))).toBe(false)
  expect(met()).toBe(false)
})

test('a contestant misses the aim of refreshes below its share of the bare fetch, and the others have none', () => {
  const met = (median: number) => refreshAims('Evergrant', 0.7, spreadAt(median)).map((aim) => aim.met)
  expect([met(0.7), met(0.69)]).toEqual([[true], [false]])
  expect(refreshAims('a rival', undefined, spreadAt(0.1))).toEqual([])
})

test('a refresh over a network misses its aim by more CPU above the bare request', () => {
  const met = (us: number) => networkAims('Evergrant', 200, spreadAt(us), spreadAt(400)).map((aim) => aim.met)
  expect([met(200), met(201)]).toEqual([[true], [false]])
  expect(networkAims('fetch', undefined, spreadAt(0), spreadAt(400))).toEqual([])
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

test('workers that keep grants fresh get grants whose end is known, and has passed', async () => {
  const [grant] = await providerOf(await server()).mint(1)
  expect(grant).toMatchObject({ refresh_token: expect.any(String), expires_at: expect.any(Number) })
  expect((grant as unknown as { expires_at: number }).expires_at).toBeLessThan(Date.now() / 1000)
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
  const ratios = (...all: number[]) => answer(...all.map((ratio) => ({ ratio })))
  const met = (...all: number[]) => undiciAims(ratios(...all), ratios(1, 1)).map((aim) => aim.met)
  expect(met(0.92, 0.95)).toEqual([true, true])
  expect(met(0.91, 0.95)).toEqual([false, true])
  expect(met(0.95, 0.91)).toEqual([true, false])
})

test('the aims of a request are missed by more than 10 µs, or a ratio that can be told from the control', () => {
  const measured = (aloneUs: number, addedCpuUs: number, ratio: number) => {
    const [{ comparisons }] = answer({ addedCpuUs, ratio }, { addedCpuUs, ratio }) as [{ comparisons: Comparison[] }]
    return [{ comparisons, aloneUs }]
  }
  const aims = (...own: [number, number, number]) => requestAims(measured(...own), measured(0, 11, 1))
  expect(aims(10, 10, 1).map(({ met }) => met)).toEqual([true, true, true, true, true])
  expect(aims(11, 11, 0.9).map(({ met }) => met)).toEqual([false, false, false, false, false])
  expect(aims(11, 11, 0.9)[1]?.why).toContain('too small')
})

test('the aims of sealing are missed by fewer than 15,000 seals or opens a second, and then say what jose does', () => {
  const rates = (seal: number, open: number) => answer({ perSecond: seal }, { perSecond: open }) as never
  const aims = (seal: number, open: number) => sealAims('ring', rates(seal, open), rates(16_000, 17_000))
  expect(aims(15_000, 15_000).map(({ met }) => met)).toEqual([true, true])
  expect(aims(15_000, 14_999)).toMatchObject([{ met: true }, { met: false, why: expect.stringContaining('17,000') }])
})

test('the aims of the fresh token are missed by more than 1.2 times the floor, and then say what the clock costs', () => {
  const figures: TokenAnswer = { kind: 'promise', ns: 100, nsRatio: 1, bytes: 200, bytesRatio: 1 }
  const aims = (change: Partial<TokenAnswer>) => tokenAims([{ ...figures, ...change }], [{ ...figures, nsRatio: 1.6 }])
  expect(aims({ nsRatio: 1.2, bytesRatio: 1.2 }).map((aim) => aim.met)).toEqual([true, true])
  expect(aims({ bytesRatio: 1.21 }).map((aim) => aim.met)).toEqual([true, false])
  expect(aims({ nsRatio: 1.21 })).toMatchObject([
    { met: false, why: expect.stringContaining('a reading of the clock takes 1.6 (1.6–1.6) times') },
    { met: true },
  ])
})

test('each expiry has what all rounds agree on, or the least and the most', () => {
  const rounds = [1, 3].map((requests) => [storm({ requests: 4 }), storm({ requests })])
  expect(byExpiry(rounds, ({ requests }) => requests)).toBe('4 / 1–3')
  expect(byExpiry([], ({ requests }) => requests)).toBe('')
})

test('the aims of several processes are missed by one request too many, one failure, too long a time, or a still event loop', () => {
  const met = (change: Partial<Storm>) =>
    processAims('SQLite', [[storm(), storm(change)]], [[storm()]]).map((aim) => aim.met)
  expect(met({})).toEqual([true, true, true])
  expect(met({ requests: 2 })).toEqual([false, true, true])
  expect(met({ blockedMs: 51 })).toEqual([true, true, false])
  // The median of 100 and 200 is 1.5 times what it is measured by.
  expect(met({ wallMs: 200 })).toEqual([true, true, true])
  expect(met({ wallMs: 201 })).toEqual([true, false, true])
})

test('two processes on one SQLite file make one request for each expiry, and no caller fails', async () => {
  const started = await server({ delayMs: 20 })
  const crew = closing(new Crew(started, { own: false }))
  const order = { library: 'evergrant-grants', processes: 2, callers: 5, age: 'expired', expiries: 2 } as const
  const expected = { requests: 1, failed: 0, revoked: false }
  expect(await crew.storms({ ...order, keeping: await sqlite() })).toMatchObject([expected, expected])
})
