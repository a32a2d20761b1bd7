import type { Aim } from '../../harness/table.ts'
import { served, type Got, type Outcome } from './outcome.ts'
import type { ScenarioName } from './scenarios.ts'
import { cellsOf } from './words.ts'

/** What the refresh protocol says of one fault. */
interface Rule {
  readonly aim: string
  met(outcome: Outcome): boolean
}

export type Evergrant = 'evergrant-session' | 'evergrant-grants'

const isRetryable = (got: Got): boolean => got.kind === 'failed' && got.words.endsWith('retryable)')
const works = (part: { readonly got: Got } | undefined): boolean => part !== undefined && served(part.got)
const all = (gots: readonly Got[], which: 'new' | 'current'): boolean =>
  gots.every((got) => got.kind === 'token' && got.which === which)
/** A token that is good is handed out, and one request in the background is all that was tried. */
const servedMeanwhile = ({ early }: Outcome): boolean =>
  early !== undefined && all(early.got, 'current') && early.requests === 1
const oneRetryable = ({ got, requests }: Outcome): boolean => got.every(isRetryable) && requests === 1

const LATER: Rule = {
  aim: 'a retryable error after one request, the still valid token is returned, then the grant works',
  met: (outcome) =>
    oneRetryable(outcome) && servedMeanwhile(outcome) && works(outcome.after) && outcome.after?.requests === 1,
}
const SAVED: Rule = {
  aim: 'the new token is returned after one request, its save is repeated with events, a restart has it',
  met: ({ after, got, requests, restarted, revoked, told }) =>
    all(got, 'new') &&
    requests === 1 &&
    told.includes('save_delayed') &&
    works(after) &&
    works(restarted) &&
    restarted?.requests === 0 &&
    !revoked,
}
const UNSPENT: Rule = {
  aim: 'a store that cannot be written costs no refresh token: a retryable error without a request, then the grant works',
  met: ({ after, got, requests, restarted, revoked }) =>
    got.every(isRetryable) && requests === 0 && works(after) && works(restarted) && !revoked,
}

const RULES: Readonly<Record<ScenarioName, Rule | Readonly<Partial<Record<Evergrant, Rule>>>>> = {
  unavailable: LATER,
  cut_before: LATER,
  silent: LATER,
  cut_after: {
    aim: 'a retryable error after one request, the still valid token is returned, one more request after the settle time; a server with reuse detection then ends the grant, with the event answer_lost',
    met: (outcome) =>
      oneRetryable(outcome) &&
      servedMeanwhile(outcome) &&
      outcome.after?.requests === 1 &&
      outcome.told.includes('reauthorization_required (answer_lost)'),
  },
  no_refresh_token: {
    aim: 'the old refresh token is kept: a new token at each expiry, with one request',
    met: eachExpiry,
  },
  rotated: { aim: 'the new refresh token is used: a new token at each expiry, with one request', met: eachExpiry },
  refused: {
    aim: 'one refresh, every call succeeded',
    met: ({ after, got, requests, revoked }) => got.every(served) && requests === 1 && works(after) && !revoked,
  },
  unsaved: SAVED,
  unsavable: { 'evergrant-session': SAVED, 'evergrant-grants': UNSPENT },
  // A session that stands alone has nothing to look at a second time.
  raced: {
    'evergrant-grants': {
      aim: 'the store is read again: the newer token is returned, and the grant does not end',
      met: ({ after, got, told }) => all(got, 'new') && told.length === 0 && works(after),
    },
  },
}

function eachExpiry({ got, requests, revoked }: Outcome): boolean {
  return all(got, 'new') && requests === got.length && !revoked
}

/** What Evergrant must do on one fault, beside what it did; undefined: nothing is asked of it there. */
export function faultAim(
  name: ScenarioName,
  rival: Evergrant,
  label: string,
  runs: readonly Outcome[],
): Aim | undefined {
  const rules = RULES[name]
  const rule = 'met' in rules ? rules : rules[rival]
  if (rule === undefined) return undefined
  const [got, requests, early, after] = cellsOf(runs)
  const parts = [
    got,
    `requests: ${requests}`,
    early === '–' ? '' : `early: ${early}`,
    after === '–' ? '' : `then: ${after}`,
  ]
  return {
    aim: `${label}: ${rule.aim}`,
    measured: parts.filter((part) => part !== '').join('; '),
    met: runs.length > 0 && runs.every(rule.met),
  }
}
