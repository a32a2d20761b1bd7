import type { ContestantName } from '../calls/index.ts'
import { interleave } from '../harness/interleave.ts'
import { cellText } from '../harness/markdown.ts'
import type { Comparison } from '../harness/slots.ts'
import { overlap, spread, type Spread } from '../harness/stats.ts'
import { runTask } from '../harness/task.ts'
import type { Aim, Bench, Cell } from '../harness/table.ts'
import { startServer } from '../server/start-server.ts'
import type { RequestAnswer, task } from '../tasks/request-task.ts'
import { placeOf } from './log-in.ts'

const CONCURRENCIES = [1, 64] as const
const MOST_US = 10
const BASE = 'bare-fetch' satisfies ContestantName
const EVERGRANT = 'evergrant-session' satisfies ContestantName

interface Entry {
  readonly contestant: ContestantName
  readonly label: string
}

const ENTRIES: readonly Entry[] = [
  { contestant: BASE, label: 'fetch with the header (control)' },
  { contestant: EVERGRANT, label: 'Evergrant: session.fetch' },
  { contestant: 'evergrant-grants', label: 'Evergrant: grants.session(…).fetch' },
  { contestant: 'oauth4webapi', label: 'oauth4webapi: protectedResourceRequest' },
  { contestant: 'openid-client', label: 'openid-client: fetchProtectedResource' },
  { contestant: 'badgateway', label: '@badgateway/oauth2-client: OAuth2Fetch' },
  { contestant: 'simple-oauth2', label: 'simple-oauth2: expired(), then fetch' },
  { contestant: 'mcp-sdk', label: 'MCP SDK: withOAuth' },
  { contestant: 'google-auth-library', label: 'google-auth-library: client.request' },
]

/** What it costs to send an authorised request with a token that is fresh. */
export const request: Bench = {
  name: 'request',
  description: 'an authorised request with a fresh token, beside fetch with the same header',
  run: async ({ full }) => {
    const sizes = CONCURRENCIES.map((concurrency) => ({
      concurrency,
      calls: full ? (concurrency === 1 ? 150 : 400) : 100,
      pairs: full ? 11 : 3,
    }))
    const server = await startServer({ lifetimeS: 86_400 })
    try {
      const [grant] = await server.mint()
      if (grant === undefined) throw new Error('The server minted no grant.')
      const results = await interleave<RequestAnswer>(
        full ? 5 : 1,
        ENTRIES.map(({ contestant, label }) => ({
          name: label,
          run: (round) =>
            runTask<typeof task>(new URL('../tasks/request-task.ts', import.meta.url), {
              base: BASE,
              own: contestant,
              server: placeOf(server),
              grant,
              sizes: round < 0 ? sizes.map((size) => ({ ...size, pairs: 1 })) : sizes,
              alone: round < 0 ? 0 : full ? 5_000 : 500,
            }),
        })),
      )
      const of = (label: string): readonly RequestAnswer[] => results.get(label) ?? []
      return {
        name: 'request',
        title: 'An authorised request',
        intro:
          'A GET with a token that is fresh, beside `fetch` with the same header in the same process. "Added CPU" is what the process spends beyond the bare `fetch`, "alone" the same with a `fetch` that answers at once: what the library itself does. Ratios are requests per second by those of the bare `fetch`.',
        columns: [
          'contestant',
          'alone',
          'added CPU, 1 at a time',
          'ratio',
          'per second',
          'added CPU, 64 at a time',
          'ratio',
          'per second',
        ],
        rows: ENTRIES.map(({ label }) => [label, ...cells(of(label))]),
        notes: [
          'Each contestant has processes of its own, one for each round, in which slots of its requests and of the bare requests take turns.',
          'simple-oauth2 and grants.session(…) are asked anew for every request, as their documentation shows it; the others hold their session, wrapper or token.',
        ],
        aims: aims(of(labelOf(EVERGRANT)), of(labelOf(BASE))),
      }
    } finally {
      await server.close()
    }
  },
}

const labelOf = (contestant: ContestantName): string =>
  ENTRIES.find((entry) => entry.contestant === contestant)?.label ?? contestant

type Figure = (comparison: Comparison) => number

function at(answers: readonly RequestAnswer[], index: number, figure: Figure): Spread {
  return spread(answers.flatMap(({ comparisons }) => comparisons.slice(index, index + 1).map(figure)))
}

function cells(answers: readonly RequestAnswer[]): readonly Cell[] {
  const each = CONCURRENCIES.flatMap((_, index): Cell[] => [
    { ...at(answers, index, ({ addedCpuUs }) => addedCpuUs), unit: 'µs' },
    at(answers, index, ({ ratio }) => ratio),
    at(answers, index, ({ perSecond }) => perSecond),
  ])
  return [{ ...spread(answers.flatMap(({ aloneUs = [] }) => aloneUs)), unit: 'µs' }, ...each]
}

/** What Evergrant must reach: at most ten microseconds, and no difference that can be seen beside a request. */
function aims(own: readonly RequestAnswer[], control: readonly RequestAnswer[]): readonly Aim[] {
  return CONCURRENCIES.flatMap((concurrency, index): Aim[] => {
    const added = at(own, index, ({ addedCpuUs }) => addedCpuUs)
    const noise = at(control, index, ({ addedCpuUs }) => addedCpuUs)
    const ratios = [own, control].map((answers) => at(answers, index, ({ ratio }) => ratio)) as [Spread, Spread]
    return [
      {
        aim: `${concurrency} at a time: at most ${MOST_US} µs of CPU added`,
        measured: `${cellText(added)} µs; the control ${cellText(noise)} µs`,
        met: added.median <= MOST_US,
      },
      {
        aim: `${concurrency} at a time: requests per second can't be told from those of the control`,
        measured: `${cellText(ratios[0])} against ${cellText(ratios[1])}`,
        met: overlap(...ratios),
      },
    ]
  })
}
