import { cpus } from 'node:os'

import { sharing, type SharingReport } from '../../../test/processes/sharing.ts'
import type { SharingProvider } from '../../../test/processes/sharing-provider.ts'
import { inTurns } from '../harness/interleave.ts'
import { cellText, numberText } from '../harness/markdown.ts'
import { scoped } from '../harness/scoped.ts'
import { spread, type Spread } from '../harness/stats.ts'
import { aimOf, cell, type Aim, type Bench, type Cell } from '../harness/table.ts'
import type { StoreKind } from '../libraries/keep.ts'
import { startServer, type BenchServer } from '../server/start-server.ts'
import { Places } from './places.ts'

const STORES = ['SQLite', 'PostgreSQL', 'Redis'] as const satisfies readonly StoreKind[]

/** A row's workers: their store, what their token requests go over, and how many grants are due. */
interface Row {
  readonly store: StoreKind
  readonly undici: boolean
  readonly processes: number
  readonly due: number
}

/** Over undici, as the documentation recommends for a worker with many grants; over fetch for comparison. */
const SETUPS = [...STORES.map((store) => ({ store, undici: true })), { store: 'SQLite', undici: false }] as const

/** So much more than with few due grants is still flat. */
const FLAT = { times: 1.3, moreMiB: 20 } as const
/** What counts as growth, or as no loss: less is noise. */
const NOISE = 0.1

/** `memory`: due grants of the runs whose memory is compared, each of a few minutes, on SQLite: the worker is the same on all. */
const QUICK = { rounds: 1, workers: [1, 2], due: 300, warmUp: 100, bare: 200, memory: [500, 2_000] }
const FULL = { rounds: 5, workers: [1, 2, 4], due: 2_000, warmUp: 500, bare: 1_500, memory: [10_000, 100_000] }

/** Workers that renew due grants without anybody asking. */
export const keepFresh: Bench = {
  name: 'keep-fresh',
  description: 'worker processes that renew the due grants of one store: how many a second, and in how much memory',
  run: ({ full }) =>
    scoped(async (own) => {
      const { bare, due, memory, rounds, warmUp, workers } = full ? FULL : QUICK
      const provider = providerOf(own(await startServer()))
      const places = own(await Places.open())
      const measure = ({ store, ...row }: Row, size: { warmUp?: number; bare: number; early?: boolean }) =>
        places.within(store, async (place) => once(store, row.due, await sharing({ place, provider, ...row, ...size })))
      const setups = SETUPS.filter(({ store }) => places.store(store) !== undefined)
      const rowsOf = (setup: (typeof SETUPS)[number]) => workers.map((processes) => ({ ...setup, processes, due }))
      const perSetup: readonly (readonly Row[])[] = setups.map(rowsOf)
      // Each round's processes are new, and warm up themselves.
      const of = await inTurns(rounds, perSetup.flat(), (row) => measure(row, { warmUp, bare, early: false }))
      const alone: { readonly row: Row; readonly report: SharingReport }[] = []
      for (const count of memory) {
        const row = { store: 'SQLite', undici: true, processes: 1, due: count } as const
        alone.push({ row, report: await measure(row, { bare: 0 }) })
      }
      const [few, many] = alone.map(({ report, row }) => ({ due: row.due, mib: report.lateHeapMiB }))
      return {
        title: 'Keeping grants fresh',
        intro:
          'Processes that run `grants.keepFresh()` share the due grants of one store. Each reserves some, reads, takes the lease, redeems, seals and commits. In the same processes, right before and after, as many loops only redeem refresh tokens with `fetch`. They show what the server, and the cores that it shares with them, can do. The last rows are one worker with many due grants: its memory when all are refreshed and garbage is collected.',
        columns: [
          'store, requests over',
          'workers',
          'due grants',
          'refreshes per second',
          'bare fetch loops, per second',
          'share of that',
          'cores busy',
          'heap',
          'whole memory',
        ],
        rows: [
          ...perSetup.flat().map((row) => [...headOf(row), ...cells(of(row))]),
          ...alone.map(({ report, row }) => [...headOf(row), ...cells([report])]),
        ],
        notes: [
          `Each worker has up to 16 refreshes in flight. The server counted one redemption for each due grant in every run, and no refresh token came twice. The first ${warmUp} refreshes of a run warm up and are not counted.`,
          `${cpus().length} cores are shared by the workers, the server and the store: once all are busy, more workers do not refresh more.`,
        ],
        aims: [
          ...perSetup.map((rows) =>
            growthAim(
              labelOf(rows[0]),
              rows.map((row) => ({ workers: row.processes, perSecond: rateOf(of(row)) })),
            ),
          ),
          ...(few === undefined || many === undefined ? [] : [memoryAim('SQLite', few, many)]),
        ],
      }
    }),
}

