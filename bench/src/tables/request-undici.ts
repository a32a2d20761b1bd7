import type { ContestantName } from '../calls/index.ts'
import { cellText } from '../harness/markdown.ts'
import type { Aim, Bench } from '../harness/table.ts'
import type { RequestAnswer } from '../tasks/request-task.ts'
import { at, CONCURRENCIES, measureRequests, type Entry } from './measure-requests.ts'

const LEAST_RATIO = 0.92
const BASE = 'bare-undici' satisfies ContestantName
const EVERGRANT = 'evergrant-undici' satisfies ContestantName

const ENTRIES: readonly Entry[] = [
  { contestant: BASE, label: 'undici.request with the header (control)' },
  { contestant: EVERGRANT, label: 'Evergrant: undici.request, withGrant' },
  { contestant: 'bare-fetch', label: 'fetch with the header' },
  { contestant: 'evergrant-session', label: 'Evergrant: session.fetch' },
]

/** What the interceptor costs where requests go over undici's own interface. */
export const requestUndici: Bench = {
  name: 'request-undici',
  description: 'an authorised request over undici, next to undici.request with the same header',
  run: async ({ full }) => {
    const of = await measureRequests(ENTRIES, { base: BASE, full, alone: false })
    return {
      name: 'request-undici',
      title: 'An authorised request over undici',
      intro:
        'A GET with a fresh token, next to `undici.request` with the same header in the same process. Ratios are requests per second, divided by those of the bare `undici.request`.',
      columns: [
        'contestant',
        ...CONCURRENCIES.flatMap((concurrency) => [`ratio, ${concurrency} at a time`, 'added CPU', 'per second']),
      ],
      rows: ENTRIES.map(({ contestant, label }) => [
        label,
        ...CONCURRENCIES.flatMap((_, index) => [
          at(of(contestant), index, ({ ratio }) => ratio),
          { ...at(of(contestant), index, ({ addedCpuUs }) => addedCpuUs), unit: 'µs' },
          at(of(contestant), index, ({ perSecond }) => perSecond),
        ]),
      ]),
      aims: undiciAims(of(EVERGRANT), of(BASE)),
    }
  },
}

/** What the interceptor must reach. */
export function undiciAims(own: readonly RequestAnswer[], control: readonly RequestAnswer[]): readonly Aim[] {
  return CONCURRENCIES.map((concurrency, index) => {
    const [ratio, noise] = [own, control].map((answers) => at(answers, index, (each) => each.ratio))
    if (ratio === undefined || noise === undefined) throw new TypeError('Two spreads are two.')
    return {
      aim: `${concurrency} at a time: the interceptor reaches at least ${LEAST_RATIO} of undici.request`,
      measured: `${cellText(ratio)}; the control ${cellText(noise)}`,
      met: ratio.median >= LEAST_RATIO,
    }
  })
}
