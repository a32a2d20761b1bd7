import type { Body } from '../../model/answer/body.ts'
import { isObject } from '../../model/answer/members.ts'
import { ConfigError } from '../../model/errors.ts'
import { isJsonPattern, matchesJson } from '../../util/matches-json.ts'
import type { Provider, Refusal } from '../../model/provider.ts'
import { isUnavailable } from '../http/status.ts'

/** What a refusal means by the provider's data. */
export type RefusalMeaning = Refusal['means']

/** A refusal as it is judged. */
interface Refused {
  /** The answer's own status. */
  readonly status: number
  /** The code, as the answer has it. */
  readonly code?: string | undefined
  /** The registered code that says the same. */
  readonly error?: string | undefined
  readonly texts: readonly string[]
  readonly body: Body | undefined
}

/** Judges a refusal by the provider's data; undefined where the general rules decide. */
export type JudgeRefusal = (refused: Refused) => RefusalMeaning | undefined

/** Without any data of the provider's. */
export const noJudge: JudgeRefusal = () => undefined

const MEANINGS: readonly string[] = ['dead', 'later', 'registration', 'request'] satisfies readonly RefusalMeaning[]
const CONDITIONS: readonly string[] = [
  'status',
  'error',
  'description',
  'body',
] satisfies readonly (keyof Refusal['when'])[]

/** Texts are searched so far: the application's own expressions must not hang on a provider's long text. */
const LONGEST_TEXT = 10_000

/** Checks a provider's rules and makes of them what judges. @throws ConfigError that names the rule */
export function compileRefusals({ name, refresh = {} }: Provider): JudgeRefusal {
  const { deadGrantErrors = [], refusals = [] } = refresh
  if (!isListOf(deadGrantErrors, (each) => typeof each === 'string' && each !== '')) {
    throw new ConfigError(`refresh.deadGrantErrors of provider '${name}' must be a list of non-empty strings.`)
  }
  if (!Array.isArray(refusals)) throw new ConfigError(`refresh.refusals of provider '${name}' must be a list.`)
  const rules = refusals.map((rule: Refusal, place) =>
    compile(rule, `refresh.refusals[${place}] of provider '${name}'`),
  )
  return (refused) => {
    const rule = rules.find(({ fits }) => fits(refused))
    if (rule !== undefined) return rule.means
    // With such a status a code says nothing of the grant: the provider asks to come back.
    if (isUnavailable(refused.status)) return undefined
    return [refused.code, refused.error].some((each) => each !== undefined && deadGrantErrors.includes(each))
      ? 'dead'
      : undefined
  }
}

interface Rule {
  readonly means: RefusalMeaning
  readonly fits: (refused: Refused) => boolean
}

function compile(rule: Refusal, where: string): Rule {
  const wrong = (what: string): ConfigError => new ConfigError(`${where} ${what}`)
  if (!isObject(rule) || !isObject(rule.when)) throw wrong('must be { when: { … }, means: … }.')
  const { means, when } = rule
  if (!MEANINGS.includes(means)) throw wrong(`must have one of these as means: ${MEANINGS.join(', ')}.`)
  const given = Object.entries(when).filter(([, value]) => value !== undefined)
  const unknown = given.find(([condition]) => !CONDITIONS.includes(condition))?.[0]
  if (unknown !== undefined) throw wrong(`has '${unknown}' in its when, which knows ${CONDITIONS.join(', ')}.`)
  if (given.length === 0) throw wrong('would fit every refusal: its when must have at least one member.')
  const { body, description, error, status } = when
  if (status !== undefined && !(Number.isInteger(status) && status >= 200 && status <= 599))
    throw wrong('has a status that is no number from 200 to 599.')
  if (error !== undefined && (typeof error !== 'string' || error === ''))
    throw wrong('has an error that is no non-empty string.')
  if (
    description !== undefined &&
    !(description instanceof RegExp) &&
    (typeof description !== 'string' || description === '')
  )
    throw wrong('has a description that is neither a non-empty string nor a RegExp.')
  if (body !== undefined && !(isObject(body) && isJsonPattern(body) && Object.keys(body).length > 0))
    throw wrong('has a body that is no JSON object with a member.')
  const search = description === undefined ? undefined : searchFor(description)
  return {
    means,
    fits: (refused) =>
      (status === undefined || status === refused.status) &&
      (error === undefined || error === refused.code || error === refused.error) &&
      (search === undefined || refused.texts.some((text) => search(text.slice(0, LONGEST_TEXT)))) &&
      (body === undefined || matchesJson(refused.body, body)),
  }
}

function searchFor(description: string | RegExp): (text: string) => boolean {
  if (typeof description === 'string') {
    const wanted = description.toLowerCase()
    return (text) => text.toLowerCase().includes(wanted)
  }
  // Without the flags that make an expression remember where it was.
  const expression = new RegExp(description.source, `${description.flags.replace(/[giy]/g, '')}i`)
  return (text) => expression.test(text)
}

function isListOf(value: unknown, fits: (each: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(fits)
}
