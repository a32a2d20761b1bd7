import { ConfigError } from '../../model/errors.ts'
import { isJsonPattern, matchesJson } from '../../util/matches-json.ts'
import type { RejectedAnswer } from '../../model/provider.ts'

/** Number of bytes of a response body that are inspected. */
export const MOST_LOOKED_AT_BYTES = 65_536

/** Maximum number of attempts to parse an incomplete body; then only its end counts. */
const MOST_TRIES = 50

/** Reads a header by its name in lower case. */
export type HeaderReader = (name: string) => string | null | undefined

/** What a response's status and headers say: refused, not refused, or that its body has to be inspected. */
export type Verdict = boolean | BodyLook

interface Rule {
  readonly status: number
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: unknown
}

/** API responses other than 401 that mean the access token has expired. */
export class RejectedAnswers {
  readonly #rules: readonly Rule[]

  constructor(rules: readonly Rule[]) {
    this.#rules = rules
  }

  judge(status: number, header: HeaderReader): Verdict {
    const rules = this.#rules.filter(
      (rule) => rule.status === status && rule.headers.every(([name, value]) => header(name) === value),
    )
    if (rules.length === 0) return false
    if (rules.some(({ body }) => body === undefined)) return true
    if (!mayBeJson(header('content-type') ?? '') || Number(header('content-length') ?? 0) > MOST_LOOKED_AT_BYTES)
      return false
    return new BodyLook(rules.map(({ body }) => body))
  }
}

/** Inspects a body as it arrives. Each step returns whether the response is a refusal, undefined while that is open. */
export class BodyLook {
  readonly #patterns: readonly unknown[]
  readonly #decoder = new TextDecoder()
  #text = ''
  #bytes = 0
  #tries = 0

  constructor(patterns: readonly unknown[]) {
    this.#patterns = patterns
  }

  add(chunk: Uint8Array): boolean | undefined {
    this.#bytes += chunk.byteLength
    if (this.#bytes > MOST_LOOKED_AT_BYTES) return false
    this.#text += this.#decoder.decode(chunk, { stream: true })
    const text = this.#text.trim()
    if (text === '') return undefined
    if (!/^[{[]/.test(text)) return false
    // A complete body is not waited for any longer: its connection may stay open.
    if (!/[}\]]$/.test(text) || (this.#tries += 1) > MOST_TRIES) return undefined
    return this.#fits(text)
  }

  end(): boolean {
    return this.#fits(this.#text + this.#decoder.decode()) ?? false
  }

  /** Judges a body that was parsed already. */
  parsed(body: unknown): boolean {
    // Some APIs return a list of errors: one that matches is enough.
    const values = Array.isArray(body) ? (body as unknown[]) : [body]
    return this.#patterns.some((pattern) => values.some((value) => matchesJson(value, pattern)))
  }

  #fits(text: string): boolean | undefined {
    let body: unknown
    try {
      body = JSON.parse(text)
    } catch {
      return undefined
    }
    return this.parsed(body)
  }
}

/** Neither a binary body, nor one that may arrive slowly forever: it would be held back. */
function mayBeJson(type: string): boolean {
  return (
    type === '' ||
    (/json|javascript|^text\/(plain|html)/i.test(type) && !/ndjson|jsonl|json-?lines|json-?seq|stream/i.test(type))
  )
}

const MEMBERS: ReadonlySet<string> = new Set(['status', 'body', 'header'])

/** Checks a provider's rules and compiles them. @throws ConfigError that names the first wrong one */
export function compileRejected(
  rejected: readonly RejectedAnswer[] | undefined,
  provider: string,
): RejectedAnswers | undefined {
  if (rejected === undefined) return undefined
  const where = `rejected of provider '${provider}'`
  if (!Array.isArray(rejected)) throw new ConfigError(`Expected ${where} to be a list of { status, body?, header? }.`)
  if (rejected.length === 0) return undefined
  return new RejectedAnswers(
    (rejected as readonly RejectedAnswer[]).map((rule, index) => compile(rule, `${where}[${index}]`)),
  )
}

function compile(rule: RejectedAnswer, where: string): Rule {
  if (typeof rule !== 'object' || rule === null)
    throw new ConfigError(`Expected ${where} to be { status, body?, header? }.`)
  const stranger = Object.keys(rule).find((name) => !MEMBERS.has(name))
  if (stranger !== undefined)
    throw new ConfigError(`Expected ${where} to have only status, body and header, got '${stranger}'.`)
  const { status, body, header } = rule
  if (!Number.isInteger(status) || status < 200 || status > 599)
    throw new ConfigError(`Expected ${where}.status to be a status from 200 to 599.`)
  if (body !== undefined && (!isMembers(body) || !isJsonPattern(body)))
    throw new ConfigError(`Expected ${where}.body to be a plain object of JSON values with at least one member.`)
  const headers = header === undefined ? [] : headersOf(header, where)
  if (status < 400 && body === undefined && headers.length === 0)
    throw new ConfigError(`${where} would match every response with status ${status}. Name a body or a header too.`)
  return { status, headers, body: body === undefined ? undefined : (structuredClone(body) as unknown) }
}

function headersOf(header: unknown, where: string): [string, string][] {
  if (!isMembers(header)) throw new ConfigError(`Expected ${where}.header to be an object of header values by name.`)
  return Object.entries(header).map(([name, value]) => {
    if (!/^[!#$%&'*+.^_`|~\w-]+$/.test(name) || typeof value !== 'string')
      throw new ConfigError(`Expected ${where}.header to be an object of header values by name, got '${name}'.`)
    return [name.toLowerCase(), value]
  })
}

function isMembers(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0
}
