import { inTurns } from '../harness/interleave.ts'
import { scoped } from '../harness/scoped.ts'
import { spread } from '../harness/stats.ts'
import { aimOf, type Aim, type Bench } from '../harness/table.ts'
import { RIVALS, usage, type LibraryName } from '../libraries/index.ts'
import { startServer } from '../server/start-server.ts'
import { programOf } from '../workers/worker-process.ts'
import { Crew, sharedAim, stormCells, wallOf, type Storm, type StormOrder } from './storms.ts'

const DELAY_MS = 20
const WARM_UP_CALLERS = 50

/** Contestants that send one request for all callers. Ten thousand callers of the others would measure how the system bears ten thousand connections. */
const SHARING: readonly LibraryName[] = ['evergrant-session', 'badgateway', 'google-auth-library']
const FEW = 1_000
const MANY = 10_000

interface Entry extends StormOrder {
  readonly label: string
}

const ONE_REQUEST: Entry = {
  library: 'bare-fetch',
  label: 'one bare token request (control)',
  callers: 1,
  age: 'expired',
}

/** The rows with so many callers: with the token in hand, then with one that has expired, Evergrant's first. */
function entriesOf(callers: number): readonly [inHand: Entry, evergrant: Entry, ...rivals: Entry[]] {
  const expired = (library: LibraryName): Entry => ({ library, label: usage(library), callers, age: 'expired' })
  const label = 'Evergrant with the token in hand (control)'
  const rivals = RIVALS.filter((library) => callers === FEW || SHARING.includes(library))
  return [
    { library: 'evergrant-session', label, callers, age: 'fresh' },
    expired('evergrant-session'),
    ...rivals.map(expired),
  ]
}

/** Many callers of one process meet a spent token. */
export const storm: Bench = {
  name: 'storm',
  description: 'many callers of one process at once on an expired token',
  run: ({ full }) =>
    scoped(async (own) => {
      const sizes = (full ? [FEW, MANY] : [FEW]).map(entriesOf)
      const entries = [ONE_REQUEST, ...sizes.flat()]
      const crew = own(new Crew(own(await startServer({ delayMs: DELAY_MS })), { own: true }))
      const of = await inTurns(
        full ? 5 : 1,
        entries.filter(({ library }) => programOf(library) !== undefined),
        (entry) => crew.storms(entry),
        (entry) => crew.storms({ ...entry, callers: WARM_UP_CALLERS }),
      )
      return {
        title: 'A storm in one process',
        intro: `Many callers ask at once for a token that has expired. The server rotates refresh tokens and ends a grant whose refresh token comes twice. Its token endpoint responds after ${DELAY_MS} ms.`,
        columns: ['contestant', 'callers', 'token requests', 'failed callers', 'wall time', 'grant revoked'],
        rows: entries.map((entry) => [entry.label, entry.callers, ...stormCells(of(entry).flat())]),
        notes: [
          'Each contestant has a process of its own, in which everything is loaded and has run before.',
          `${MANY.toLocaleString('en')} callers are measured only for contestants that share a token request. For the others the figure would show how the system handles that many connections.`,
          'Callers only ask for the token. The MCP SDK learns only from an API that a token has expired, so it has an API inside its process.',
        ],
        aims: sizes.flatMap(([inHand, evergrant]) =>
          stormAims(evergrant.callers, {
            evergrant: of(evergrant).flat(),
            request: of(ONE_REQUEST).flat(),
            inHand: of(inHand).flat(),
          }),
        ),
      }
    }),
}

interface Measured {
  readonly evergrant: readonly Storm[]
  readonly request: readonly Storm[]
  readonly inHand: readonly Storm[]
}

/** What Evergrant must reach: one request, no failure, and little more time than the request and the callers take by themselves. */
export function stormAims(callers: number, { evergrant, inHand, request }: Measured): readonly Aim[] {
  const median = (storms: readonly Storm[]): number => spread(wallOf(storms)).median
  const [wall, requestMs, inHandMs] = [median(evergrant), median(request), median(inHand)]
  const times = wall / (requestMs + inHandMs)
  return [
    sharedAim(`${callers} callers: one token request, no caller fails`, 'callers', evergrant),
    aimOf(
      `${callers} callers: wall time at most 1.3 times one request and the callers with the token in hand`,
      `${wall.toFixed(1)} ms against ${requestMs.toFixed(1)} + ${inHandMs.toFixed(1)} ms: ${times.toFixed(2)} times`,
      times <= 1.3,
    ),
  ]
}
