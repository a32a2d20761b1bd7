import { ConfigError } from '../../model/errors.ts'
import { readText } from '../http/transport.ts'

/**
 * The fields of a callback as a framework parsed them (`request.query`, `request.body`). A list means that the
 * parameter appeared more than once.
 */
export type CallbackFields = Readonly<Record<string, string | readonly string[] | undefined>>

/**
 * Node's own request, as in Express, Fastify and `node:http`: its URL is read. By POST its body belongs to the
 * framework: pass the parsed fields.
 */
export interface NodeRequest {
  readonly url?: string | undefined
  readonly method?: string | undefined
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
}

/**
 * The provider's callback as an application receives it: the URL, relative or absolute, its query, its parameters or
 * fields, or the request itself.
 */
export type Callback = string | URL | URLSearchParams | FormData | Request | NodeRequest | CallbackFields

/** Reads the parameters of a callback. Scheme, host and path are not judged: a proxy may have changed them. */
export async function readCallback(callback: Callback): Promise<URLSearchParams> {
  if (typeof callback === 'string') return queryOf(callback)
  if (typeof callback !== 'object' || callback === null || Array.isArray(callback)) throw noCallback()
  // By their shape: other realms and replacements of fetch have their own classes.
  const value = callback as Record<string, unknown>
  if (isParameters(value)) return fromEntries(value)
  if (typeof value['href'] === 'string' && 'search' in value) return queryOf(value['href'])
  const plain = isPlain(value)
  const asFields = plain && ['code', 'state', 'error'].some((name) => Object.hasOwn(value, name))
  if (!asFields && typeof value['url'] === 'string' && isHeaders(value['headers'])) return fromRequest(value)
  if (plain) return fromEntries(Object.entries(value))
  throw noCallback()
}

async function fromRequest(request: Record<string, unknown>): Promise<URLSearchParams> {
  const url = request['url'] as string
  const method = typeof request['method'] === 'string' ? request['method'].toUpperCase() : 'GET'
  if (method !== 'POST') return queryOf(url)
  const { headers } = request as { headers: object }
  if (!('get' in headers) || typeof headers.get !== 'function') {
    throw new ConfigError(
      "The callback is Node's own request (IncomingMessage) by POST, whose body belongs to the framework. Pass the parsed fields instead (request.body, behind express.urlencoded() or the like), or the body's text.",
    )
  }
  const web = request as unknown as Request
  // Any other body is not a callback. Its parameters are missed later.
  if (!/^application\/x-www-form-urlencoded\s*(;|$)/i.test(web.headers.get('content-type') ?? ''))
    return new URLSearchParams()
  if (web.bodyUsed)
    throw new ConfigError('The body of the callback Request was read before. Pass its fields, or its text.')
  return new URLSearchParams((await readText(web)) ?? '')
}

function fromEntries(entries: Iterable<readonly [string, unknown]>): URLSearchParams {
  const parameters = new URLSearchParams()
  for (const [name, value] of entries) {
    const values: readonly unknown[] = Array.isArray(value) ? value : [value]
    // Files and objects are not parameters.
    for (const each of values) {
      if (['string', 'number', 'bigint', 'boolean'].includes(typeof each)) parameters.append(name, String(each))
    }
  }
  return parameters
}

/** The query of a URL, or a query alone, with or without its question mark. */
function queryOf(text: string): URLSearchParams {
  const [beforeFragment = ''] = text.trim().split('#')
  // Before the first `=` of a query there is only a parameter's name.
  if (/^&*[^/?:=&]+=/.test(beforeFragment)) return new URLSearchParams(beforeFragment)
  const start = beforeFragment.indexOf('?')
  return new URLSearchParams(start === -1 ? '' : beforeFragment.slice(start + 1))
}

function isParameters(value: object): value is Iterable<readonly [string, unknown]> {
  return /^\[object (URLSearchParams|FormData)\]$/.test(Object.prototype.toString.call(value))
}

/** Whether an object has no class, in any realm. Query parsers make objects whose prototype is empty too. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === null) return true
  return typeof prototype === 'object' && Object.getPrototypeOf(prototype) === null
}

function isHeaders(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}

function noCallback(): ConfigError {
  return new ConfigError(
    'Expected callback to be the callback URL, its query, its URLSearchParams or FormData, its parsed fields ({ code, state }), or the request itself.',
  )
}
