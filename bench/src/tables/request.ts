import type { ContestantName } from '../calls/index.ts'
import { cellText } from '../harness/markdown.ts'
import { overlap, spread, type Spread } from '../harness/stats.ts'
import type { Aim, Bench, Cell } from '../harness/table.ts'
import type { RequestAnswer } from '../tasks/request-task.ts'
import { at, CONCURRENCIES, measureRequests, type Entry } from './measure-requests.ts'

const MOST_US = 10
const BASE = 'bare-fetch' satisfies ContestantName
const EVERGRANT = 'evergrant-session' satisfies ContestantName

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
  description: 'an authorised request with a fresh token, next to fetch with the same header',
  run: async ({ full }) => {
    const of = await measureRequests(ENTRIES, { base: BASE, full, alone: true })
    return {
      name: 'request',
      title: 'An authorised request',
      intro:
        'A GET with a fresh token, next to `fetch` with the same header in the same process. "Added CPU" is the processor time beyond the bare `fetch`, "alone" the same with a `fetch` that responds at once, which is the library alone. Ratios are requests per second, divided by those of the bare `fetch`.',
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
      rows: ENTRIES.map(({ contestant, label }) => [label, ...cells(of(contestant))]),
      notes: [
        'Each contestant has processes of its own, one for each round, in which slots of its requests and of the bare requests take turns.',
        'simple-oauth2 and grants.session(…) are called for every request, as their documentation shows. The others keep their session, wrapper or token.',
      ],
      aims: aims(of(EVERGRANT), of(BASE)),
    }
  },
}

function cells(answers: readonly RequestAnswer[]): readonly Cell[] {
  const each = CONCURRENCIES.flatMap((_, index): Cell[] => [
    { ...at(answers, index, ({ addedCpuUs }) => addedCpuUs), unit: 'µs' },
    at(answers, index, ({ ratio }) => ratio),
    at(answers, index, ({ perSecond }) => perSecond),
  ])
  return [{ ...spread(answers.flatMap(({ aloneUs = [] }) => aloneUs)), unit: 'µs' }, ...each]
}

/** Two halves of one program differ by more than is looked for. */
const DROWNED = 'Next to a real request it is too small to measure: the control, the same code twice, differs as much.'

/** What Evergrant must reach: at most ten microseconds, and no difference that can be seen beside a request. */
function aims(own: readonly RequestAnswer[], control: readonly RequestAnswer[]): readonly Aim[] {
  const alone = spread(own.flatMap(({ aloneUs = [] }) => aloneUs))
  const byItself: Aim = {
    aim: `alone, with a fetch that responds at once, the library takes at most ${MOST_US} µs`,
    measured: `${cellText(alone)} µs`,
    met: alone.median <= MOST_US,
  }
  const beside = CONCURRENCIES.flatMap((concurrency, index): Aim[] => {
    const added = at(own, index, ({ addedCpuUs }) => addedCpuUs)
    const noise = at(control, index, ({ addedCpuUs }) => addedCpuUs)
    const ratios = [own, control].map((answers) => at(answers, index, ({ ratio }) => ratio)) as [Spread, Spread]
    return [
      {
        aim: `${concurrency} at a time: at most ${MOST_US} µs of CPU added`,
        measured: `${cellText(added)} µs; the control ${cellText(noise)} µs`,
        met: added.median <= MOST_US,
        ...(added.median > MOST_US && Math.abs(noise.median) > MOST_US && { why: DROWNED }),
      },
      {
        aim: `${concurrency} at a time: requests per second do not differ from those of the control`,
        measured: `${cellText(ratios[0])} against ${cellText(ratios[1])}`,
        met: overlap(...ratios),
        ...(!overlap(...ratios) && Math.abs(noise.median) > MOST_US && { why: DROWNED }),
      },
    ]
  })
  return [byItself, ...beside]
}
