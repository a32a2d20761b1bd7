import { inTurns } from '../harness/interleave.ts'
import { scoped } from '../harness/scoped.ts'
import { spread } from '../harness/stats.ts'
import { aimOf, cell, notInstalled, type Aim, type Bench, type Cell } from '../harness/table.ts'
import { RIVALS, usage, type LibraryName } from '../libraries/index.ts'
import type { Keeping, StoreKind } from '../libraries/keep.ts'
import { startServer } from '../server/start-server.ts'
import { programOf } from '../workers/worker-process.ts'
import { Places } from './places.ts'
import { Crew, sharedAim, wallOf, type Storm } from './storms.ts'

const DELAY_MS = 20
const CALLERS = 25
/** The second shows what became of a grant in the first; more of them would show nothing else. */
const EXPIRIES = 2
/** No event loop may stand still for longer. */
const BLOCKED_MS = 50

const STORES = ['SQLite', 'PostgreSQL', 'Redis'] as const satisfies readonly StoreKind[]

/** The machine has fewer cores than the table has processes. */
const WAITING = 'A process that waits for a core is blocked as well.'

interface Entry {
  readonly library: LibraryName
  readonly label: string
  readonly processes: number
  readonly callers: number
  readonly store?: StoreKind
}

/** Everything that was measured of one entry: its rounds, each of some expiries. */
export type Rounds = readonly (readonly Storm[])[]

const CONTROL: Entry = {
  library: 'bare-fetch',
  label: 'one bare token request (control)',
  processes: 1,
  callers: 1,
}

function entriesOf(processes: number): readonly Entry[] {
  const size = { processes, callers: CALLERS }
  return [
    ...STORES.map(
      (store) => ({ library: 'evergrant-grants', label: `Evergrant on ${store}`, store, ...size }) as const,
    ),
    // These keep their token in a JSON file that is replaced as a whole, as far as their hooks allow.
    ...(['locked-by-hand', ...RIVALS] as const).map((library) => ({ library, label: usage(library), ...size })),
  ]
}

/** Several processes share one grant whose token ends again and again. */
export const stormProcesses: Bench = {
  name: 'storm-processes',
  description: 'several processes that share one grant, whenever its token expires',
  run: ({ full }) =>
    scoped(async (own) => {
      const sizes = (full ? [4, 8] : [4]).map(entriesOf)
      const entries = [CONTROL, ...sizes.flat()]
      const server = own(await startServer({ delayMs: DELAY_MS }))
      const places = own(await Places.open())
      const crew = own(new Crew(server, { own: false }))
      const keepingOf = ({ library, store }: Entry): Keeping | undefined => {
        if (store !== undefined) return places.store(store)
        return programOf(library) === undefined ? undefined : places.file()
      }
      const run = (entry: Entry, expiries: number): Promise<readonly Storm[]> => {
        const keeping = keepingOf(entry)
        if (keeping === undefined) throw new Error(`Expected ${entry.label} to be installed.`)
        return crew.storms({ ...entry, keeping, age: 'expired', expiries })
      }
      const of: (entry: Entry) => Rounds = await inTurns(
        full ? 5 : 1,
        entries.filter((entry) => keepingOf(entry) !== undefined),
        (entry) => run(entry, EXPIRIES),
        (entry) => run(entry, 1),
      )
      return {
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
        rows: entries.map((entry) => [entry.label, entry.processes, ...cells(of(entry))]),
        notes: [
          'Evergrant has its own stores. better-auth keeps accounts in its own SQLite file. The others keep their token in a JSON file that is replaced as a whole, as far as their hooks allow.',
          'All processes are running and have loaded what they use before the measurement starts.',
          'If the grant has ended, the wall time is that of failing.',
        ],
        aims: sizes.flatMap((all) => {
          const locked = all.flatMap((entry) => (entry.library === 'locked-by-hand' ? of(entry) : []))
          return all
            .filter((entry) => entry.store !== undefined && of(entry).length > 0)
            .flatMap((entry) => processAims(`${entry.store}, ${entry.processes} processes`, of(entry), locked))
        }),
      }
    }),
}

function cells(rounds: Rounds): readonly Cell[] {
  if (rounds.length === 0) return notInstalled(5)
  const blocked = longestStill(rounds)
  return [
    byExpiry(rounds, ({ requests }) => requests),
    byExpiry(rounds, ({ failed }) => failed),
    rounds.flat().some(({ revoked }) => revoked) ? 'yes' : 'no',
    cell(wallOf(rounds.flat()), 'ms'),
    blocked === undefined ? '–' : `${blocked.toFixed(0)} ms`,
  ]
}

function longestStill(rounds: Rounds): number | undefined {
  const all = rounds.flat().flatMap(({ blockedMs }) => blockedMs ?? [])
  return all.length === 0 ? undefined : Math.max(...all)
}

/** For each expiry what all rounds agree on, or the least and the most. */
export function byExpiry(rounds: Rounds, countOf: (storm: Storm) => number): string {
  const [first = []] = rounds
  return first
    .map((_, index) => {
      const counts = rounds.flatMap((storms) => storms.slice(index, index + 1).map(countOf))
      const least = Math.min(...counts)
      const most = Math.max(...counts)
      return least === most ? `${least}` : `${least}–${most}`
    })
    .join(' / ')
}

/** What Evergrant must reach on one store, beside what is best written by hand. */
export function processAims(where: string, rounds: Rounds, byHand: Rounds): readonly Aim[] {
  const medianOf = (measured: Rounds): number => spread(wallOf(measured.flat())).median
  const [wall, other, blocked] = [medianOf(rounds), medianOf(byHand), longestStill(rounds) ?? 0]
  return [
    sharedAim(`${where}: one token request for each expiry, no caller fails`, 'callers', rounds.flat()),
    aimOf(
      `${where}: wall time at most 1.5 times the lock by hand`,
      `${wall.toFixed(0)} ms against ${other.toFixed(0)} ms: ${(wall / other).toFixed(2)} times`,
      wall <= 1.5 * other,
    ),
    aimOf(
      `${where}: no event loop is blocked for more than ${BLOCKED_MS} ms`,
      `${blocked.toFixed(0)} ms at most`,
      blocked <= BLOCKED_MS,
      WAITING,
    ),
  ]
}
