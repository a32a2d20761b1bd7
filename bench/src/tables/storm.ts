import { interleave } from '../harness/interleave.ts'
import { spread } from '../harness/stats.ts'
import type { Aim, Bench, Cell } from '../harness/table.ts'
import { LIBRARIES, RIVALS, type RivalName } from '../rivals/index.ts'
import { startServer } from '../server/start-server.ts'
import { programOf } from '../workers/programs.ts'
import { Shooter } from './shooter.ts'
import { shotCells, type Shot } from './shot.ts'

const DELAY_MS = 20
const WARM_UP_CALLERS = 50

const CONTESTANTS = ['evergrant-session', ...LIBRARIES] as const satisfies readonly RivalName[]

/** Who makes one request of many callers' questions. Of the others ten thousand callers would measure how the system bears ten thousand connections. */
const SHARING: readonly RivalName[] = ['evergrant-session', 'badgateway', 'google-auth-library']
const FEW = 1_000
const MANY = 10_000

/** Who is measured with how many callers, and with which token. */
interface Entry {
  readonly rival: RivalName
  readonly label: string
  readonly callers: number
  readonly age: 'fresh' | 'spent'
}

const ONE_REQUEST: Entry = { rival: 'bare-fetch', label: 'one bare token request (control)', callers: 1, age: 'spent' }

const spentEntry = (rival: RivalName, callers: number): Entry => ({
  rival,
  label: `${RIVALS[rival].name}: ${RIVALS[rival].how}`,
  callers,
  age: 'spent',
})

const inHand = (callers: number): Entry => ({
  rival: 'evergrant-session',
  label: 'Evergrant with the token in hand (control)',
  callers,
  age: 'fresh',
})

const keyOf = ({ callers, label }: Entry): string => `${callers} ${label}`

/** Many callers of one process meet a spent token. */
export const storm: Bench = {
  name: 'storm',
  description: 'many callers of one process at once on an expired token',
  run: async ({ full }) => {
    const sizes = full ? [FEW, MANY] : [FEW]
    const entries = [
      ONE_REQUEST,
      ...sizes.flatMap((callers) => [
        inHand(callers),
        ...CONTESTANTS.filter((rival) => callers === FEW || SHARING.includes(rival)).map((rival) =>
          spentEntry(rival, callers),
        ),
      ]),
    ]
    const server = await startServer({ delayMs: DELAY_MS })
    const shooter = new Shooter(server)
    try {
      const results = await interleave(
        full ? 5 : 1,
        entries
          .filter(({ rival }) => programOf(rival) !== undefined)
          .map((entry) => ({
            name: keyOf(entry),
            run: (round) => shooter.shoot(round < 0 ? { ...entry, callers: WARM_UP_CALLERS } : entry),
          })),
      )
      const shotsOf = (entry: Entry): readonly Shot[] => results.get(keyOf(entry)) ?? []
      return {
        name: 'storm',
        title: 'A storm in one process',
        intro: `Many callers ask at once for a token that has expired. The server rotates refresh tokens and ends a grant whose refresh token comes twice. Its token endpoint responds after ${DELAY_MS} ms.`,
        columns: ['contestant', 'callers', 'token requests', 'failed callers', 'wall time', 'grant revoked'],
        rows: entries.map((entry) => row(entry, shotsOf(entry))),
        notes: [
          'Each contestant has a process of its own, in which everything is loaded and has run before.',
          `${MANY.toLocaleString('en')} callers are measured only for contestants that share a token request. For the others the figure would show how the system handles that many connections.`,
          'Callers only ask for the token. The MCP SDK learns only from an API that a token has expired, so it has an API inside its process.',
        ],
        aims: sizes.flatMap((callers) =>
          aims(callers, {
            evergrant: shotsOf(spentEntry('evergrant-session', callers)),
            request: shotsOf(ONE_REQUEST),
            inHand: shotsOf(inHand(callers)),
          }),
        ),
      }
    } finally {
      await shooter.close()
      await server.close()
    }
  },
}

function row({ callers, label }: Entry, shots: readonly Shot[]): readonly Cell[] {
  return [label, callers, ...(shots.length === 0 ? ['not installed', '', '', ''] : shotCells(shots))]
}

interface Measured {
  readonly evergrant: readonly Shot[]
  readonly request: readonly Shot[]
  readonly inHand: readonly Shot[]
}

/** What Evergrant must reach: one request, no failure, and little more time than the request and the callers take by themselves. */
export function aims(callers: number, { evergrant, inHand, request }: Measured): readonly Aim[] {
  const median = (shots: readonly Shot[]): number => spread(shots.map(({ wallMs }) => wallMs)).median
  const requests = Math.max(...evergrant.map(({ requests }) => requests))
  const failed = Math.max(...evergrant.map(({ failed }) => failed))
  const least = median(request) + median(inHand)
  const wall = median(evergrant)
  return [
    {
      aim: `${callers} callers: one token request, no caller fails`,
      measured: `${requests} token requests, ${failed} failed callers, at most`,
      met: evergrant.every((shot) => shot.requests === 1 && shot.failed === 0),
    },
    {
      aim: `${callers} callers: wall time at most 1.3 times one request and the callers with the token in hand`,
      measured: `${wall.toFixed(1)} ms against ${median(request).toFixed(1)} + ${median(inHand).toFixed(1)} ms: ${(wall / least).toFixed(2)} times`,
      met: wall <= 1.3 * least,
    },
  ]
}
