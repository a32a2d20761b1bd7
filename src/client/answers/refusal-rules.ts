import type { RefusalMeaning } from '../../model/oauth-errors.ts'
import type { Body } from '../../model/answer/body.ts'
import { isObject } from '../../model/answer/members.ts'
import { ConfigError } from '../../model/errors.ts'
import { isJsonPattern, matchesJson } from '../../util/matches-json.ts'
import type { Provider, Refusal } from '../../model/provider.ts'
import { isUnavailable } from '../http/status.ts'

/** A refusal to be judged. */
interface Refused {
  /** The response's own status. */
  readonly status: number
  /** The code as the response has it. */
  readonly code?: string | undefined
  /** The registered code with the same meaning. */
  readonly error?: string | undefined
  readonly texts: readonly string[]
  readonly body: Body | undefined
}

/** Judges a refusal by the provider's data. Returns undefined if the general rules decide. */
export type JudgeRefusal = (refused: Refused) => RefusalMeaning | undefined

/** Judges without any data of the provider. */
export const noJudge: JudgeRefusal = () => undefined

const MEANINGS: readonly string[] = ['dead', 'later', 'registration', 'request'] satisfies readonly RefusalMeaning[]
const CONDITIONS: readonly string[] = [
  'status',
  'error',
  'description',
  'body',
] satisfies readonly (keyof Refusal['when'])[]

/** Length up to which texts are searched: the application's own expressions must not hang on a provider's long text. */
const LONGEST_TEXT = 10_000

/** Checks a provider's rules and compiles them to a judge. @throws ConfigError that names the rule */
export function compileRefusals({ name, refresh = {} }: Provider): JudgeRefusal {
  const { deadGrantErrors = [], refusals = [] } = refresh
  if (!isListOf(deadGrantErrors, (each) => typeof each === 'string' && each !== '')) {
    throw new ConfigError(`Expected refresh.deadGrantErrors of provider '${name}' to be a list of non-empty strings.`)
  }
  if (!Array.isArray(refusals)) throw new ConfigError(`Expected refresh.refusals of provider '${name}' to be a list.`)
  const rules = refusals.map((rule: Refusal, place) =>
    compile(rule, `refresh.refusals[${place}] of provider '${name}'`),
  )
  return (refused) => {
    const rule = rules.find(({ fits }) => fits(refused))
    if (rule !== undefined) return rule.means
    // With such a status a code says nothing about the grant: the provider asks for a later retry.
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
  const wrong = (member: string, expected: string): ConfigError =>
    new ConfigError(`Expected ${member}${where} to ${expected}.`)
  if (!isObject(rule) || !isObject(rule.when)) throw wrong('', 'be { when: { … }, means: … }')
  const { means, when } = rule
  if (!MEANINGS.includes(means)) throw wrong('means of ', `be one of ${MEANINGS.join(', ')}`)
  const given = Object.entries(when).filter(([, value]) => value !== undefined)
  const unknown = given.find(([condition]) => !CONDITIONS.includes(condition))?.[0]
  if (unknown !== undefined) throw wrong('when of ', `have only members of ${CONDITIONS.join(', ')}, got '${unknown}'`)
  if (given.length === 0) throw wrong('when of ', 'have at least one member, or it would match every refusal')
  const { body, description, error, status } = when
  if (status !== undefined && !(Number.isInteger(status) && status >= 200 && status <= 599))
    throw wrong('when.status of ', 'be a number from 200 to 599')
  if (error !== undefined && (typeof error !== 'string' || error === ''))
    throw wrong('when.error of ', 'be a non-empty string')
  if (
    description !== undefined &&
    !(description instanceof RegExp) &&
    (typeof description !== 'string' || description === '')
  )
    throw wrong('when.description of ', 'be a non-empty string or a RegExp')
  if (body !== undefined && !(isObject(body) && isJsonPattern(body) && Object.keys(body).length > 0))
    throw wrong('when.body of ', 'be a JSON object with at least one member')
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
  // Without the flags that make an expression remember its position.
  const expression = new RegExp(description.source, `${description.flags.replace(/[giy]/g, '')}i`)
  return (text) => expression.test(text)
}

function isListOf(value: unknown, fits: (each: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(fits)
}
