import { inTurns } from '../harness/interleave.ts'
import { scoped } from '../harness/scoped.ts'
import type { Bench } from '../harness/table.ts'
import { usage, type LibraryName } from '../libraries/index.ts'
import { startServer } from '../server/start-server.ts'
import { programOf } from '../workers/worker-process.ts'
import { Crew, sharedAim, stormCells } from './storms.ts'

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
] as const satisfies readonly LibraryName[]

/** An API refuses a token that looks valid: it was revoked early, or the clocks differ. */
export const rejected: Bench = {
  name: 'rejected',
  description: 'many calls at once with a token that looks valid and is refused with 401',
  run: ({ full }) =>
    scoped(async (own) => {
      const crew = own(new Crew(own(await startServer({ delayMs: DELAY_MS })), { own: true }))
      const installed: readonly LibraryName[] = CONTESTANTS.filter((library) => programOf(library) !== undefined)
      const storms = (library: LibraryName, callers: number) =>
        crew.storms({ library, callers, age: 'half', refused: true })
      const of = await inTurns(
        full ? 5 : 1,
        installed,
        (library) => storms(library, CALLERS),
        (library) => storms(library, WARM_UP_CALLERS),
      )
      return {
        title: 'A token that an API rejects',
        intro: `${CALLERS.toLocaleString('en')} calls to an API at once. The token expires half an hour later, but the API responds 401 to it, and 200 to every newer one. The server rotates refresh tokens and ends a grant whose refresh token comes twice. Its token endpoint responds after ${DELAY_MS} ms.`,
        columns: ['contestant', 'token requests', 'failed calls', 'wall time', 'grant revoked'],
        rows: CONTESTANTS.map((library) => [usage(library), ...stormCells(of(library).flat())]),
        notes: [
          'Contestants that send no token request return the 401 to the application.',
          'Most of the wall time is the calls, which are sent twice if the first is rejected.',
        ],
        aims: [sharedAim('one refresh, no call fails', 'calls', of('evergrant-session').flat())],
      }
    }),
}
