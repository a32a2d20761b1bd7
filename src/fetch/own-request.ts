import { ConfigError } from '../model/errors.ts'
import { canBeSentAgain, ownBody } from './own-body.ts'
import { ownAuthorization } from './resource-request.ts'

/** The members of an init that may be inherited: the init can be another Request, whose members are its class's. */
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

/**
 * The arguments of `fetch`, read once, at the call, as the Fetch standard reads them. Later changes by the caller
 * affect no request.
 */
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
   * `twice`: the request may have to be sent again.
   * @throws ConfigError for a relative URL, or if there is an Authorization header
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
    // Memory holds the body until the response arrives.
    this.#spare = twice && request !== undefined && request.body !== null && (own.body ?? null) === null
  }

  /** Returns the arguments of `fetch` for one sending. */
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

/**
 * Returns a Request of the same class with everything that this one has. This one's body is consumed, as after
 * `fetch(request)`.
 */
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
    // Without its cause, which repeats the whole URL: there may be a secret in the query.
    throw new ConfigError(`Expected the URL given to fetch to be absolute, got '${String(input).split('?')[0] ?? ''}'.`)
  }
}
