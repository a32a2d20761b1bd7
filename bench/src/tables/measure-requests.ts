import type { ContestantName } from '../calls/index.ts'
import { interleave } from '../harness/interleave.ts'
import type { Comparison } from '../harness/slots.ts'
import { spread, type Spread } from '../harness/stats.ts'
import { runTask } from '../harness/task.ts'
import { startServer } from '../server/start-server.ts'
import type { RequestAnswer, task } from '../tasks/request-task.ts'
import { placeOf } from './log-in.ts'

/** Requests under way at once. */
export const CONCURRENCIES = [1, 64] as const

/** A row of a table of requests. */
export interface Entry {
  readonly contestant: ContestantName
  readonly label: string
}

export interface RequestMeasure {
  /** What every contestant is measured by. */
  readonly base: ContestantName
  readonly full: boolean
  /** Whether each is also measured with a `fetch` that answers at once. */
  readonly alone: boolean
}

/** Measures authorised requests with a token that is fresh, each contestant in a process of its own beside the baseline. Answers the rounds of each. */
export async function measureRequests(
  entries: readonly Entry[],
  { alone, base, full }: RequestMeasure,
): Promise<(contestant: ContestantName) => readonly RequestAnswer[]> {
  const sizes = CONCURRENCIES.map((concurrency) => ({
    concurrency,
    calls: full ? (concurrency === 1 ? 150 : 400) : 100,
    pairs: full ? 12 : 2,
    warmUpMs: full ? 1_500 : 200,
  }))
  const server = await startServer({ lifetimeS: 86_400 })
  try {
    const [grant] = await server.mint()
    if (grant === undefined) throw new Error('The server minted no grant.')
    const results = await interleave<RequestAnswer>(
      full ? 5 : 1,
      entries.map(({ contestant }) => ({
        name: contestant,
        run: async (round) => {
          // Each round's processes are new, and warm up themselves.
          if (round < 0) return { comparisons: [], aloneUs: undefined }
          return runTask<typeof task>(new URL('../tasks/request-task.ts', import.meta.url), {
            base,
            own: contestant,
            server: placeOf(server),
            grant,
            sizes,
            alone: alone ? (full ? 2_000 : 500) : 0,
          })
        },
      })),
    )
    return (contestant) => results.get(contestant) ?? []
  } finally {
    await server.close()
  }
}

/** A figure of a comparison at the size of this index, over all rounds. */
export function at(
  answers: readonly RequestAnswer[],
  index: number,
  figure: (comparison: Comparison) => number,
): Spread {
  return spread(answers.flatMap(({ comparisons }) => comparisons.slice(index, index + 1).map(figure)))
}
