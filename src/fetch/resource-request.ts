import { discardBody, isWebStream, readBody } from '../client/http/bodies.ts'
import { isBeyondRefresh } from '../client/answers/challenge.ts'
import type { BodyLook, RejectedAnswers } from '../client/answers/rejected-answers.ts'
import { untilAborted } from '../client/http/deadline.ts'
import { assertOrigin, compileOrigins } from '../client/resource-origins.ts'
import { assertSecure, isLoopback } from '../client/http/transport-security.ts'
import { ConfigError, isEvergrantError } from '../model/errors.ts'
import type { TokenSource } from '../model/token-source.ts'
import type { AccessToken } from '../model/token.ts'

/** Throws, or rejects, when the token may not be sent there. */
export type ResourceGuard = (url: URL) => void | Promise<void>

/** What requests with a source's token go by. */
export interface ResourceRules {
  readonly assertResource: ResourceGuard
  /** The provider's answers, beside 401, that mean that the access token is over. */
  readonly rejected: RejectedAnswers | undefined
}

/** What a bound fetch goes by. */
export interface FetchRules extends ResourceRules {
  readonly fetch: typeof globalThis.fetch
}

/** The rules of a source, or a promise of them where its client has to be looked up. */
export type RulesOf<R extends ResourceRules> = () => R | PromiseLike<R>

/** The guard of a source that has no client: `origins`, or by default every https origin and http on loopback. `name` is who guards, for messages. */
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

/** For a request that brings an Authorization header along. `instead` is what to use for requests that must not carry the token. */
export function ownAuthorization(instead: string): ConfigError {
  return new ConfigError(
    `The request has an Authorization header of its own. Remove it: the session sets it. Use ${instead} for requests that must not carry this grant's token.`,
  )
}

/**
 * Whether an answer says that its access token is over: a 401, unless its challenge is one that no refresh mends, or what the provider's data names.
 * The answer is its caller's as it was.
 */
export function isRefused(response: Response, rejected: RejectedAnswers | undefined): boolean | Promise<boolean> {
  const { headers, status } = response
  if (status === 401) return !isBeyondRefresh(headers.get('www-authenticate'))
  if (rejected === undefined) return false
  const verdict = rejected.judge(status, (name) => headers.get(name))
  return typeof verdict === 'boolean' ? verdict : bodyIsRefused(response, verdict)
}

/** A copy of a Node stream that is read alone stops when so much waits in the other one. */
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
 * The token to repeat a request with whose token was refused, or undefined: the answer stands. The source is asked in any case, so that the next
 * request has a good token.
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
    // The caller's own repeat gets the news; this request's answer stands.
    if (!repeatable && isEvergrantError(error)) return undefined
    throw error
  }
}
