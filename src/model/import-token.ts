import { jsonCopy } from './answer/copy.ts'
import { ACCESS_TOKEN } from './answer/find.ts'
import { firstText, isObject, member, oneObject, type Members } from './answer/members.ts'
import { readTokens, type AnswerWays } from './answer/read-tokens.ts'
import { readScope } from './answer/scope.ts'
import { ConfigError } from './errors.ts'
import { momentMs } from './lifetime.ts'
import { isVisibleAscii, type JsonValue, makeToken, type Token } from './token.ts'

/** How `importToken` reads a token. */
export interface ImportOptions {
  /**
   * Time at which the token was received, in ms since the epoch, unless the token says when it was issued. @default
   * Date.now()
   */
  readonly now?: number | undefined
  /**
   * The provider's data: `answerPath`, `scopeSeparator` and `tokenTypes` are used. Sessions and `Grants` pass their
   * client's.
   */
  readonly provider?: AnswerWays | undefined
  /** Whether the token can be refreshed without a refresh token, as by a session's `obtain`. @default false */
  readonly renewable?: boolean | undefined
}

/**
 * Makes a token from the formats of other libraries:
 * - a `Token`, also after JSON
 * - a token endpoint's response (RFC 6749 section 5.1), in any shape that is read from a token endpoint too
 * - requests-oauthlib and Authlib: `expires_at` in seconds, which wins over `expires_in`
 * - simple-oauth2: `expires_at` as a date, alone or in its `token` member
 * - google-auth-library: `expiry_date` in milliseconds
 * - OmniAuth: `token`, `expires_at`
 * - Auth.js account rows (`access_token`, `expires_at` in seconds, `providerAccountId`)
 * - Better Auth account rows (`accessToken`, `accessTokenExpiresAt`)
 * - golang.org/x/oauth2: `expiry` as a date, whose zero means unknown
 *
 * Seconds and milliseconds are distinguished by size. A lifetime counts from `created_at` or `issued_at` if present,
 * else from `now`.
 * An unreadable lifetime is unknown. A lifetime of 0 or less means expired, or unknown if nothing can refresh the
 * token.
 * Members of a response without a place in a token go to `extra`; those of database rows do not.
 * @throws ConfigError if there is no access token. The message shows nothing of the value.
 */
export function importToken(value: object, options: ImportOptions = {}): Token {
  const now = options.now ?? Date.now()
  if (!isObject(value))
    throw notAToken(`got ${value === null ? 'null' : Array.isArray(value) ? 'an array' : typeof value}`)
  const own = ownToken(value)
  if (own !== undefined) return usable(fromToken(own, now))
  const { accessToken, ...token } = readTokens(value, {
    now,
    stored: true,
    renewable: options.renewable === true,
    ways: options.provider ?? {},
  })
  if (accessToken === undefined) throw notAToken('got an object with neither')
  return usable(makeToken({ ...token, accessToken }))
}

function usable(token: Token): Token {
  if (isVisibleAscii(token.accessToken)) return token
  throw new ConfigError(
    'Expected the access token given to importToken() to be visible ASCII, as an Authorization header requires. Pass the token as the provider sent it.',
  )
}

/**
 * Reads this library's own token, alone or as `token`. Only these say when they were received: their times are
 * milliseconds, however small.
 */
function ownToken(value: Members): Members | undefined {
  const inner = firstText(value, ACCESS_TOKEN) === undefined ? oneObject(member(value, 'token')) : undefined
  return [value, inner].find((each) => {
    const receivedAt = each && member(each, 'receivedAt')
    return each && firstText(each, ['accessToken']) !== undefined && typeof receivedAt === 'number' && receivedAt >= 0
  })
}

function fromToken(value: Members, now: number): Token {
  const extra = member(value, 'extra')
  return makeToken({
    accessToken: firstText(value, ['accessToken']) ?? '',
    tokenType: firstText(value, ['tokenType'])?.toLowerCase(),
    receivedAt: member(value, 'receivedAt') as number,
    expiresAt: momentMs(member(value, 'expiresAt'), now, 'milliseconds'),
    refreshToken: firstText(value, ['refreshToken']),
    refreshTokenExpiresAt: momentMs(member(value, 'refreshTokenExpiresAt'), now, 'milliseconds'),
    scope: readScope(member(value, 'scope'), undefined, true),
    idToken: firstText(value, ['idToken']),
    extra: isObject(extra) ? copied(extra) : undefined,
  })
}

function copied(extra: Members): Record<string, JsonValue> {
  const members = Object.entries(extra).map(([name, value]) => [name, jsonCopy(value)] as const)
  return Object.fromEntries(members.filter(([, value]) => value !== undefined)) as Record<string, JsonValue>
}

function notAToken(found: string): ConfigError {
  return new ConfigError(
    `Expected the value given to importToken() to be an object with access_token or accessToken, ${found}. Pass a Token, a token endpoint's response, or a token that another OAuth library stored.`,
  )
}
