import { joined, phrase, together, type Phrase } from './phrase.ts'
import { served, type After, type Got, type Outcome } from './outcome.ts'

const TOKENS = {
  new: 'a new token',
  current: 'the current token',
  refused: 'a token that the API rejects',
} as const

/** What a caller got, in words. */
export function gotPhrase(got: Got): Phrase {
  if (got.kind === 'token') return phrase`${TOKENS[got.which]}`
  if (got.kind === 'failed') return phrase`${got.words}`
  if (got.kind === 'waiting') return phrase`still waiting after ${got.seconds} s`
  return answersPhrase(got)
}

function answersPhrase({ answered, calls, words }: Extract<Got, { kind: 'answers' }>): Phrase {
  if (answered === calls) return phrase`every call succeeded`
  const others = words.join(', ')
  return answered === 0
    ? phrase`no call succeeded: ${others}`
    : phrase`${answered} of ${calls} calls succeeded: ${others}`
}

/** The cells of one contestant's runs: what the caller got, token requests, the same with a token that is still good, and afterwards. */
export function cellsOf(runs: readonly Outcome[]): readonly [string, string, string, string] {
  return [
    together(runs.map(callerPhrase)),
    together(runs.map(({ requests }) => phrase`${requests}`)),
    together(runs.map(earlyPhrase)),
    together(runs.map(afterPhrase)),
  ]
}

function callerPhrase({ got, told }: Outcome): Phrase {
  const each = joined(got.map(gotPhrase), ' / ')
  return told.length === 0 ? each : phrase`${each}; event: ${told.join(', ')}`
}

function earlyPhrase({ early }: Outcome): Phrase {
  if (early === undefined) return phrase`–`
  const [first, second] = early.got.map(gotPhrase)
  const same = second === undefined || first?.text === second.text
  const got = joined(early.got.slice(0, same ? 1 : 2).map(gotPhrase), ' / ')
  return phrase`${got}; requests: ${early.requests}`
}

function afterPhrase({ after, restarted, revoked }: Outcome): Phrase {
  if (after === undefined) return revoked ? ENDED : phrase`–`
  const later = laterPhrase(after)
  if (restarted === undefined) return later
  const anew = workingPhrase(restarted.got, revoked)
  return anew.text === later.text
    ? phrase`${later}; the same after a restart`
    : phrase`${later}; after a restart: ${anew}`
}

const ENDED = phrase`the server has ended the grant`

function laterPhrase({ got, revoked, waitedMs }: After): Phrase {
  const working = workingPhrase(got, revoked)
  const seconds = Math.round(waitedMs / 1000)
  const timed = seconds === 0 || got.kind === 'waiting' ? working : phrase`${working}, after ${seconds} s`
  if (served(got)) return revoked ? phrase`${timed}, but ${ENDED}` : timed
  // What never came has no time.
  return revoked ? timed : working
}

function workingPhrase(got: Got, revoked: boolean): Phrase {
  if (served(got)) return phrase`works`
  return revoked ? phrase`ended: ${gotPhrase(got)}` : gotPhrase(got)
}
