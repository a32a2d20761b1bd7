import { join } from 'node:path'

import type { ContestantName } from '../calls/index.ts'
import { diskFolder } from '../harness/disk.ts'
import { interleave } from '../harness/interleave.ts'
import { cellText } from '../harness/markdown.ts'
import type { Comparison } from '../harness/slots.ts'
import { spread, type Spread } from '../harness/stats.ts'
import { runTask } from '../harness/task.ts'
import type { Aim, Bench, Cell } from '../harness/table.ts'
import { DEFAULT_BEHAVIOUR } from '../server/protocol.ts'
import { startServer } from '../server/start-server.ts'
import type { RefreshAnswer, task } from '../tasks/refresh-task.ts'
import { placeOf } from './log-in.ts'

const CONCURRENCIES = [1, 64] as const
const BASE = 'bare-fetch' satisfies ContestantName
const MEMORY = 'evergrant-memory' satisfies ContestantName
const SQLITE = 'evergrant-sqlite' satisfies ContestantName

interface Entry {
  readonly contestant: ContestantName
  readonly label: string
  /** The least ratio it must reach with 64 in flight. */
  readonly atLeast?: number
}

const ENTRIES: readonly Entry[] = [
  { contestant: BASE, label: 'fetch (control)' },
  { contestant: MEMORY, label: 'Evergrant: Grants in memory, sealed', atLeast: 0.7 },
  { contestant: SQLITE, label: 'Evergrant: Grants on SQLite, sealed and durable', atLeast: 0.55 },
  {
    contestant: 'evergrant-memory-undici',
    label: 'Evergrant: Grants in memory, sealed, undiciTransport',
    atLeast: 1.5,
  },
  {
    contestant: 'evergrant-sqlite-undici',
    label: 'Evergrant: Grants on SQLite, sealed and durable, undiciTransport',
    atLeast: 0.85,
  },
  { contestant: 'oauth4webapi', label: 'oauth4webapi: refreshTokenGrantRequest' },
  { contestant: 'openid-client', label: 'openid-client: refreshTokenGrant' },
  { contestant: 'badgateway', label: '@badgateway/oauth2-client: refreshToken' },
  { contestant: 'google-auth-library', label: 'google-auth-library: getAccessToken' },
  { contestant: 'simple-oauth2', label: 'simple-oauth2: refresh' },
  { contestant: 'bare-undici', label: 'undici.request (no OAuth, for reference)' },
]

/** What it costs to redeem a refresh token, and with Evergrant also to keep the new one. */
export const refresh: Bench = {
  name: 'refresh',
  description: 'refreshes of distinct grants, store and seal included, next to a bare token request with fetch',
  run: async ({ full }) => {
    const sizes = CONCURRENCIES.map((concurrency) => ({
      concurrency,
      calls: concurrency === 1 ? (full ? 100 : 50) : full ? 384 : 256,
      pairs: full ? (concurrency === 1 ? 3 : 2) : 1,
      warmUpMs: full ? 1_500 : 0,
    }))
    const server = await startServer()
    const folder = await diskFolder()
    try {
      const results = await interleave<RefreshAnswer>(
        full ? 5 : 1,
        ENTRIES.map(({ contestant, label }) => ({
          name: label,
          run: async (round) => {
            // Each round's processes are new, and warm up themselves.
            if (round < 0) return { comparisons: [], commits: undefined }
            return runTask<typeof task>(new URL('../tasks/refresh-task.ts', import.meta.url), {
              base: BASE,
              own: contestant,
              server: placeOf(server),
              ageS: DEFAULT_BEHAVIOUR.lifetimeS + 60,
              file: join(folder.path, `${contestant}-${round}.db`),
              sizes,
              commits: contestant === SQLITE ? (full ? 500 : 100) : 0,
            })
          },
        })),
      )
      const { reuses } = await server.stats()
      if (reuses > 0) throw new Error(`Expected no refresh token to come twice, got ${reuses}.`)
      const of = (label: string): readonly RefreshAnswer[] => results.get(label) ?? []
      return {
        name: 'refresh',
        title: 'A refresh',
        intro:
          'Each call redeems the refresh token of another grant, 1 and 64 at a time. Evergrant reads each grant from its store, unseals it, takes its lease, redeems, seals and commits. The others only redeem. Ratios are refreshes per second, divided by those of a bare `fetch` that POSTs the same form and parses the response, in the same process. CPU is that of the whole process, for one refresh.',
        columns: ['contestant', ...CONCURRENCIES.flatMap((n) => [`CPU, ${n} at a time`, 'ratio', 'per second'])],
        rows: [
          ...ENTRIES.map(({ label }) => [label, ...cells(of(label))]),
          ['one row made durable alone (SQLite, for reference)', ...commitCells(of(labelOf(SQLITE))), '', '', ''],
        ],
        notes: [
          'Each contestant has processes of its own, one for each round, in which slots of its refreshes and of bare ones take turns. Minting and storing the grants is not measured. The server redeemed exactly one refresh token for each call.',
          fsyncNote(of(labelOf(MEMORY)), of(labelOf(SQLITE))),
          'With 64 in flight the commits of one turn of the event loop share one transaction, and so one wait for the disk.',
        ],
        aims: ENTRIES.flatMap((entry) => refreshAims(entry, ratiosAt(of(entry.label), 1))),
      }
    } finally {
      await server.close()
      await folder.remove()
    }
  },
}

