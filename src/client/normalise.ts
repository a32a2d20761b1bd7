import { lifetimeMs, momentMs } from '../lifetime.ts'
import type { Provider } from '../providers/provider.ts'
import { isVisibleAscii, type JsonValue } from '../token.ts'

/** A JSON object as a provider sent it. */
export type Body = Record<string, JsonValue>

/** What makes an answer of status 200 unusable. */
export interface AnswerProblem {
  readonly kind: 'unreadable' | 'no_access_token' | 'token_type' | 'invalid'
  readonly reason: string
}

/** A token endpoint's answer, mended: what the provider meant, in the forms of RFC 6749 sections 5.1 and 5.2. */
export interface TokenAnswer {
  /** 200, 400 for an error that came with a success status, or the status as it was. */
  readonly status: number
  readonly error?: string | undefined
  readonly errorDescription?: string | undefined
  readonly problem?: AnswerProblem | undefined
  readonly accessToken?: string | undefined
  /** Lower case. */
  readonly tokenType: string
  readonly expiresInMs?: number | undefined
  readonly refreshToken?: string | undefined
  readonly refreshTokenExpiresAt?: number | undefined
  readonly scope?: readonly string[] | undefined
  readonly idToken?: string | undefined
  /** Every member that has no place above. */
  readonly extra: Body
}

/** Names that some servers give to the members of RFC 6749 section 5.1. */
const ALIASES: Readonly<Record<string, string>> = {
  accessToken: 'access_token',
  tokenType: 'token_type',
  expiresIn: 'expires_in',
  refreshToken: 'refresh_token',
  idToken: 'id_token',
}

/** Members that hold another token's answer, or all of it. */
const WRAPPERS = ['data', 'authed_user'] as const

/** Error codes of single providers, and the registered code that says the same. */
const SAME_ERROR: Readonly<Record<string, string>> = {
  bad_refresh_token: 'invalid_grant',
  invalid_refresh_token: 'invalid_grant',
  bad_verification_code: 'invalid_grant',
  incorrect_client_credentials: 'invalid_client',
}

/** Mends a token endpoint's answer. The only place that knows in which ways providers' answers break strict clients. */
export function normaliseTokenAnswer(
  raw: { readonly status: number; readonly text: string | undefined },
  provider: Provider,
  receivedAt: number,
): TokenAnswer {
  const success = raw.status >= 200 && raw.status < 300
  const parsed = raw.text === undefined ? undefined : parseBody(raw.text)
  const empty = { tokenType: 'bearer', extra: Object.create(null) as Body }
  if (parsed === undefined) {
    if (!success) return { ...empty, status: raw.status }
    const reason = raw.text === undefined ? 'it is longer than 1 MiB.' : 'it is neither a JSON object nor a form.'
    return { ...empty, status: 200, problem: { kind: 'unreadable', reason } }
  }
  const body = lift(parsed)
  const refusal = success && nonEmpty(body['access_token']) !== undefined ? undefined : readError(parsed)
  if (!success || refusal !== undefined) return { ...empty, ...refusal, status: success ? 400 : raw.status }
  return readTokens(body, provider, receivedAt)
}

function readTokens(body: Body, provider: Provider, receivedAt: number): TokenAnswer {
  const take = (...names: readonly string[]): readonly JsonValue[] =>
    names.flatMap((name) => {
      const value = body[name]
      delete body[name]
      return value === undefined ? [] : [value]
    })
  const accessToken = nonEmpty(take('access_token')[0])
  const typeText = nonEmpty(take('token_type')[0])?.trim() ?? ''
  const tokenType = readTokenType(typeText, provider)
  const result = {
    status: 200,
    accessToken,
    tokenType,
    expiresInMs: readLifetime(take, receivedAt),
    refreshToken: nonEmpty(take('refresh_token')[0]),
    refreshTokenExpiresAt: readRefreshTokenEnd(take, receivedAt),
    scope: readScope(take('scope')[0], provider),
    idToken: nonEmpty(take('id_token')[0]),
    extra: body,
  }
  const problem = findProblem(accessToken, tokenType, typeText)
  return problem === undefined ? result : { ...result, problem }
}

function findProblem(accessToken: string | undefined, tokenType: string, typeText: string): AnswerProblem | undefined {
  if (accessToken === undefined) return { kind: 'no_access_token', reason: 'it has no access_token.' }
  if (!isVisibleAscii(accessToken)) {
    return { kind: 'invalid', reason: "its access_token has characters that can't stand in a header." }
  }
  if (tokenType === 'bearer') return undefined
  return {
    kind: 'token_type',
    reason: `its token_type is ${typeText.length > 40 ? 'a long text' : `'${typeText}'`}, not 'bearer'. If such tokens are to be used as bearer tokens, list the type in the provider's tokenTypes.`,
  }
}

function parseBody(text: string): Body | undefined {
  const trimmed = text.replace(/^\uFEFF/, '').trim()
  try {
    const value: unknown = JSON.parse(trimmed)
    return isObject(value) ? bare(value) : undefined
  } catch {
    // A form, which some servers send with any content type; nothing else begins like one.
    if (!/^[\w.-]+=[^\s<>]*$/.test(trimmed)) return undefined
    const form = bare(Object.fromEntries(new URLSearchParams(trimmed)))
    return 'access_token' in form || 'error' in form ? form : undefined
  }
}

function lift(parsed: Body): Body {
  let body = renamed(parsed)
  for (const wrapper of WRAPPERS) {
    const inner = parsed[wrapper]
    if (nonEmpty(body['access_token']) !== undefined || !isObject(inner)) continue
    const candidate = renamed(inner)
    if (nonEmpty(candidate['access_token']) === undefined) continue
    const { [wrapper]: _, ...rest } = body
    body = bare({ ...rest, ...candidate })
  }
  return body
}

