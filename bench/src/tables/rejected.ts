import { interleave } from '../harness/interleave.ts'
import type { Aim, Bench } from '../harness/table.ts'
import { RIVALS, type RivalName } from '../rivals/index.ts'
import { startServer } from '../server/start-server.ts'
import { programOf } from '../workers/programs.ts'
import { Shooter } from './shooter.ts'
import { shotCells, type Shot } from './shot.ts'

const DELAY_MS = 20
const CALLERS = 1_000
const WARM_UP_CALLERS = 50

const CONTESTANTS = [
  'evergrant-session',
  'badgateway',
  'google-auth-library',
  'mcp-sdk',
  'openid-client',
  'oauth4webapi',
  'simple-oauth2',
  'better-auth',
  'requests-oauthlib',
] as const satisfies readonly RivalName[]

/** An API refuses a token that looks valid: it was revoked early, or the clocks differ. */
export const rejected: Bench = {
  name: 'rejected',
  description: 'many calls at once with a token that looks valid and is refused with 401',
  run: async ({ full }) => {
    const server = await startServer({ delayMs: DELAY_MS })
    const shooter = new Shooter(server)
    try {
      const results = await interleave<Shot>(
        full ? 5 : 1,
        CONTESTANTS.filter((rival) => programOf(rival) !== undefined).map((rival) => ({
          name: rival,
          run: (round) =>
            shooter.shoot({ rival, callers: round < 0 ? WARM_UP_CALLERS : CALLERS, age: 'half', refused: true }),
        })),
      )
      return {
        name: 'rejected',
        title: 'A token that an API rejects',
        intro: `${CALLERS.toLocaleString('en')} calls to an API at once. The token expires half an hour later, but the API responds 401 to it, and 200 to every newer one. The server rotates refresh tokens and ends a grant whose refresh token comes twice. Its token endpoint responds after ${DELAY_MS} ms.`,
        columns: ['contestant', 'token requests', 'failed calls', 'wall time', 'grant revoked'],
        rows: CONTESTANTS.map((rival) => {
          const shots = results.get(rival)
          const name = `${RIVALS[rival].name}: ${RIVALS[rival].how}`
          return [name, ...(shots === undefined ? ['not installed', '', '', ''] : shotCells(shots))]
        }),
        notes: [
          'Contestants that send no token request return the 401 to the application.',
          'Most of the wall time is the calls, which are sent twice if the first is rejected.',
        ],
        aims: [rejectedAim(results.get('evergrant-session') ?? [])],
      }
    } finally {
      await shooter.close()
      await server.close()
    }
  },
}

/** What Evergrant must reach: one refresh, and every call is answered. */
export function rejectedAim(shots: readonly Shot[]): Aim {
  const requests = Math.max(...shots.map(({ requests }) => requests))
  const failed = Math.max(...shots.map(({ failed }) => failed))
  return {
    aim: 'one refresh, no call fails',
    measured: `${requests} token requests, ${failed} failed calls, at most`,
    met: shots.length > 0 && shots.every((shot) => shot.requests === 1 && shot.failed === 0),
  }
}
