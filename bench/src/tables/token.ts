import type { ContestantName } from '../calls/index.ts'
import { interleave } from '../harness/interleave.ts'
import { cellText } from '../harness/markdown.ts'
import { spread } from '../harness/stats.ts'
import { runTask } from '../harness/task.ts'
import type { Aim, Bench, Cell } from '../harness/table.ts'
import type { task, TokenAnswer } from '../tasks/token-task.ts'

const FLOOR = 'bare-fetch' satisfies ContestantName
const CLOCK = 'bare-clock' satisfies ContestantName
const EVERGRANT = 'evergrant-session' satisfies ContestantName
/** Of what the floor takes and allocates. */
const MOST = 1.2

interface Entry {
  readonly contestant: ContestantName
  readonly label: string
  /** Calls in a slot, by those of the floor: fewer of what takes far longer. @default 1 */
  readonly share?: number
}

const ENTRIES: readonly Entry[] = [
  { contestant: FLOOR, label: 'an async function that returns a constant (control)' },
  { contestant: CLOCK, label: 'the same with a reading of the clock (reference)' },
  { contestant: EVERGRANT, label: 'Evergrant: session.token()' },
  { contestant: 'evergrant-access-token', label: 'Evergrant: session.accessToken()' },
  { contestant: 'evergrant-grants', label: 'Evergrant: grants.session(…).token()' },
  { contestant: 'simple-oauth2', label: 'simple-oauth2: expired(), then the field' },
  { contestant: 'google-auth-library', label: 'google-auth-library: getAccessToken()' },
  { contestant: 'badgateway', label: '@badgateway/oauth2-client: getAccessToken()' },
  { contestant: 'better-auth', label: 'better-auth: getAccessToken(), SQLite in memory', share: 0.002 },
]

/** What it costs to ask for a token that is at hand and fresh. */
export const token: Bench = {
  name: 'token',
  description: 'the call that returns a fresh token, next to an async function that returns a constant',
  run: async ({ full }) => {
    const calls = full ? 200_000 : 50_000
    const results = await interleave<TokenAnswer>(
      full ? 7 : 1,
      ENTRIES.map(({ contestant, label, share = 1 }) => ({
        name: label,
        run: (round) =>
          runTask<typeof task>(new URL('../tasks/token-task.ts', import.meta.url), {
            floor: FLOOR,
            own: contestant,
            floorCalls: calls,
            ownCalls: Math.ceil(calls * share),
            pairs: round < 0 ? 1 : full ? 7 : 2,
          }),
      })),
    )
    const of = (wanted: ContestantName): readonly TokenAnswer[] =>
      ENTRIES.filter(({ contestant }) => contestant === wanted).flatMap(({ label }) => results.get(label) ?? [])
    return {
      name: 'token',
      title: 'A fresh token',
      intro:
        'Calls that return a fresh token from memory, one after the other. They are compared with a floor in the same process: an async function that returns a constant.',
      columns: ['contestant', 'returns', 'CPU a call', 'times the floor', 'heap a call', 'times the floor'],
      rows: ENTRIES.map(({ contestant, label }) => [label, ...cells(of(contestant))]),
      notes: [
        'Each contestant has processes of its own, one for each round, in which its slots and those of the floor take turns. Each promise includes what an awaiting loop needs, and the time includes garbage collection.',
        'Bytes are all that is allocated on the heap, whether or not it is collected at once.',
        'openid-client, oauth4webapi and the MCP SDK return no token: the application keeps it.',
      ],
      aims: tokenAims(of(EVERGRANT), of(CLOCK)),
    }
  },
}

function cells(answers: readonly TokenAnswer[]): readonly Cell[] {
  const each = (figure: (answer: TokenAnswer) => number): Cell => spread(answers.map(figure))
  return [
    answers.some(({ kind }) => kind === 'promise') ? 'a promise' : 'the value',
    { ...spread(answers.map(({ ns }) => ns)), unit: 'ns' },
    each(({ nsRatio }) => nsRatio),
    { ...spread(answers.map(({ bytes }) => bytes)), unit: 'B' },
    each(({ bytesRatio }) => bytesRatio),
  ]
}

type Figure = (answer: TokenAnswer) => number

/** What Evergrant must reach: hardly more than the least that an answer by promise can cost. `clock`: the reference that looks at the clock. */
export function tokenAims(own: readonly TokenAnswer[], clock: readonly TokenAnswer[]): readonly Aim[] {
  const aimOf = (what: string, figure: Figure, why: (reference: string) => string): Aim => {
    const ratio = spread(own.map(figure))
    const met = ratio.median <= MOST
    return {
      aim: `session.token() ${what} at most ${MOST} times what the floor does`,
      measured: `${cellText(ratio)} times`,
      met,
      ...(!met && { why: why(cellText(spread(clock.map(figure)))) }),
    }
  }
  return [
    aimOf(
      'takes',
      ({ nsRatio }) => nsRatio,
      (reference) =>
        `Reading the clock takes about as long as the floor, and without it an expired token could be returned. The floor with a reading of the clock takes ${reference} times what it does without.`,
    ),
    aimOf(
      'allocates',
      ({ bytesRatio }) => bytesRatio,
      (reference) => `The floor with a look at the clock allocates ${reference} times what it does without.`,
    ),
  ]
}