function renamed(body: Readonly<Record<string, JsonValue>>): Body {
  const result = bare(body)
  for (const [alias, name] of Object.entries(ALIASES)) {
    const value = result[alias]
    if (value === undefined || result[name] !== undefined) continue
    result[name] = value
    delete result[alias]
  }
  return result
}

/** The error of an answer that is not a success, as far as it can be read. */
export function readRefusal(text: string | undefined): { error?: string; errorDescription?: string } {
  const body = text === undefined ? undefined : parseBody(text)
  return (body === undefined ? undefined : readError(body)) ?? {}
}

function readError(body: Body): { error?: string; errorDescription?: string } | undefined {
  const found = errorOf(body)
  if (found === undefined) return undefined
  const [code, detail] = found
  const description = nonEmpty(body['error_description']) ?? detail
  const error = SAME_ERROR[code.toLowerCase()] ?? code
  // The provider's own code is what its documentation explains.
  const told = [error === code ? undefined : code, description].filter((part) => part !== undefined).join(': ')
  // As it came: what is secret in it is masked before it is made fit for a message.
  return told === '' ? { error } : { error, errorDescription: told }
}

function errorOf(body: Body): readonly [code: string, detail: string | undefined] | undefined {
  const { error, errors } = body
  if (typeof error === 'string' && error !== '') return [error, undefined]
  const [first] = Array.isArray(errors) ? (errors as readonly JsonValue[]) : []
  if (typeof first === 'string' && first !== '') return [first, undefined]
  for (const object of [error, first]) {
    if (!isObject(object)) continue
    const code = ['error', 'errorType', 'type', 'code', 'status'].map((name) => nonEmpty(object[name])).find(Boolean)
    if (code !== undefined) return [code, nonEmpty(object['message']) ?? nonEmpty(object['error_description'])]
  }
  return undefined
}

/** A provider's text on one line and of bounded length, fit for a message. */
export function plainText(text: string): string {
  // eslint-disable-next-line no-control-regex
  const line = text.replace(/[\u0000-\u001F\u007F-\u009F\u2028\u2029]+/g, ' ').trim()
  return line.length > 300 ? `${line.slice(0, 300)}…` : line
}

function readTokenType(text: string, provider: Provider): string {
  const type = text.toLowerCase()
  return type === '' || provider.tokenTypes?.some((known) => known.toLowerCase() === type) === true ? 'bearer' : type
}

type Take = (...names: readonly string[]) => readonly JsonValue[]

/** The access token's lifetime from `expires_in`, else from what servers send in its place. */
function readLifetime(take: Take, receivedAt: number): number | undefined {
  const [seconds] = take('expires_in')
  const [milliseconds] = take('expires_in_ms')
  const moments = take('expires_at', 'expiresAt', 'accessTokenExpiresAt')
  const [either] = take('expires')
  const given = lifetimeMs(seconds)
  if (given !== undefined) return given
  const thousandfold = lifetimeMs(milliseconds)
  const fromMs = thousandfold === undefined ? undefined : Math.round(thousandfold / 1000)
  if (fromMs !== undefined) return fromMs
  // `expires` is a lifetime for some servers and a moment for others: no lifetime is thirty years long.
  const asLifetime = lifetimeMs(either)
  if (asLifetime !== undefined && Number(either) < 1e9) return asLifetime
  const end = [...moments, either].map((value) => momentMs(value, receivedAt)).find((moment) => moment !== undefined)
  return end === undefined ? undefined : Math.max(0, end - receivedAt)
}

function readRefreshTokenEnd(take: Take, receivedAt: number): number | undefined {
  const lifetimes = take('refresh_token_expires_in', 'refresh_expires_in', 'x_refresh_token_expires_in')
  const moments = take('refresh_token_expires_at', 'refreshTokenExpiresAt')
  // Keycloak says 0 for a refresh token that doesn't end.
  const lifetime = lifetimes.map(lifetimeMs).find((value) => value !== undefined && value > 0)
  if (lifetime !== undefined) return receivedAt + lifetime
  return moments.map((value) => momentMs(value, receivedAt)).find((value) => value !== undefined && value > 0)
}

function readScope(value: JsonValue | undefined, provider: Provider): readonly string[] | undefined {
  const parts: readonly JsonValue[] = Array.isArray(value) ? value : [value ?? '']
  const values = parts.flatMap((part) => (typeof part === 'string' ? splitScope(part, provider.scopeSeparator) : []))
  // An empty scope says no more than none: what was asked for, or had before, stands.
  return values.length === 0 ? undefined : values
}

/** The values of a scope string: separated by the provider's separator or by spaces. */
export function splitScope(scope: string, separator: string | undefined): readonly string[] {
  return scope
    .split(separator ?? ' ')
    .flatMap((part) => part.split(/\s+/))
    .filter((part) => part !== '')
}

/** A user info answer with the `sub` that OpenID Connect wants, where a plain OAuth 2 server calls it `id`. */
export function normaliseUserInfo(text: string): string {
  const body = parseBody(text)
  if (body === undefined || body['sub'] !== undefined) return text
  const { id } = body
  const sub = typeof id === 'number' ? String(id) : nonEmpty(id)
  return sub === undefined ? text : JSON.stringify({ ...body, sub })
}

function nonEmpty(value: JsonValue | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function isObject(value: unknown): value is Readonly<Record<string, JsonValue>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A copy without a prototype: a member named `__proto__` is only a member. */
function bare(value: Readonly<Record<string, JsonValue>>): Body {
  return Object.assign(Object.create(null) as Body, value)
}
