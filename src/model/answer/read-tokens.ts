import { makeToken, type JsonValue, type Token } from '../token.ts'
import { type Body } from './body.ts'
import { isCopyable, jsonCopy } from './copy.ts'
import { END_NAMES, readEnds } from './ends.ts'
import { ACCESS_TOKEN, findRefreshToken, findTokens, LEVELS, otherTokens, REFRESH_TOKEN } from './find.ts'
import { bare, firstText, isObject, member, textOf, type Members } from './members.ts'
import { readScope } from './scope.ts'

/** What a provider's data says about its responses. */
export interface AnswerWays {
  readonly answerPath?: readonly string[]
  readonly scopeSeparator?: string
  readonly tokenTypes?: readonly string[]
}

interface ReadOptions {
  /** When the response was requested, or the stored token is read. */
  readonly now: number
  /** Whether it is a kept token, of this application or of another library, instead of a response. */
  readonly stored: boolean
  /** Whether the token can be refreshed without a refresh token in the response. */
  readonly renewable: boolean
  readonly ways: AnswerWays
  /** Whether a response without `access_token` may have an access token called `token`. */
  readonly mayBeToken?: () => boolean
  /** Whether it is part of another response. Its own parts are not searched. */
  readonly inner?: boolean
}

/** The content of an object with tokens, in the forms of RFC 6749 section 5.1. */
export interface TokensRead {
  readonly accessToken: string | undefined
  /** In lower case; `bearer` by default. */
  readonly tokenType: string
  /** The type as it was written. */
  readonly writtenType: string
  readonly receivedAt: number
  readonly expiresAt: number | undefined
  readonly refreshToken: string | undefined
  readonly refreshTokenExpiresAt: number | undefined
  readonly scope: readonly string[] | undefined
  readonly idToken: string | undefined
  /** Every member that has no place above. */
  readonly extra: Body
}

/**
 * Reads an object with tokens in any known form: a token endpoint's response or a kept token. It never throws.
 * Without an access token, there may still be a refresh token to keep.
 */
export function readTokens(value: Members, options: ReadOptions): TokensRead {
  const { now, stored, ways } = options
  const found = findTokens(value, {
    answerPath: ways.answerPath,
    stored,
    mayBeToken: options.mayBeToken ?? (() => true),
  })
  const object = found?.object ?? value
  const taken = new Set<string>(END_NAMES)
  const take = (names: readonly string[]): string | undefined => {
    for (const name of names) {
      taken.add(name)
      const text = textOf(member(object, name))
      if (text !== undefined) return text
    }
    return undefined
  }
  const accessToken = take(found?.names ?? ['access_token'])
  // A response may hide what must not be lost. A kept object may contain another application's tokens.
  const beside = found !== undefined
  const refreshToken =
    take(REFRESH_TOKEN) ??
    (stored ? undefined : (findRefreshToken(object, { beside }) ?? findRefreshToken(value, { beside })))
  const writtenType = take(['token_type', 'tokenType'])?.trim() ?? ''
  taken.add('scope')
  return {
    accessToken,
    tokenType: readTokenType(writtenType, ways),
    writtenType,
    refreshToken,
    idToken: take(['id_token', 'idToken']),
    scope: readScope(member(object, 'scope'), ways.scopeSeparator, stored),
    ...readEnds(object, { now, stored, renewable: options.renewable || refreshToken !== undefined }),
    extra: readExtra(stored && isRow(object, found?.names) ? rowExtra(object) : object, taken, options, refreshToken),
  }
}

/** What a row says of the response's other members: @badgateway/oauth2-client keeps them as `extraParams`. */
function rowExtra(row: Members): Members {
  const extra = member(row, 'extraParams')
  return isObject(extra) ? extra : bare()
}

/** A row's other columns are the application's: a password hash may be among them. */
function isRow(object: Members, names: readonly string[] | undefined): boolean {
  return textOf(member(object, 'access_token')) === undefined || names?.length === 1 || 'providerAccountId' in object
}

function readExtra(
  object: Members,
  taken: ReadonlySet<string>,
  options: ReadOptions,
  refreshToken: string | undefined,
): Body {
  const whole = { ...options, refreshToken }
  const extra = bare<JsonValue>()
  for (const [name, value] of Object.entries(object)) {
    if (taken.has(name)) continue
    // Parsed values are copies already.
    const copy = options.stored ? jsonCopy(value) : isCopyable(value) ? value : undefined
    if (copy !== undefined) extra[name] = dressed(copy as JsonValue, whole, LEVELS)
  }
  if (options.inner === true) return extra
  for (const [name, token] of otherTokens(object)) extra[name] = readOther(token, options) as unknown as JsonValue
  return extra
}

/**
 * Makes every refreshable token in it a `Token`, which shows nothing of itself, and leaves out the refresh token that
 * was taken from it.
 */
function dressed(
  value: JsonValue,
  whole: ReadOptions & { readonly refreshToken: string | undefined },
  levels: number,
): JsonValue {
  if (typeof value !== 'object' || value === null || levels === 0) return value
  if (Array.isArray(value)) return (value as readonly JsonValue[]).map((each) => dressed(each, whole, levels - 1))
  const members = value as Readonly<Record<string, JsonValue>>
  if (firstText(members, ACCESS_TOKEN) !== undefined && firstText(members, REFRESH_TOKEN) !== undefined)
    return readOther(members, whole) as unknown as JsonValue
  const kept = Object.entries(members).filter(
    ([name, each]) => each !== whole.refreshToken || !REFRESH_TOKEN.includes(name),
  )
  return Object.fromEntries(kept.map(([name, each]) => [name, dressed(each, whole, levels - 1)]))
}

/** A second token of a response, in the form in which it can be saved. */
function readOther(object: Members, { now, stored, ways }: ReadOptions): Token {
  const { accessToken = '', ...token } = readTokens(object, {
    now,
    stored,
    ways: { ...ways, answerPath: [] },
    renewable: false,
    inner: true,
  })
  return makeToken({ ...token, accessToken })
}

function readTokenType(text: string, { tokenTypes = [] }: AnswerWays): string {
  const type = text.toLowerCase()
  return type === '' || tokenTypes.some((known) => known.toLowerCase() === type) ? 'bearer' : type
}
