import { interleave } from '../harness/interleave.ts'
import { spread } from '../harness/stats.ts'
import type { Aim, Bench, Cell } from '../harness/table.ts'
import { LIBRARIES, RIVALS, type RivalName } from '../rivals/index.ts'
import type { Keeping } from '../rivals/keeping.ts'
import type { StoreKind } from '../rivals/open-store.ts'
import { startServer } from '../server/start-server.ts'
import { programOf } from '../workers/programs.ts'
import { Crew } from './crew.ts'
import { expiryCycles, type Cycle } from './expiry-cycles.ts'
import { Places } from './places.ts'

const DELAY_MS = 20
const CALLERS = 25
/** The second shows what became of a grant in the first; more of them would show nothing else. */
const CYCLES = 2
/** No event loop may stand still for longer. */
const BLOCKED_MS = 50

const STORES = ['SQLite', 'PostgreSQL', 'Redis'] as const satisfies readonly StoreKind[]

/** The machine has fewer cores than the table has processes. */
const WAITING = 'A process that waits for a core is blocked as well.'

/** The others keep their token in a JSON file that is replaced as a whole, as far as their hooks allow. */
const ON_FILES = ['locked-by-hand', ...LIBRARIES] as const satisfies readonly RivalName[]

interface Entry {
  readonly rival: RivalName
  readonly label: string
  readonly processes: number
  readonly callers: number
  readonly store?: StoreKind
}

/** Everything that was measured of one entry: its rounds, each of some cycles. */
export type Rounds = readonly (readonly Cycle[])[]

const CONTROL: Entry = { rival: 'bare-fetch', label: 'one bare token request (control)', processes: 1, callers: 1 }

const entriesOf = (processes: number): readonly Entry[] => [
  ...STORES.map((store) => ({
    rival: 'evergrant-grants' as const,
    label: `Evergrant on ${store}`,
    processes,
    callers: CALLERS,
    store,
  })),
  ...ON_FILES.map((rival) => ({
    rival,
    label: `${RIVALS[rival].name}: ${RIVALS[rival].how}`,
    processes,
    callers: CALLERS,
  })),
]

const keyOf = ({ label, processes }: Entry): string => `${processes} ${label}`

/** Several processes share one grant whose token ends again and again. */
export const stormProcesses: Bench = {
  name: 'storm-processes',
  description: 'several processes that share one grant, whenever its token expires',
  run: async ({ full }) => {
    const sizes = full ? [4, 8] : [4]
    const entries = [CONTROL, ...sizes.flatMap(entriesOf)]
    const server = await startServer({ delayMs: DELAY_MS })
    const places = await Places.open()
    const crew = new Crew()
    const keepingOf = ({ rival, store }: Entry): Keeping | undefined => {
      if (store !== undefined) return places.store(store)
      return programOf(rival) === undefined ? undefined : places.file()
    }
    try {
      const results = await interleave<readonly Cycle[]>(
        full ? 5 : 1,
        entries
          .filter((entry) => keepingOf(entry) !== undefined)
          .map((entry) => ({
            name: keyOf(entry),
            run: (round) => {
              const { callers, processes, rival } = entry
              const keeping = keepingOf(entry)
              if (keeping === undefined) throw new Error(`Expected ${entry.label} to be installed.`)
              const workers = crew.of(rival, processes)
              return expiryCycles(server, { rival, keeping, workers, callers, cycles: round < 0 ? 1 : CYCLES })
            },
          })),
      )
      const roundsOf = (entry: Entry): Rounds => results.get(keyOf(entry)) ?? []
      return {
        name: 'storm-processes',
        title: 'A storm in several processes',
        intro: `Several processes, each with ${CALLERS} callers, share one stored grant. Each time its token expires, all callers ask at once. The server rotates refresh tokens and ends a grant whose refresh token comes twice. Its token endpoint responds after ${DELAY_MS} ms.`,
        columns: [
          'contestant',
          'processes',
          'token requests, by expiry',
          'failed callers, by expiry',
          'grant revoked',
          'wall time',
          'longest blocked event loop',
        ],
        rows: entries.map((entry) => row(entry, roundsOf(entry))),
        notes: [
          'Evergrant has its own stores. better-auth keeps accounts in its own SQLite file. The others keep their token in a JSON file that is replaced as a whole, as far as their hooks allow.',
          'All processes are running and have loaded what they use before the measurement starts.',
          'If the grant has ended, the wall time is that of failing.',
        ],
        aims: sizes.flatMap((processes) => {
          const all = entriesOf(processes)
          const locked = all.find(({ rival }) => rival === 'locked-by-hand')
          return all.flatMap((entry) =>
            entry.store === undefined || locked === undefined || roundsOf(entry).length === 0
              ? []
              : aims(`${entry.store}, ${processes} processes`, roundsOf(entry), roundsOf(locked)),
          )
        }),
      }
    } finally {
      await crew.close()
      await places.close()
      await server.close()
    }
  },
}

function row(entry: Entry, rounds: Rounds): readonly Cell[] {
  const head = [entry.label, entry.processes]
  if (rounds.length === 0) return [...head, 'not installed', '', '', '', '']
  const blocked = longestStill(rounds)
  return [
    ...head,
    byExpiry(rounds, ({ requests }) => requests),
    byExpiry(rounds, ({ failed }) => failed),
    rounds.flat().some(({ revoked }) => revoked) ? 'yes' : 'no',
    { ...spread(rounds.flat().map(({ wallMs }) => wallMs)), unit: 'ms' },
    blocked === undefined ? '–' : `${blocked.toFixed(0)} ms`,
  ]
}

function longestStill(rounds: Rounds): number | undefined {
  const all = rounds.flat().flatMap(({ blockedMs }) => blockedMs ?? [])
  return all.length === 0 ? undefined : Math.max(...all)
}

/** For each expiry what all rounds agree on, or the least and the most. */
export function byExpiry(rounds: Rounds, countOf: (cycle: Cycle) => number): string {
  const [first = []] = rounds
  return first
    .map((_, index) => {
      const counts = rounds.flatMap((cycles) => cycles.slice(index, index + 1).map(countOf))
      const least = Math.min(...counts)
      const most = Math.max(...counts)
      return least === most ? `${least}` : `${least}–${most}`
    })
    .join(' / ')
}

/** What Evergrant must reach on one store, beside what is best written by hand. */
export function aims(where: string, rounds: Rounds, byHand: Rounds): readonly Aim[] {
  const medianOf = (measured: Rounds): number => spread(measured.flat().map(({ wallMs }) => wallMs)).median
  const requests = Math.max(...rounds.flat().map((cycle) => cycle.requests))
  const failed = Math.max(...rounds.flat().map((cycle) => cycle.failed))
  const blocked = longestStill(rounds) ?? 0
  const wall = medianOf(rounds)
  const other = medianOf(byHand)
  return [
    {
      aim: `${where}: one token request for each expiry, no caller fails`,
      measured: `${requests} token requests, ${failed} failed callers, at most`,
      met: rounds.flat().every((cycle) => cycle.requests === 1 && cycle.failed === 0),
    },
    {
      aim: `${where}: wall time at most 1.5 times the lock by hand`,
      measured: `${wall.toFixed(0)} ms against ${other.toFixed(0)} ms: ${(wall / other).toFixed(2)} times`,
      met: wall <= 1.5 * other,
    },
    {
      aim: `${where}: no event loop is blocked for more than ${BLOCKED_MS} ms`,
      measured: `${blocked.toFixed(0)} ms at most`,
      met: blocked <= BLOCKED_MS,
      ...(blocked > BLOCKED_MS && { why: WAITING }),
    },
  ]
}
