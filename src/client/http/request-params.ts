import { ConfigError } from '../../model/errors.ts'

/** Extra parameters as callers pass them. */
export type Params = Readonly<Record<string, string>>

/**
 * Parameters of an authorization request that the library itself sets (RFC 6749 section 4.1.1, RFC 7636, OpenID Connect
 * Core section 3.1.2.1).
 */
export const RESERVED_FOR_AUTHORIZATION: readonly string[] = [
  'client_id',
  'client_secret',
  'redirect_uri',
  'response_type',
  'scope',
  'state',
  'nonce',
  'code_challenge',
  'code_challenge_method',
  'request',
  'request_uri',
]

/** Parameters of a token request that the library itself sets. */
export const RESERVED_FOR_TOKENS: readonly string[] = [
  'grant_type',
  'client_id',
  'client_secret',
  'client_assertion',
  'client_assertion_type',
  'code',
  'code_verifier',
  'redirect_uri',
  'refresh_token',
  'scope',
]

/**
 * Adds parameters. An empty value removes an earlier one, because empty parameters are never sent (RFC 6749 section
 * 3.1).
 */
export function addParams(
  target: URLSearchParams,
  params: Params | undefined,
  reserved: readonly string[],
  where: string,
): void {
  for (const [name, value] of Object.entries(params ?? {})) {
    if (reserved.includes(name)) {
      throw new ConfigError(
        `Expected ${where} to be without ${name}: the client sets it. Use the client's own option for it.`,
      )
    }
    if (value === undefined || value === '') {
      target.delete(name)
      continue
    }
    if (typeof value !== 'string')
      throw new ConfigError(`Expected ${name} of ${where} to be a string, got ${typeof value}.`)
    target.set(name, value)
  }
}

/** Returns a scope as a list. A string is split at spaces. */
export function scopeList(scope: string | readonly string[] | undefined, where: string): readonly string[] | undefined {
  if (scope === undefined) return undefined
  const list = typeof scope === 'string' ? scope.split(' ') : scope
  if (!Array.isArray(list) || list.some((value) => typeof value !== 'string')) {
    throw new ConfigError(`Expected ${where} to be a string or a list of strings.`)
  }
  // One entry with spaces in it is several values.
  const values = list.flatMap((value: string) => value.split(/\s+/)).filter((value) => value !== '')
  return values.length === 0 ? undefined : [...new Set(values)]
}
