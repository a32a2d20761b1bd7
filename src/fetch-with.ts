import { assertOrigin, compileOrigins } from './client/resource-origins.ts'
import { assertSecure, isLoopback } from './client/transport-security.ts'
import { ConfigError, EvergrantError } from './errors.ts'
import type { TokenSource } from './token-source.ts'
import { isVisibleAscii, makeToken, accessTokenOf, type AccessToken } from './token.ts'

/** How `fetchWith` sends. */
export interface FetchWithOptions {
  /** The fetch that sends. @default globalThis.fetch */
  readonly fetch?: typeof globalThis.fetch
  /** Where the token may be sent: origins, `https://*.example.com`, or `['*']` for any https origin. @default ['*'], and http on loopback; a session's own `fetch` has its client's `resourceOrigins` */
  readonly origins?: readonly string[]
  /** One refresh and one retry when a resource answers 401, for bodies that can be sent again. @default true */
  readonly retry401?: boolean
}

/** What a bound fetch is made of. */
export interface BoundFetch {
  readonly source: TokenSource
  readonly fetch: typeof globalThis.fetch
  /** Throws, or rejects, when the token may not be sent there. */
  readonly guard: (url: URL) => void | Promise<void>
  readonly retry401: boolean
}

/**
 * A `fetch` that sends the source's token with every request (RFC 6750 section 2.1) and, on a 401, asks the source for another one
 * and repeats the request once.
 * @throws ConfigError when the caller set an Authorization header of its own; OriginNotAllowedError, InsecureTransportError; what the source throws
 */
export function fetchWith(source: TokenSource, options: FetchWithOptions = {}): typeof globalThis.fetch {
  const named = options.origins
  const rule = compileOrigins(named ?? ['*'], 'origins of fetchWith')
  return boundFetch({
    source,
    fetch: options.fetch ?? ((input, init) => globalThis.fetch(input, init)),
    guard: (url) => {
      assertSecure(url, { name: 'fetchWith', allowInsecureRequests: true, remote: false })
      if (named !== undefined || !isLoopback(url)) assertOrigin(url, rule, 'fetchWith')
    },
    retry401: options.retry401 ?? true,
  })
}

/** A source that always hands out the same token: for tests and fixed tokens. */
export function staticSource(token: string | AccessToken): TokenSource {
  const accessToken = typeof token === 'string' ? token : token.accessToken
  if (!isVisibleAscii(accessToken))
    throw new ConfigError('Expected the token to be a string of visible ASCII characters.')
  const access =
    typeof token === 'string'
      ? accessTokenOf(makeToken({ accessToken, receivedAt: 0 }))
      : accessTokenOf(makeToken({ ...token, receivedAt: 0 }))
  const answer = Promise.resolve(access)
  return { token: () => answer }
}

export function boundFetch({ source, fetch, guard, retry401 }: BoundFetch): typeof globalThis.fetch {
  return async (input, init) => {
    const request = isRequest(input) ? input : undefined
    const url = toUrl(request === undefined ? (input as string | URL) : request.url)
    const guarded = guard(url)
    if (guarded !== undefined) await guarded
    // Before the token is asked for: that may cost a refresh.
    const own = ownHeaders(init?.headers ?? request?.headers)
    const signal = init?.signal ?? request?.signal
    const wanting = signal === undefined || signal === null ? undefined : { signal }
    const token = await source.token(wanting)
    const send = (target: RequestInfo | URL, using: AccessToken): Promise<Response> =>
      fetch(target, { ...init, headers: authorized(own, using) })

    // A Request's body can be read once: the retry's copy must be made before. Memory holds it until the answer is there.
    const streamed = init?.body === undefined || init.body === null ? false : !canBeSentAgain(init.body)
    const copied = retry401 && request !== undefined && request.body !== null && init?.body === undefined
    const response = await send(copied ? request.clone() : input, token)
    if (response.status !== 401 || !retry401 || redirectedElsewhere(response, url)) return response

    const other = await source.token({ ...wanting, rejected: token.accessToken }).catch((error: unknown) => {
      // The caller's own repeat gets the news; this request's answer stands.
      if (streamed && error instanceof EvergrantError) return token
      throw error
    })
    if (other.accessToken === token.accessToken || streamed) return response
    await response.body?.cancel()
    return send(input, other)
  }
}

function isRequest(input: RequestInfo | URL): input is Request {
  return typeof input === 'object' && 'url' in input && 'headers' in input
}

function toUrl(input: string | URL): URL {
  try {
    return new URL(input)
  } catch {
    // Not with its cause, which repeats the whole URL: there may be a secret in the query.
    throw new ConfigError(`Expected an absolute URL to fetch, got '${String(input).split('?')[0] ?? ''}'.`)
  }
}

/** The caller's own headers. @throws ConfigError when there is an Authorization header among them */
function ownHeaders(headers: HeadersInit | undefined): Headers | undefined {
  if (headers === undefined) return undefined
  const own = headers instanceof Headers ? headers : new Headers(headers)
  if (!own.has('authorization')) return own
  throw new ConfigError(
    "The request has an Authorization header of its own. Remove it: the session sets it. Use plain fetch for requests that must not carry this grant's token.",
  )
}

/** The caller's headers with the token; the caller's object stays as it is. */
function authorized(own: Headers | undefined, token: AccessToken): HeadersInit {
  const authorization = `Bearer ${token.accessToken}`
  if (own === undefined) return { authorization }
  const copy = new Headers(own)
  copy.set('authorization', authorization)
  return copy
}

function canBeSentAgain(body: BodyInit): boolean {
  return (
    typeof body === 'string' ||
    body instanceof URLSearchParams ||
    body instanceof FormData ||
    body instanceof Blob ||
    body instanceof ArrayBuffer ||
    ArrayBuffer.isView(body)
  )
}

/** After a redirect to another origin the token was not sent there (Fetch standard): that 401 says nothing about it. */
function redirectedElsewhere(response: Response, url: URL): boolean {
  return response.redirected && response.url !== '' && new URL(response.url).origin !== url.origin
}
