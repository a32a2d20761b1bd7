import { join } from 'node:path'

import { diskFolder } from '../harness/disk.ts'
import { inTurns } from '../harness/interleave.ts'
import { cellText } from '../harness/markdown.ts'
import { scoped } from '../harness/scoped.ts'
import { at, cpuOf } from '../harness/slots.ts'
import { spread, type Spread } from '../harness/stats.ts'
import { aimOf, cell, type Aim, type Bench } from '../harness/table.ts'
import { labelled, type LibraryName } from '../libraries/index.ts'
import { DEFAULT_BEHAVIOUR } from '../server/protocol.ts'
import { startServer } from '../server/start-server.ts'
import type { RefreshAnswer, RefreshOrder, task } from '../tasks/refresh-task.ts'
import { runTask } from '../workers/worker-process.ts'

const MODULE = new URL('../tasks/refresh-task.ts', import.meta.url)
const AGE_S = DEFAULT_BEHAVIOUR.lifetimeS + 60
const CONCURRENCIES = [1, 64] as const
const BASE = 'bare-fetch'

/** The least ratio that a contestant must reach with 64 in flight. */
const LEAST: Partial<Record<LibraryName, number>> = {
  'evergrant-memory': 0.7,
  'evergrant-sqlite': 0.55,
  'evergrant-memory-undici': 1.5,
  'evergrant-sqlite-undici': 0.85,
}

/** Each contestant in processes of its own, one for each round; no refresh token may come twice. */
function measure(
  names: readonly LibraryName[],
  rounds: number,
  delayMs: number | readonly [number, number],
  orderOf: (name: LibraryName) => Omit<RefreshOrder, 'own' | 'server' | 'ageS' | 'file'>,
): Promise<(name: LibraryName) => readonly RefreshAnswer[]> {
  return scoped(async (own) => {
    const server = own(await startServer({ delayMs }))
    const folder = own(await diskFolder())
    const of = await inTurns(rounds, names, (name, round) => {
      const file = join(folder.path, `${name}-${round}.db`)
      return runTask<typeof task>(MODULE, { ...orderOf(name), own: name, server: server.place, ageS: AGE_S, file })
    })
    const { reuses } = await server.stats()
    if (reuses > 0) throw new Error(`Expected no refresh token to come twice, got ${reuses}.`)
    return of
  })
}

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
    const entries = labelled('refresh')
    const names = entries.map(({ name }) => name)
    const of = await measure(names, full ? 5 : 1, 0, (name) => ({
      base: BASE,
      sizes,
      commits: name === 'evergrant-sqlite' ? (full ? 500 : 100) : 0,
    }))
    const commits = of('evergrant-sqlite').flatMap(({ commits = [] }) => commits)
    return {
      title: 'A refresh',
      intro:
        'Each call redeems the refresh token of another grant, 1 and 64 at a time. Evergrant reads each grant from its store, unseals it, takes its lease, redeems, seals and commits. The others only redeem. Ratios are refreshes per second, divided by those of a bare `fetch` that POSTs the same form and parses the response, in the same process. CPU is that of the whole process, for one refresh.',
      columns: ['contestant', ...CONCURRENCIES.flatMap((n) => [`CPU, ${n} at a time`, 'ratio', 'per second'])],
      rows: [
        ...entries.map(({ label, name }) => [
          label,
          ...CONCURRENCIES.flatMap((_, index) => [
            cell(at(of(name), index, 'cpuUs'), 'µs'),
            at(of(name), index, 'ratio'),
            at(of(name), index, 'perSecond'),
          ]),
        ]),
        [
          'one row made durable alone (SQLite, for reference)',
          cell(commits.map(cpuOf), 'µs'),
          '',
          cell(commits.map(({ calls, wallMs }) => (calls * 1000) / wallMs)),
          '',
          '',
          '',
        ],
      ],
      notes: [
        'Each contestant has processes of its own, one for each round, in which slots of its refreshes and of bare ones take turns. Minting and storing the grants is not measured. The server redeemed exactly one refresh token for each call.',
        fsyncNote(of('evergrant-memory'), of('evergrant-sqlite')),
        'With 64 in flight the commits of one turn of the event loop share one transaction, and so one wait for the disk.',
        'On loopback, 64 in flight measures how requests bunch, not the code: CPU under a network is in the next table.',
      ],
      aims: entries.flatMap(({ label, name }) => refreshAims(label, LEAST[name], at(of(name), 1, 'ratio'))),
    }
  },
}

/** One at a time, what SQLite takes beyond memory beside what the disk takes for one commit. */
function fsyncNote(memory: readonly RefreshAnswer[], sqlite: readonly RefreshAnswer[]): string {
  const wallUs = (answers: readonly RefreshAnswer[]): number => 1e6 / at(answers, 0, 'perSecond').median
  const slots = sqlite.flatMap(({ commits = [] }) => commits)
  const commitUs = spread(slots.map(({ calls, wallMs }) => (wallMs * 1000) / calls)).median
  return `One at a time, a refresh on SQLite takes ${(wallUs(sqlite) - wallUs(memory)).toFixed(0)} µs more than one in memory. For comparison, ${commitUs.toFixed(0)} µs is what this disk needs to make one row durable (fsync), measured in the same processes.`
}