const labelOf = (row?: Row): string => `${row?.store}, ${row?.undici === true ? 'undiciTransport' : 'fetch'}`
const headOf = (row: Row): readonly Cell[] => [labelOf(row), row.processes, row.due]

export const providerOf = ({ close, mint, place, stats }: BenchServer): SharingProvider => ({
  server: { issuer: place.issuer, token_endpoint: place.tokenEndpoint },
  clientId: place.clientId,
  clientSecret: place.clientSecret,
  mint: async (count) =>
    (await mint('expired', count)).map(({ accessToken, expiresAt, refreshToken }) => ({
      access_token: accessToken,
      refresh_token: refreshToken,
      // Without its end no grant is due.
      expires_at: expiresAt / 1000,
    })),
  counts: async () => {
    const { redemptions, reuses } = await stats()
    return { redemptions, reused: reuses }
  },
  close,
})

/** @throws Error unless each due grant was redeemed once, by one of the workers */
export function once(store: string, due: number, report: SharingReport): SharingReport {
  const { failed, redemptions, refreshed, reused } = report
  const renewed = refreshed.reduce((sum, each) => sum + each, 0)
  if (redemptions === due && renewed === due && failed === 0 && reused === 0) return report
  throw new Error(
    `Expected ${due} due grants on ${store} to be redeemed once each, got ${redemptions} redemptions, ${renewed} renewed, ${failed} failed, ${reused} reused.`,
  )
}

const rateOf = (reports: readonly SharingReport[]): Spread => spread(reports.map(({ perSecond }) => perSecond))

function cells(reports: readonly SharingReport[]): readonly Cell[] {
  const compared = reports.filter(({ barePerSecond }) => barePerSecond > 0)
  const each = (figure: (report: SharingReport) => number, unit?: string): Cell => cell(reports.map(figure), unit)
  return [
    each(({ perSecond }) => perSecond),
    cell(compared.map(({ barePerSecond }) => barePerSecond)),
    cell(compared.map(({ barePerSecond, perSecond }) => perSecond / barePerSecond)),
    each(({ coresBusy }) => coresBusy * 100, '%'),
    each(({ lateHeapMiB }) => lateHeapMiB, 'MiB'),
    each(({ lateRssMiB }) => lateRssMiB, 'MiB'),
  ]
}

interface Rate {
  readonly workers: number
  readonly perSecond: Spread
}

/** A second worker must get more done; further ones at least as much, where the cores are busy already. */
export function growthAim(store: string, rates: readonly Rate[]): Aim {
  const met = rates.slice(1).every(({ perSecond }, index) => {
    const before = rates[index]?.perSecond.median ?? 0
    return perSecond.median >= before * (index === 0 ? 1 + NOISE : 1 - NOISE)
  })
  return aimOf(
    `${store}: a second worker refreshes more grants a second, and further ones not fewer`,
    rates.map(({ perSecond, workers }) => `${cellText(perSecond)} with ${workers}`).join(', '),
    met,
    'The cores are the limit: the workers share them with the server and the store, as the column of busy cores shows.',
  )
}

interface Heap {
  readonly due: number
  readonly mib: number
}

/** Memory does not grow with the number of due grants. */
export function memoryAim(store: string, few: Heap, many: Heap): Aim {
  return aimOf(
    `${store}: a worker's heap is flat from ${numberText(few.due)} to ${numberText(many.due)} due grants: within ${FLAT.times} times and ${FLAT.moreMiB} MiB`,
    `${numberText(few.mib)} and ${numberText(many.mib)} MiB`,
    many.mib <= few.mib * FLAT.times && many.mib <= few.mib + FLAT.moreMiB,
  )
}
