import { cpus } from 'node:os'

import { sharing, type SharingReport } from '../../../test/processes/sharing.ts'
import type { SharingProvider } from '../../../test/processes/sharing-provider.ts'
import { interleave } from '../harness/interleave.ts'
import { cellText, numberText } from '../harness/markdown.ts'
import { spread, type Spread } from '../harness/stats.ts'
import type { Aim, Bench, Cell } from '../harness/table.ts'
import type { StoreKind } from '../rivals/open-store.ts'
import { startServer, type BenchServer } from '../server/start-server.ts'
import { Places } from './places.ts'
import { withProofPlace } from './proof-places.ts'

const STORES = ['SQLite', 'PostgreSQL', 'Redis'] as const satisfies readonly StoreKind[]

/** A row's workers: their store, and what their token requests go over. */
interface Setup {
  readonly store: StoreKind
  readonly undici: boolean
}

/** Over undici as a worker with many grants is told to; over fetch for comparison. */
const SETUPS: readonly Setup[] = [
  ...STORES.map((store) => ({ store, undici: true })),
  { store: 'SQLite', undici: false },
]

/** Where memory is measured, in a few minutes each: the worker is the same on all. */
const MEMORY_ON = ['SQLite'] as const satisfies readonly StoreKind[]

/** So much more than with few due grants is still flat. */
const FLAT = { times: 1.3, moreMiB: 20 } as const
/** What counts as growth, or as no loss: less is noise. */
const NOISE = 0.1

interface Size {
  readonly rounds: number
  readonly workers: readonly number[]
  readonly due: number
  readonly warmUp: number
  readonly bare: number
  /** Due grants of the two runs whose memory is compared. */
  readonly memory: readonly [few: number, many: number]
}

const QUICK: Size = {
  rounds: 1,
  workers: [1, 2],
  due: 300,
  warmUp: 100,
  bare: 200,
  memory: [500, 2_000],
}
const FULL: Size = {
  rounds: 5,
  workers: [1, 2, 4],
  due: 2_000,
  warmUp: 500,
  bare: 1_500,
  memory: [10_000, 100_000],
}

/** Workers that renew due grants without anybody asking. */
export const keepFresh: Bench = {
  name: 'keep-fresh',
  description: 'worker processes that renew the due grants of one store: how many a second, and in how much memory',
  run: async ({ full }) => {
    const { bare, due, memory, rounds, warmUp, workers } = full ? FULL : QUICK
    const server = await startServer()
    const places = await Places.open()
    const provider = providerOf(server)
    const measure = (store: StoreKind, size: Omit<Parameters<typeof sharing>[0], 'place' | 'provider'>) =>
      withProofPlace(places, store, async (place) => once(store, size.due, await sharing({ place, provider, ...size })))
    try {
      const setups = SETUPS.filter(({ store }) => places.store(store) !== undefined)
      const results = await interleave(
        rounds,
        setups.flatMap((setup) =>
          workers.map((processes) => ({
            name: keyOf(setup, processes),
            run: async (round): Promise<readonly SharingReport[]> => {
              // Each round's processes are new, and warm up themselves.
              if (round < 0) return []
              const { store, undici } = setup
              return [await measure(store, { processes, due, warmUp, bare, early: false, undici })]
            },
          })),
        ),
      )
      const of = (setup: Setup, processes: number): readonly SharingReport[] =>
        (results.get(keyOf(setup, processes)) ?? []).flat()

      const alone: { readonly store: StoreKind; readonly due: number; readonly report: SharingReport }[] = []
      for (const store of MEMORY_ON.filter((each) => places.store(each) !== undefined)) {
        for (const count of memory) {
          alone.push({
            store,
            due: count,
            report: await measure(store, { processes: 1, due: count, bare: 0, undici: true }),
          })
        }
      }
      return {
        name: 'keep-fresh',
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
          ...setups.flatMap((setup) =>
            workers.map((processes) => [labelOf(setup), processes, due, ...cells(of(setup, processes))]),
          ),
          ...alone.map(({ due: count, report, store }) => [
            labelOf({ store, undici: true }),
            1,
            count,
            ...cells([report]),
          ]),
        ],
        notes: [
          `Each worker has up to 16 refreshes in flight. The server counted one redemption for each due grant in every run, and no refresh token came twice. The first ${warmUp} refreshes of a run warm up and are not counted.`,
          `${cpus().length} cores are shared by the workers, the server and the store: once all are busy, more workers do not refresh more.`,
        ],
        aims: [
          ...setups.map((setup) =>
            growthAim(
              labelOf(setup),
              workers.map((processes) => ({ workers: processes, perSecond: rateOf(of(setup, processes)) })),
            ),
          ),
          ...MEMORY_ON.flatMap((store) => {
            const [few, many] = alone.filter((each) => each.store === store)
            return few === undefined || many === undefined ? [] : [memoryAim(store, heapOf(few), heapOf(many))]
          }),
        ],
      }
    } finally {
      await places.close()
      await server.close()
    }
  },
}

const labelOf = ({ store, undici }: Setup): string => `${store}, ${undici ? 'undiciTransport' : 'fetch'}`

const keyOf = (setup: Setup, processes: number): string => `${labelOf(setup)} ${processes}`

const providerOf = (server: BenchServer): SharingProvider => ({
  server: { issuer: server.issuer, token_endpoint: server.tokenEndpoint },
  clientId: server.clientId,
  clientSecret: server.clientSecret,
  mint: (count) => server.mintSpent(count),
  counts: async () => {
    const { redemptions, reuses } = await server.stats()
    return { redemptions, reused: reuses }
  },
  close: () => server.close(),
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

const heapOf = ({ due, report }: { readonly due: number; readonly report: SharingReport }): Heap => ({
  due,
  mib: report.lateHeapMiB,
})

function cells(reports: readonly SharingReport[]): readonly Cell[] {
  const compared = reports.filter(({ barePerSecond }) => barePerSecond > 0)
  return [
    rateOf(reports),
    compared.length === 0 ? '–' : spread(compared.map(({ barePerSecond }) => barePerSecond)),
    compared.length === 0 ? '–' : spread(compared.map(({ barePerSecond, perSecond }) => perSecond / barePerSecond)),
    { ...spread(reports.map(({ coresBusy }) => coresBusy * 100)), unit: '%' },
    { ...spread(reports.map(({ lateHeapMiB }) => lateHeapMiB)), unit: 'MiB' },
    { ...spread(reports.map(({ lateRssMiB }) => lateRssMiB)), unit: 'MiB' },
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
  return {
    aim: `${store}: a second worker refreshes more grants a second, and further ones not fewer`,
    measured: rates.map(({ perSecond, workers }) => `${cellText(perSecond)} with ${workers}`).join(', '),
    met,
    ...(!met && {
      why: 'The cores are the limit: the workers share them with the server and the store, as the column of busy cores shows.',
    }),
  }
}

interface Heap {
  readonly due: number
  readonly mib: number
}

/** Memory does not grow with the number of due grants. */
export function memoryAim(store: string, few: Heap, many: Heap): Aim {
  return {
    aim: `${store}: a worker's heap is flat from ${numberText(few.due)} to ${numberText(many.due)} due grants: within ${FLAT.times} times and ${FLAT.moreMiB} MiB`,
    measured: `${numberText(few.mib)} and ${numberText(many.mib)} MiB`,
    met: many.mib <= few.mib * FLAT.times && many.mib <= few.mib + FLAT.moreMiB,
  }
}
