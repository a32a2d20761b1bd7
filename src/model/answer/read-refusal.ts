import type { Body } from './body.ts'
import { isObject, member, textOf } from './members.ts'

/** The error that a response contains. */
export interface RefusalRead {
  /** The code as the response has it. */
  readonly code?: string
  /** The registered code with the same meaning, else the code itself. */
  readonly error?: string
  /** The provider's text, after its own code if `error` is another. */
  readonly errorDescription?: string
  /** Every text of the response that may describe the refusal. */
  readonly texts: readonly string[]
}

/** Error codes of single providers, and the registered code with the same meaning. */
const SAME_ERROR: ReadonlyMap<string, string> = new Map([
  ['bad_refresh_token', 'invalid_grant'],
  ['invalid_refresh_token', 'invalid_grant'],
  ['bad_verification_code', 'invalid_grant'],
  ['bad_client_id', 'invalid_client'],
  ['bad_client_secret', 'invalid_client'],
  ['incorrect_client_credentials', 'invalid_client'],
  ['invalid_client_credentials', 'invalid_client'],
  ['invalid_client_id', 'invalid_client'],
  ['invalid_client_secret', 'invalid_client'],
])

const NESTED_CODES = ['error', 'code', 'type', 'errorType', 'status'] as const
const LISTED_CODES = ['errorType', 'code', 'error', 'type', 'status'] as const
const TOP_CODES = ['status', 'code', 'errcode', 'reason'] as const
const TEXTS = ['error_description', 'message', 'msg', 'errmsg', 'error_message', 'reason'] as const

/** Words that say that the request failed, but not why. */
const NO_CODE = /^(error|fail|failed|failure|false|ko|nok|none|null|ok|success)$/i

/** Reads the error of a response whose status is not 2xx. */
export function readRefusal(body: Body): RefusalRead {
  const code = errorCode(body) ?? topCode(body, isCode) ?? errorCode(body, true)
  return refusalOf(body, code)
}

/** Reads the error of a response with status 2xx (GitHub, Slack, Lark, WeChat). Returns undefined if there is none. */
export function readHiddenRefusal(body: Body): RefusalRead | undefined {
  const code =
    errorCode(body) ??
    errorCode(body, true) ??
    // `status: "ok"` is not a code, and neither is an HTTP status if there is another.
    topCode(body, (value, name) => isCode(value) && meansFailure(value, name)) ??
    topCode(body, meansFailure)
  return code === undefined && member(body, 'ok') !== false ? undefined : refusalOf(body, code)
}

function meansFailure(value: unknown, name: string): boolean {
  const code = codeText(value)
  if (code === undefined || name === 'reason') return false
  return isNumeral(code) || name !== 'status'
}

function isCode(value: unknown): boolean {
  const code = codeText(value)
  return code !== undefined && !isHttpStatus(code) && !NO_CODE.test(code)
}

function topCode(body: Body, wanted: (value: unknown, name: string) => boolean): string | undefined {
  const name = TOP_CODES.find((each) => wanted(member(body, each), each))
  return name === undefined ? undefined : codeText(member(body, name))
}

/** The code in `error` or `errors`. An HTTP status in an object is a code only if there is no other. */
function errorCode(body: Body, evenHttp = false): string | undefined {
  const error = member(body, 'error')
  const direct = codeText(error)
  if (direct !== undefined) return direct
  const first = firstListed(body)
  if (first !== undefined && !isObject(first)) return codeText(first)
  for (const [object, names] of [
    [error, NESTED_CODES],
    [first, LISTED_CODES],
  ] as const) {
    if (!isObject(object)) continue
    const codes = names.map((name) => codeText(member(object, name)))
    const code = codes.find((each) => each !== undefined && (evenHttp || !isHttpError(each)))
    if (code !== undefined) return code
  }
  return undefined
}

function firstListed(body: Body): unknown {
  const errors = member(body, 'errors')
  return Array.isArray(errors) ? (errors as readonly unknown[])[0] : undefined
}

function refusalOf(body: Body, code: string | undefined): RefusalRead {
  const nested = [member(body, 'error'), firstListed(body)].filter(isObject)
  const texts = [
    textOf(member(body, 'error_description')),
    ...nested.flatMap((object) => TEXTS.map((name) => textOf(member(object, name)))),
    ...TEXTS.map((name) => textOf(member(body, name))),
  ].filter((text) => text !== undefined && text !== code)
  const error = code === undefined ? undefined : (SAME_ERROR.get(code.toLowerCase()) ?? code)
  // The provider's own code is what its documentation explains.
  const parts = [error === code ? undefined : code, texts[0]].filter((part) => part !== undefined)
  return {
    ...(code === undefined ? {} : { code }),
    ...(error === undefined ? {} : { error }),
    // Unchanged: secrets in it are masked before it becomes part of a message.
    ...(parts.length === 0 ? {} : { errorDescription: parts.join(': ') }),
    // A code that is a sentence describes the refusal itself.
    texts: [...new Set(code?.includes(' ') === true ? [...texts, code] : texts)] as readonly string[],
  }
}

/** A code as text: a string or a number. 0, also as a string, means success. */
function codeText(value: unknown): string | undefined {
  const text = typeof value === 'number' && Number.isFinite(value) ? String(value) : textOf(value)?.trim()
  return text === undefined || text === '' || (isNumeral(text) && Number(text) === 0) ? undefined : text
}

function isNumeral(text: string): boolean {
  return /^-?\d+(\.\d+)?$/.test(text)
}

/** A number inside an error is not a 2xx status: Facebook's codes 102 and 200 are its own. */
function isHttpError(code: string): boolean {
  return isHttpStatus(code) && Number(code) >= 400
}

function isHttpStatus(code: string): boolean {
  return /^(10[0-3]|20[0-8]|226|30[0-8]|4\d\d|50\d|51[01])$/.test(code)
}
