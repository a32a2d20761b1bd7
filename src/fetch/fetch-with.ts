import { discardBody } from '../client/http/bodies.ts'
import { untilAborted } from '../client/http/deadline.ts'
import { ConfigError } from '../model/errors.ts'
import { OwnRequest } from './own-request.ts'
import { isThenable } from '../util/promised.ts'
import { bearer, guardOf, isRefused, tokenAfterRefusal, type FetchRules, type RulesOf } from './resource-request.ts'
import { bindingOf } from './session-binding.ts'
import type { TokenSource } from '../model/token-source.ts'
import { isVisibleAscii, makeToken, accessTokenOf, type AccessToken } from '../model/token.ts'

/** Options of `fetchWith`. */
export interface FetchWithOptions {
  /** The fetch that sends. @default globalThis.fetch */
  readonly fetch?: typeof globalThis.fetch | undefined
  /**
   * Where the token may be sent: origins, `https://*.example.com`, or `['*']` for any https origin. A session's own
   * `fetch` uses its client's `resourceOrigins`. @default ['*'], and http on loopback
   */
  readonly origins?: readonly string[] | undefined
  /**
   * Whether to refresh and retry once when a resource refuses the token: with a 401, or with a response that a
   * session's provider names in `rejected`. Only for bodies that can be sent again. @default the session's policy; true
   * for other sources
   */
  readonly retry401?: boolean | undefined
}

/** What a bound fetch is made of. */
export interface BoundFetch {
  readonly source: TokenSource
  readonly rules: RulesOf<FetchRules>
  readonly retry401: boolean
}

/**
 * Returns a `fetch` that sends the source's token with every request (RFC 6750 section 2.1). On a 401, it asks the
 * source for another token and repeats the request once. Arguments are read at the call: the caller may change its
 * objects later.
 * @throws ConfigError if the caller set an Authorization header; OriginNotAllowedError, InsecureTransportError; what
 * the source throws
 */
export function fetchWith(source: TokenSource, options: FetchWithOptions = {}): typeof globalThis.fetch {
  if (typeof source?.token !== 'function')
    throw new ConfigError('Expected the source of fetchWith to be a session, or an object with a token() method.')
  const assertResource = guardOf(options.origins, 'fetchWith')
  const fetch = options.fetch ?? ((input, init) => globalThis.fetch(input, init))
  // For a session, its provider's data about responses counts here too.
  const binding = bindingOf(source)
  const rules: RulesOf<FetchRules> = () => {
    const own = binding?.rules()
    return isThenable(own)
      ? own.then(({ rejected }) => ({ assertResource, fetch, rejected }))
      : { assertResource, fetch, rejected: own?.rejected }
  }
  return boundFetch({ source, rules, retry401: options.retry401 ?? binding?.retry401 ?? true })
}

/** Returns a source that always returns the same token, for tests and fixed tokens. */
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

export function boundFetch({ source, rules, retry401 }: BoundFetch): typeof globalThis.fetch {
  return async (input, init) => {
    const request = new OwnRequest(input, init, retry401)
    const { signal, url } = request
    const found = rules()
    const ruled = isThenable(found) ? await untilAborted(Promise.resolve(found), signal) : found
    const guarded = ruled.assertResource(url)
    if (guarded !== undefined) await untilAborted(guarded, signal)
    const token = await untilAborted(source.token(signal === undefined ? undefined : { signal }), signal)
    const { fetch } = ruled
    const response = await fetch(...request.parts(bearer(token)))
    if (!retry401 || redirectedElsewhere(response, url)) return response
    const refused = isRefused(response, ruled.rejected)
    if (refused === false || !(await refused)) return response

    let other: AccessToken | undefined
    try {
      other = await tokenAfterRefusal(source, token, request)
    } catch (error) {
      discardBody(response)
      throw error
    }
    if (other === undefined) return response
    discardBody(response)
    return fetch(...request.parts(bearer(other)))
  }
}

/** After a redirect to another origin the token was not sent there (Fetch standard): that 401 says nothing about it. */
function redirectedElsewhere(response: Response, url: URL): boolean {
  return response.redirected && response.url !== '' && new URL(response.url).origin !== url.origin
}
