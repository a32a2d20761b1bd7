import { ConfigError } from './errors.ts'
import {
  bearer,
  canBeSentAgain,
  guardOf,
  ownAuthorization,
  tokenAfter401,
  type ResourceGuard,
} from './resource-request.ts'
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
  readonly guard: ResourceGuard
  readonly retry401: boolean
}

/**
 * A `fetch` that sends the source's token with every request (RFC 6750 section 2.1) and, on a 401, asks the source for another one
 * and repeats the request once.
 * @throws ConfigError when the caller set an Authorization header of its own; OriginNotAllowedError, InsecureTransportError; what the source throws
 */
export function fetchWith(source: TokenSource, options: FetchWithOptions = {}): typeof globalThis.fetch {
  return boundFetch({
    source,
    fetch: options.fetch ?? ((input, init) => globalThis.fetch(input, init)),
    guard: guardOf(options.origins, 'fetchWith'),
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
    const signal = init?.signal ?? request?.signal ?? undefined
    const token = await source.token(signal === undefined ? undefined : { signal })
    const send = (target: RequestInfo | URL, using: AccessToken): Promise<Response> =>
      fetch(target, { ...init, headers: authorized(own, using) })

    // A Request's body can be read once: the retry's copy must be made before. Memory holds it until the answer is there.
    const copied = retry401 && request !== undefined && request.body !== null && init?.body === undefined
    const response = await send(copied ? request.clone() : input, token)
    if (response.status !== 401 || !retry401 || redirectedElsewhere(response, url)) return response

    const repeatable = canBeSentAgain(init?.body)
    const other = await tokenAfter401(source, token, { repeatable, signal }).catch((error: unknown) => {
      // An unread body would keep its connection busy.
      response.body?.cancel().catch(() => undefined)
      throw error
    })
    if (other === undefined) return response
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
  throw ownAuthorization('plain fetch')
}

/** The caller's headers with the token; the caller's object stays as it is. */
function authorized(own: Headers | undefined, token: AccessToken): HeadersInit {
  const authorization = bearer(token)
  if (own === undefined) return { authorization }
  const copy = new Headers(own)
  copy.set('authorization', authorization)
  return copy
}

/** After a redirect to another origin the token was not sent there (Fetch standard): that 401 says nothing about it. */
function redirectedElsewhere(response: Response, url: URL): boolean {
  return response.redirected && response.url !== '' && new URL(response.url).origin !== url.origin
}
