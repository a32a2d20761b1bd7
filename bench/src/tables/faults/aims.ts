import { cellText } from '../../harness/markdown.ts'
import type { Aim } from '../../harness/table.ts'
import { cellsOf, OUTCOME_COLUMNS, served, type Got, type Outcome, type Part } from './outcome.ts'
import type { ScenarioName } from './scenarios.ts'

/** What the refresh protocol says of one fault. */
interface Rule {
  readonly aim: string
  met(outcome: Outcome): boolean
}

export type Evergrant = 'evergrant-session' | 'evergrant-grants'

const all = (part: Part | undefined, got: Got, requests: number): boolean =>
  part !== undefined && part.got.every((each) => each === got) && part.requests === requests
const works = (part: Part | undefined): boolean => part !== undefined && part.got.every(served)
/** One request, whose error says that a repeat may help; a token that is good is returned, after one request in the background. */
const failsOnce = (outcome: Outcome): boolean => all(outcome, 'retryable', 1) && all(outcome.expiring, 'current', 1)
const eachExpiry = (outcome: Outcome): boolean => all(outcome, 'new', outcome.got.length) && !outcome.revoked

const LATER: Rule = {
  aim: 'a retryable error after one request, the still valid token is returned, then the grant works',
  met: (outcome) => failsOnce(outcome) && works(outcome.after) && outcome.after?.requests === 1,
}
const SAVED: Rule = {
  aim: 'the new token is returned after one request, its save is repeated with events, a restart has it',
  met: (outcome) =>
    all(outcome, 'new', 1) &&
    outcome.events.includes('save_delayed') &&
    works(outcome.after) &&
    works(outcome.restarted) &&
    outcome.restarted?.requests === 0 &&
    !outcome.revoked,
}
const UNSPENT: Rule = {
  aim: 'a store that cannot be written costs no refresh token: a retryable error without a request, then the grant works',
  met: (outcome) =>
    all(outcome, 'retryable', 0) && works(outcome.after) && works(outcome.restarted) && !outcome.revoked,
}

const RULES: Readonly<Record<ScenarioName, Rule | Readonly<Partial<Record<Evergrant, Rule>>>>> = {
  unavailable: LATER,
  cut_before: LATER,
  silent: LATER,
  cut_after: {
    aim: 'a retryable error after one request, the still valid token is returned, one more request after the settle time; a server with reuse detection then ends the grant, with the event answer_lost',
    met: (outcome) =>
      failsOnce(outcome) &&
      outcome.after?.requests === 1 &&
      outcome.events.includes('reauthorization_required (answer_lost)'),
  },
  no_refresh_token: {
    aim: 'the old refresh token is kept: a new token at each expiry, with one request',
    met: eachExpiry,
  },
  rotated: { aim: 'the new refresh token is used: a new token at each expiry, with one request', met: eachExpiry },
  refused: {
    aim: 'one refresh, every call succeeded',
    met: (outcome) => all(outcome, 'answered', 1) && works(outcome.after) && !outcome.revoked,
  },
  unsaved: SAVED,
  unsavable: { 'evergrant-session': SAVED, 'evergrant-grants': UNSPENT },
  // A session that stands alone has no store to read again.
  raced: {
    'evergrant-grants': {
      aim: 'the store is read again: the newer token is returned, and the grant does not end',
      met: ({ after, events, got }) => got.every((each) => each === 'new') && events.length === 0 && works(after),
    },
  },
}

/** What Evergrant must do on one fault, beside what it did; undefined: there is no aim. */
export function faultAim(
  name: ScenarioName,
  library: Evergrant,
  label: string,
  runs: readonly Outcome[],
): Aim | undefined {
  const rules = RULES[name]
  const rule = 'met' in rules ? rules : rules[library]
  if (rule === undefined) return undefined
  const cells = cellsOf(runs).map((cell, index) => [cellText(cell), OUTCOME_COLUMNS[index]] as const)
  return {
    aim: `${label}: ${rule.aim}`,
    measured: cells.flatMap(([text, column]) => (text === '–' ? [] : `${column} ${text}`)).join(', '),
    met: runs.length > 0 && runs.every(rule.met),
  }
}
