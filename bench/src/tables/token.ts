import { inTurns } from '../harness/interleave.ts'
import { cellText } from '../harness/markdown.ts'
import { spread } from '../harness/stats.ts'
import { aimOf, cell, type Aim, type Bench, type Cell } from '../harness/table.ts'
import { labelled, type LibraryName } from '../libraries/index.ts'
import type { task, TokenAnswer } from '../tasks/token-task.ts'
import { runTask } from '../workers/worker-process.ts'

const FLOOR = 'bare-fetch'
/** Of what the floor takes and allocates. */
const MOST = 1.2
/** Calls in a slot, by those of the floor: fewer of what takes far longer. */
const SHARES: Partial<Record<LibraryName, number>> = { 'better-auth': 0.002 }

/** What it costs to ask for a token that is at hand and fresh. */
export const token: Bench = {
  name: 'token',
  description: 'the call that returns a fresh token, next to an async function that returns a constant',
  run: async ({ full }) => {
    const calls = full ? 200_000 : 50_000
    const module = new URL('../tasks/token-task.ts', import.meta.url)
    const entries = labelled('token')
    const measured = await inTurns(full ? 7 : 1, entries, ({ name }) => {
      const ownCalls = Math.ceil(calls * (SHARES[name] ?? 1))
      return runTask<typeof task>(module, { floor: FLOOR, own: name, floorCalls: calls, ownCalls, pairs: full ? 7 : 2 })
    })
    const of = (wanted: LibraryName): readonly TokenAnswer[] =>
      entries.filter(({ name }) => name === wanted).flatMap(measured)
    return {
      title: 'A fresh token',
      intro:
        'Calls that return a fresh token from memory, one after the other. They are compared with a floor in the same process: an async function that returns a constant.',
      columns: ['contestant', 'returns', 'CPU a call', 'times the floor', 'heap a call', 'times the floor'],
      rows: entries.map((entry) => [entry.label, ...cells(measured(entry))]),
      notes: [
        'Each contestant has processes of its own, one for each round, in which its slots and those of the floor take turns. Each promise includes what an awaiting loop needs, and the time includes garbage collection.',
        'Bytes are all that is allocated on the heap, whether or not it is collected at once.',
        'openid-client, oauth4webapi and the MCP SDK return no token: the application keeps it.',
      ],
      aims: tokenAims(of('evergrant-session'), of('bare-clock')),
    }
  },
}

function cells(answers: readonly TokenAnswer[]): readonly Cell[] {
  const each = (figure: Figure, unit?: string): Cell =>
    cell(
      answers.map((answer) => answer[figure]),
      unit,
    )
  const kind = answers.some(({ kind }) => kind === 'promise') ? 'a promise' : 'the value'
  return [kind, each('ns', 'ns'), each('nsRatio'), each('bytes', 'B'), each('bytesRatio')]
}

type Figure = Exclude<keyof TokenAnswer, 'kind'>

/** What Evergrant must reach: hardly more than the least that a promise of a token can cost. `clock`: the reference that looks at the clock. */
export function tokenAims(own: readonly TokenAnswer[], clock: readonly TokenAnswer[]): readonly Aim[] {
  const aim = (what: string, figure: Figure, why: (reference: string) => string): Aim => {
    const [ratio, reference] = [spread(own.map((each) => each[figure])), spread(clock.map((each) => each[figure]))]
    const text = `session.token() ${what} at most ${MOST} times what the floor does`
    return aimOf(text, `${cellText(ratio)} times`, ratio.median <= MOST, why(cellText(reference)))
  }
  return [
    aim(
      'takes',
      'nsRatio',
      (reference) =>
        `Reading the clock takes about as long as the floor, and without it an expired token could be returned. The floor with a reading of the clock takes ${reference} times what it does without.`,
    ),
    aim(
      'allocates',
      'bytesRatio',
      (reference) => `The floor with a look at the clock allocates ${reference} times what it does without.`,
    ),
  ]
}