const BOUND =
  'By `node --cpu-prof`, no single part dominates. About a third of the processor time is the order of the protocol (reading, lease, preparing, checking, commit). A fifth is sealing, unsealing and hashing, a fifth HTTP, a seventh garbage collection. On SQLite another fifth is its statements. A bare request does only the HTTP.'

/** What a contestant must reach with 64 in flight. */
export function refreshAims(label: string, atLeast: number | undefined, ratio: Spread): readonly Aim[] {
  if (atLeast === undefined) return []
  const aim = `${label}: with 64 in flight at least ${atLeast} of the bare fetch`
  return [aimOf(aim, cellText(ratio), ratio.median >= atLeast, BOUND)]
}

/** Responses take between 5 and 25 ms. */
const SPREAD_MS = [5, 25] as const
const IN_FLIGHT = 16

/** What is measured beside which bare request, and the most CPU that it may add. */
const OVER_NETWORK: Partial<Record<LibraryName, { readonly base: LibraryName; readonly mostUs?: number }>> = {
  'bare-fetch': { base: 'bare-fetch' },
  'evergrant-memory': { base: 'bare-fetch', mostUs: 200 },
  'evergrant-sqlite': { base: 'bare-fetch', mostUs: 350 },
  'bare-undici': { base: 'bare-undici' },
  'evergrant-memory-undici': { base: 'bare-undici', mostUs: 200 },
  'evergrant-sqlite-undici': { base: 'bare-undici', mostUs: 350 },
}

/** What a refresh costs where responses do not come in bunches. */
export const refreshNetwork: Bench = {
  name: 'refresh-network',
  description: 'CPU of a refresh, warm and cold, with responses spread over 5 to 25 ms as by a network',
  run: async ({ full }) => {
    const { calls, cold, pairs, rounds, warmUp } = full
      ? { calls: 256, cold: 200, pairs: 5, rounds: 3, warmUp: 5_000 }
      : { calls: 160, cold: 200, pairs: 2, rounds: 1, warmUp: 500 }
    const entries = labelled('refresh').filter(({ name }) => OVER_NETWORK[name] !== undefined)
    const baseOf = (name: LibraryName): LibraryName => OVER_NETWORK[name]?.base ?? BASE
    const of = await measure(
      entries.map(({ name }) => name),
      rounds,
      SPREAD_MS,
      (name) => ({
        base: baseOf(name),
        sizes: [{ concurrency: IN_FLIGHT, calls, pairs }],
        before: {
          cold: { calls: cold, concurrency: IN_FLIGHT },
          warmUp: { calls: warmUp, concurrency: 4 * IN_FLIGHT },
        },
      }),
    )
    const coldOf = (name: LibraryName): readonly number[] => of(name).flatMap(({ cold }) => (cold ? cpuOf(cold) : []))
    return {
      title: 'A refresh over a network',
      intro: `The same refreshes, ${IN_FLIGHT} in flight, with responses that take 5 to 25 ms, evenly spread. CPU is that of the whole process for one refresh; "added" is what it takes above the bare request of its transport, \`fetch\` or \`undici.request\`. Cold: the first ${cold} refreshes of a process. Warm: after ${warmUp.toLocaleString('en')} refreshes.`,
      columns: ['contestant', 'CPU, warm', 'added, warm', 'CPU, cold', 'added, cold', 'per second, warm'],
      rows: entries.map(({ label, name }) => {
        const bare = spread(coldOf(baseOf(name))).median
        return [
          label,
          cell(at(of(name), 0, 'cpuUs'), 'µs'),
          cell(at(of(name), 0, 'addedCpuUs'), 'µs'),
          cell(coldOf(name), 'µs'),
          cell(
            coldOf(name).map((us) => us - bare),
            'µs',
          ),
          at(of(name), 0, 'perSecond'),
        ]
      }),
      notes: [
        'Warm figures compare slots of both in one process, in turns. Cold ones compare processes, of which each row has one for each round.',
        'Each refresh is the first one of its grant in the process: it reads the grant from its store and derives its key.',
        'The process waits most of the time, so each response wakes it: a bare request costs more CPU here than in a loop that is always busy.',
      ],
      aims: entries.flatMap(({ label, name }) =>
        networkAims(label, OVER_NETWORK[name]?.mostUs, at(of(name), 0, 'addedCpuUs'), at(of(name), 0, 'baseCpuUs')),
      ),
    }
  },
}

const ADDED =
  'By `node --cpu-prof`, two fifths of what is added in memory are the order of the protocol with its clocks and timers. A quarter is sealing, opening and hashing, a quarter making and reading the token request. SQLite adds its statements.'

/** What a refresh may take above the bare request. */
export function networkAims(label: string, mostUs: number | undefined, added: Spread, bare: Spread): readonly Aim[] {
  if (mostUs === undefined) return []
  const aim = `${label}: warm, at most ${mostUs} µs of CPU above the bare request`
  return [aimOf(aim, `${cellText(added)} µs above ${cellText(bare)} µs`, added.median <= mostUs, ADDED)]
}