const labelOf = (contestant: ContestantName): string =>
  ENTRIES.find((entry) => entry.contestant === contestant)?.label ?? contestant

type Figure = (comparison: Comparison) => number

function at(answers: readonly RefreshAnswer[], index: number, figure: Figure): Spread {
  return spread(answers.flatMap(({ comparisons }) => comparisons.slice(index, index + 1).map(figure)))
}

const ratiosAt = (answers: readonly RefreshAnswer[], index: number): Spread => at(answers, index, ({ ratio }) => ratio)

function cells(answers: readonly RefreshAnswer[]): readonly Cell[] {
  return CONCURRENCIES.flatMap((_, index): Cell[] => [
    { ...at(answers, index, ({ cpuUs }) => cpuUs), unit: 'µs' },
    ratiosAt(answers, index),
    at(answers, index, ({ perSecond }) => perSecond),
  ])
}

function commitCells(answers: readonly RefreshAnswer[]): readonly Cell[] {
  const slots = answers.flatMap(({ commits = [] }) => commits)
  return [
    { ...spread(slots.map(({ calls, cpuUs }) => cpuUs / calls)), unit: 'µs' },
    '',
    spread(slots.map(({ calls, wallMs }) => (calls * 1000) / wallMs)),
  ]
}

/** One at a time, what SQLite takes beyond memory beside what the disk takes for one commit. */
function fsyncNote(memory: readonly RefreshAnswer[], sqlite: readonly RefreshAnswer[]): string {
  const wallUs = (answers: readonly RefreshAnswer[]): number =>
    1e6 / at(answers, 0, ({ perSecond }) => perSecond).median
  const slots = sqlite.flatMap(({ commits = [] }) => commits)
  const commitUs = spread(slots.map(({ calls, wallMs }) => (wallMs * 1000) / calls)).median
  return `One at a time, a refresh on SQLite takes ${(wallUs(sqlite) - wallUs(memory)).toFixed(0)} µs more than one in memory. For comparison, ${commitUs.toFixed(0)} µs is what this disk needs to make one row durable (fsync), measured in the same processes.`
}

const BOUND =
  'By `node --cpu-prof`, no single part dominates. About a third of the processor time is the order of the protocol (reading, lease, preparing, checking, commit). A fifth is sealing, unsealing and hashing, a fifth HTTP, a seventh garbage collection. On SQLite another fifth is its statements. A bare request does only the HTTP.'

/** What a contestant must reach with 64 in flight. */
export function refreshAims(
  { atLeast, label }: { readonly label: string; readonly atLeast?: number },
  ratio: Spread,
): readonly Aim[] {
  if (atLeast === undefined) return []
  return [
    {
      aim: `${label}: with 64 in flight at least ${atLeast} of the bare fetch`,
      measured: cellText(ratio),
      met: ratio.median >= atLeast,
      ...(ratio.median < atLeast && { why: BOUND }),
    },
  ]
}
