import { assertOrigin, compileOrigins } from './client/resource-origins.ts'
import { assertSecure, isLoopback } from './client/transport-security.ts'
import { ConfigError, EvergrantError } from './errors.ts'
import type { TokenSource } from './token-source.ts'
import type { AccessToken } from './token.ts'

/** Throws, or rejects, when the token may not be sent there. */
export type ResourceGuard = (url: URL) => void | Promise<void>

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

/** Whether a body is there to be sent again after it was sent: a stream or an iterable may be used up. */
export function canBeSentAgain(body: unknown): boolean {
  if (body === undefined || body === null || typeof body === 'string' || ArrayBuffer.isView(body)) return true
  // By its name: undici, like other replacements of fetch, has a FormData class of its own.
  return /^\[object (ArrayBuffer|URLSearchParams|FormData|Blob|File)\]$/.test(Object.prototype.toString.call(body))
}

/**
 * The token to repeat a request with that was answered 401, or undefined: the answer stands. The source is asked in any case, so that the next
 * request has a good token.
 */
export async function tokenAfter401(
  source: TokenSource,
  refused: AccessToken,
  request: { readonly repeatable: boolean; readonly signal: AbortSignal | undefined },
): Promise<AccessToken | undefined> {
  const { repeatable, signal } = request
  const want = { rejected: refused.accessToken, ...(signal === undefined ? {} : { signal }) }
  const other = await source.token(want).catch((error: unknown) => {
    // The caller's own repeat gets the news; this request's answer stands.
    if (!repeatable && error instanceof EvergrantError) return refused
    throw error
  })
  return repeatable && other.accessToken !== refused.accessToken ? other : undefined
}
