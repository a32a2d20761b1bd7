import { discardBody, isWebStream, readBody } from '../client/http/bodies.ts'
import { isBeyondRefresh } from '../client/answers/challenge.ts'
import type { BodyLook, RejectedAnswers } from '../client/answers/rejected-answers.ts'
import { untilAborted } from '../client/http/deadline.ts'
import { assertOrigin, compileOrigins } from '../client/resource-origins.ts'
import { assertSecure, isLoopback } from '../client/http/transport-security.ts'
import { ConfigError, isEvergrantError } from '../model/errors.ts'
import type { TokenSource } from '../model/token-source.ts'
import type { AccessToken } from '../model/token.ts'

/** Throws, or rejects, if the token may not be sent there. */
export type ResourceGuard = (url: URL) => void | Promise<void>

/** Rules for requests with a source's token. */
export interface ResourceRules {
  readonly assertResource: ResourceGuard
  /** API responses other than 401 that mean the access token has expired. */
  readonly rejected: RejectedAnswers | undefined
}

/** Rules of a bound fetch. */
export interface FetchRules extends ResourceRules {
  readonly fetch: typeof globalThis.fetch
}

/** The rules of a source, or a promise of them if its client has to be looked up. */
export type RulesOf<R extends ResourceRules> = () => R | PromiseLike<R>

/**
 * Returns the guard of a source that has no client: `origins`, or by default every https origin and http on loopback.
 * `name` is the guarding function, for messages.
 */
export function guardOf(origins: readonly string[] | undefined, name: string): ResourceGuard {
  const rule = compileOrigins(origins ?? ['*'], `origins of ${name}`)
  return (url) => {
    assertSecure(url, { name, allowInsecureRequests: true, remote: false })
    if (origins !== undefined || !isLoopback(url)) assertOrigin(url, rule, name)
  }
}

/** The Authorization header's value (RFC 6750 section 2.1). */
export function bearer(token: AccessToken): string {
  return `Bearer ${token.accessToken}`
}

/**
 * Makes the error for a request with its own Authorization header. `instead` is what to use for requests that must not
 * carry the token.
 */
export function ownAuthorization(instead: string): ConfigError {
  return new ConfigError(
    `The request has its own Authorization header. Remove it: the session sets it. Use ${instead} for requests that must not carry this grant's token.`,
  )
}

/**
 * Whether a response says that its access token has expired: a 401, unless no refresh fixes its challenge, or what the
 * provider's data names. The caller still gets the response unchanged.
 */
export function isRefused(response: Response, rejected: RejectedAnswers | undefined): boolean | Promise<boolean> {
  const { headers, status } = response
  if (status === 401) return !isBeyondRefresh(headers.get('www-authenticate'))
  if (rejected === undefined) return false
  const verdict = rejected.judge(status, (name) => headers.get(name))
  return typeof verdict === 'boolean' ? verdict : bodyIsRefused(response, verdict)
}

/** Number of bytes waiting in the other copy at which a copy of a Node stream stops. */
const MOST_OF_NODE_STREAMS = 16_384

async function bodyIsRefused(response: Response, look: BodyLook): Promise<boolean> {
  if (response.body === null || response.body === undefined) return false
  let copy: Response | undefined
  try {
    copy = response.clone()
    const most = isWebStream(copy.body) ? Number.POSITIVE_INFINITY : MOST_OF_NODE_STREAMS
    let verdict: boolean | undefined
    let bytes = 0
    const known = await readBody(copy.body, (chunk) => {
      bytes += chunk.byteLength
      verdict = bytes > most ? false : look.add(chunk)
      return verdict === undefined
    })
    return verdict ?? (known && look.end())
  } catch {
    // It breaks off for its reader too.
    return false
  } finally {
    if (copy !== undefined) discardBody(copy)
  }
}

/**
 * Returns the token for the repeat of a rejected request, or undefined if the response is final. Asks the source in
 * any case, so that the next request has a good token.
 */
export async function tokenAfterRefusal(
  source: TokenSource,
  refused: AccessToken,
  request: { readonly repeatable: boolean; readonly signal: AbortSignal | undefined },
): Promise<AccessToken | undefined> {
  const { repeatable, signal } = request
  const want = { rejected: refused.accessToken, ...(signal === undefined ? {} : { signal }) }
  try {
    const other = await untilAborted(source.token(want), signal)
    return repeatable && other.accessToken !== refused.accessToken ? other : undefined
  } catch (error) {
    // The caller's own repeat gets the new token, and this request's response is final.
    if (!repeatable && isEvergrantError(error)) return undefined
    throw error
  }
}
