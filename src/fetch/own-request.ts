import { ConfigError } from '../model/errors.ts'
import { canBeSentAgain, ownBody } from './own-body.ts'
import { ownAuthorization } from './resource-request.ts'

/** The members of an init that may be inherited: another Request can stand there, whose members are its class's. */
const INIT_MEMBERS = [
  'method',
  'headers',
  'body',
  'mode',
  'credentials',
  'cache',
  'redirect',
  'referrer',
  'referrerPolicy',
  'integrity',
  'keepalive',
  'signal',
  'duplex',
  'priority',
  'dispatcher',
] as const

/** What `fetch` was called with, read once, at the call, as the Fetch standard reads it: what the caller changes afterwards changes no request. */
export class OwnRequest {
  readonly url: URL
  readonly signal: AbortSignal | undefined
  /** Whether it can be sent a second time. */
  readonly repeatable: boolean
  readonly #input: string | Request
  readonly #init: RequestInit
  readonly #headers: Headers | undefined
  /** A Request's body can be read once: the first sending gets a copy of it. */
  #spare: boolean

  /**
   * `twice`: it may have to be sent again.
   * @throws ConfigError for a relative URL, or when there is an Authorization header
   */
  constructor(input: RequestInfo | URL, init: RequestInit | undefined, twice: boolean) {
    const request = isRequest(input) ? taken(input) : undefined
    const own = ownInit(init)
    this.url = toUrl(request === undefined ? (input as string | URL) : request.url)
    this.#input = request ?? (typeof input === 'string' ? input : this.url.href)
    this.#init = own
    const headers = own.headers ?? request?.headers
    this.#headers = headers === undefined ? undefined : new Headers(headers)
    if (this.#headers?.has('authorization') === true) throw ownAuthorization('plain fetch')
    const signal = own.signal === undefined ? request?.signal : own.signal
    this.signal = signal ?? undefined
    this.repeatable = canBeSentAgain(own.body)
    // Memory holds the body until the answer is there.
    this.#spare = twice && request !== undefined && request.body !== null && (own.body ?? null) === null
  }

  /** What to call `fetch` with, for one sending. */
  parts(authorization: string): [string | Request, RequestInit] {
    let headers: HeadersInit = { authorization }
    if (this.#headers !== undefined) {
      headers = new Headers(this.#headers)
      headers.set('authorization', authorization)
    }
    const input = this.#spare ? (this.#input as Request).clone() : this.#input
    this.#spare = false
    return [input, { ...this.#init, headers }]
  }
}

function isRequest(input: RequestInfo | URL): input is Request {
  return typeof input === 'object' && 'url' in input && 'headers' in input
}

/** A Request of the same class with all that this one has; its body is this one's no more, as after `fetch(request)`. */
function taken(request: Request): Request {
  return new (request.constructor as typeof Request)(request)
}

function ownInit(init: RequestInit | undefined): RequestInit {
  if (init === undefined || init === null) return {}
  const own: Record<string, unknown> = { ...init }
  if (Object.getPrototypeOf(init) !== Object.prototype) {
    for (const name of INIT_MEMBERS) {
      const value = own[name] ?? (init as Record<string, unknown>)[name]
      if (value !== undefined) own[name] = value
    }
  }
  if (typeof own['body'] === 'object') own['body'] = ownBody(own['body'])
  return own
}

function toUrl(input: string | URL): URL {
  try {
    return new URL(input)
  } catch {
    // Not with its cause, which repeats the whole URL: there may be a secret in the query.
    throw new ConfigError(`Expected an absolute URL to fetch, got '${String(input).split('?')[0] ?? ''}'.`)
  }
}
