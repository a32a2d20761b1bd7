import { inTurns } from '../harness/interleave.ts'
import { cellText } from '../harness/markdown.ts'
import { scoped } from '../harness/scoped.ts'
import { at } from '../harness/slots.ts'
import { overlap, spread } from '../harness/stats.ts'
import { aimOf, cell, type Aim, type Bench } from '../harness/table.ts'
import { labelled, libraryOf, type LibraryName } from '../libraries/index.ts'
import { startServer } from '../server/start-server.ts'
import type { RequestAnswer, task } from '../tasks/request-task.ts'
import { runTask } from '../workers/worker-process.ts'

/** Requests in flight at once. */
const CONCURRENCIES = [1, 64] as const
const MOST_US = 10
const LEAST_RATIO = 0.92

/** Measures authorised requests with a token that is fresh, each contestant in a process of its own beside the baseline. */
async function measure(
  names: readonly LibraryName[],
  { alone, base, full }: { readonly base: LibraryName; readonly full: boolean; readonly alone: boolean },
): Promise<(name: LibraryName) => readonly RequestAnswer[]> {
  const sizes = CONCURRENCIES.map((concurrency) => ({
    concurrency,
    calls: full ? (concurrency === 1 ? 150 : 400) : 100,
    pairs: full ? 12 : 2,
    warmUpMs: full ? 1_500 : 200,
  }))
  return scoped(async (own) => {
    const server = own(await startServer({ lifetimeS: 86_400 }))
    const token = await server.logIn('fresh')
    const order = { base, server: server.place, token, sizes, alone: alone ? (full ? 2_000 : 500) : 0 }
    const module = new URL('../tasks/request-task.ts', import.meta.url)
    return inTurns(full ? 5 : 1, names, (name) => runTask<typeof task>(module, { ...order, own: name }))
  })
}

/** What it costs to send an authorised request with a token that is fresh. */
export const request: Bench = {
  name: 'request',
  description: 'an authorised request with a fresh token, next to fetch with the same header',
  run: async ({ full }) => {
    const entries = labelled('request').filter(({ name }) => !name.endsWith('undici'))
    const of = await measure(
      entries.map(({ name }) => name),
      { base: 'bare-fetch', full, alone: true },
    )
    return {
      title: 'An authorised request',
      intro:
        'A GET with a fresh token, next to `fetch` with the same header in the same process. "Added CPU" is the processor time beyond the bare `fetch`, "alone" the same with a `fetch` that responds at once, which is the library alone. Ratios are requests per second, divided by those of the bare `fetch`.',
      columns: [
        'contestant',
        'alone',
        ...CONCURRENCIES.flatMap((n) => [`added CPU, ${n} at a time`, 'ratio', 'per second']),
      ],
      rows: entries.map(({ label, name }) => [
        label,
        cell(aloneOf(of(name)), 'µs'),
        ...CONCURRENCIES.flatMap((_, index) => [
          cell(at(of(name), index, 'addedCpuUs'), 'µs'),
          at(of(name), index, 'ratio'),
          at(of(name), index, 'perSecond'),
        ]),
      ]),
      notes: [
        'Each contestant has processes of its own, one for each round, in which slots of its requests and of the bare requests take turns.',
        'simple-oauth2 and grants.session(…) are called for every request, as their documentation shows. The others keep their session, wrapper or token.',
      ],
      aims: requestAims(of('evergrant-session'), of('bare-fetch')),
    }
  },
}

const aloneOf = (answers: readonly RequestAnswer[]): readonly number[] => answers.flatMap(({ aloneUs = [] }) => aloneUs)

/** Two halves of one program differ by more than the aim allows. */
const DROWNED = 'Next to a real request it is too small to measure: the control, the same code twice, differs as much.'

/** What Evergrant must reach: at most ten microseconds, and no difference that can be seen beside a request. */
export function requestAims(own: readonly RequestAnswer[], control: readonly RequestAnswer[]): readonly Aim[] {
  const alone = spread(aloneOf(own))
  const beside = CONCURRENCIES.flatMap((concurrency, index) => {
    const [added, noise] = [at(own, index, 'addedCpuUs'), at(control, index, 'addedCpuUs')]
    const [ratio, ratioOfControl] = [at(own, index, 'ratio'), at(control, index, 'ratio')]
    const why = Math.abs(noise.median) > MOST_US && DROWNED
    return [
      aimOf(
        `${concurrency} at a time: at most ${MOST_US} µs of CPU added`,
        `${cellText(added)} µs; the control ${cellText(noise)} µs`,
        added.median <= MOST_US,
        why,
      ),
      aimOf(
        `${concurrency} at a time: requests per second do not differ from those of the control`,
        `${cellText(ratio)} against ${cellText(ratioOfControl)}`,
        overlap(ratio, ratioOfControl),
        why,
      ),
    ]
  })
  const byItself = `alone, with a fetch that responds at once, the library takes at most ${MOST_US} µs`
  return [aimOf(byItself, `${cellText(alone)} µs`, alone.median <= MOST_US), ...beside]
}

const UNDICI = ['bare-undici', 'evergrant-undici', 'bare-fetch', 'evergrant-session'] as const satisfies LibraryName[]

/** What the interceptor costs where requests go over undici's own interface. */
export const requestUndici: Bench = {
  name: 'request-undici',
  description: 'an authorised request over undici, next to undici.request with the same header',
  run: async ({ full }) => {
    const of = await measure(UNDICI, { base: 'bare-undici', full, alone: false })
    return {
      title: 'An authorised request over undici',
      intro:
        'A GET with a fresh token, next to `undici.request` with the same header in the same process. Ratios are requests per second, divided by those of the bare `undici.request`.',
      columns: ['contestant', ...CONCURRENCIES.flatMap((n) => [`ratio, ${n} at a time`, 'added CPU', 'per second'])],
      rows: UNDICI.map((name) => [
        libraryOf(name).calls?.request ?? name,
        ...CONCURRENCIES.flatMap((_, index) => [
          at(of(name), index, 'ratio'),
          cell(at(of(name), index, 'addedCpuUs'), 'µs'),
          at(of(name), index, 'perSecond'),
        ]),
      ]),
      aims: undiciAims(of('evergrant-undici'), of('bare-undici')),
    }
  },
}

/** What the interceptor must reach. */
export function undiciAims(own: readonly RequestAnswer[], control: readonly RequestAnswer[]): readonly Aim[] {
  return CONCURRENCIES.map((concurrency, index) => {
    const [ratio, noise] = [at(own, index, 'ratio'), at(control, index, 'ratio')]
    return aimOf(
      `${concurrency} at a time: the interceptor reaches at least ${LEAST_RATIO} of undici.request`,
      `${cellText(ratio)}; the control ${cellText(noise)}`,
      ratio.median >= LEAST_RATIO,
    )
  })
}
