import { isCopyable } from './answer/copy.ts'

/** Any value that JSON can hold. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [member: string]: JsonValue }

/**
 * The current token of a grant, as the token endpoint returned it (RFC 6749 section 5.1). Frozen and JSON-safe.
 * `util.inspect` and `String()` show no secret. `JSON.stringify` includes everything, so that it can be stored.
 * Times are milliseconds since the epoch.
 */
export interface Token {
  /** Visible ASCII, checked when parsed. */
  readonly accessToken: string
  /** In lower case: `bearer`, `dpop`. */
  readonly tokenType: string
  /** Time before the request was sent: lifetimes count from here. */
  readonly receivedAt: number
  /** Time of expiry. Absent: the lifetime is unknown. */
  readonly expiresAt?: number
  readonly refreshToken?: string
  readonly refreshTokenExpiresAt?: number
  /** The granted scope. */
  readonly scope?: readonly string[]
  readonly idToken?: string
  /**
   * Every other member of the response: null prototype, no `__proto__`. Numbers that a double cannot hold are strings
   * of their digits. Values deeper than 100 levels are left out. A second token of the response (Slack's `authed_user`)
   * is a `Token` to save under another account.
   */
  readonly extra?: Readonly<Record<string, JsonValue>>
}

/** What sessions return: nothing in it can refresh. `extra` has the members that the provider's `handOut` names. */
export type AccessToken = Pick<Token, 'accessToken' | 'tokenType' | 'expiresAt' | 'scope' | 'extra'>

/** The members of a token that may be left out or undefined. */
export type TokenFields = {
  readonly [K in keyof Token]?: Token[K] | undefined
} & Pick<Token, 'accessToken' | 'receivedAt'>

const KNOWN_TYPES: ReadonlySet<string> = new Set(['bearer', 'dpop'])

// A prototype instead of a class keeps tokens structural: a plain object with the same members is a Token too.
const tokenPrototype: object = Object.create(Object.prototype, {
  toString: { value: () => '[OAuth 2 token]' },
  [Symbol.toStringTag]: { value: 'OAuth2Token' },
  [Symbol.for('nodejs.util.inspect.custom')]: {
    value(this: Token) {
      const expiry =
        this.expiresAt === undefined ? 'lifetime unknown' : `expires ${new Date(this.expiresAt).toISOString()}`
      const scope = this.scope === undefined ? '' : `, scope '${this.scope.join(' ')}'`
      // An unknown type may hold anything.
      const type = KNOWN_TYPES.has(this.tokenType) ? this.tokenType : 'another type'
      return `OAuth2Token { ${type}, ${expiry}${scope}${'refreshToken' in this ? ', renewable' : ''} }`
    },
  },
})

function frozen(fields: object): object {
  const result: Record<string, unknown> = Object.create(tokenPrototype)
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) result[name] = value
  return Object.freeze(result)
}

/** Makes a frozen token of its members. Undefined members are left out. */
export function makeToken(fields: TokenFields): Token {
  return frozen({
    accessToken: fields.accessToken,
    tokenType: fields.tokenType ?? 'bearer',
    receivedAt: fields.receivedAt,
    expiresAt: fields.expiresAt,
    refreshToken: fields.refreshToken,
    refreshTokenExpiresAt: fields.refreshTokenExpiresAt,
    scope: fields.scope === undefined ? undefined : Object.freeze([...fields.scope]),
    idToken: fields.idToken,
    extra: fields.extra === undefined || Object.keys(fields.extra).length === 0 ? undefined : freezeExtra(fields.extra),
  }) as Token
}

/** The part of a token that callers get. `handOut` names the members of its `extra` that API calls need too. */
export function accessTokenOf(token: Token, handOut: readonly string[] = []): AccessToken {
  const { accessToken, expiresAt, extra = {}, scope, tokenType } = token
  const named = handOut.filter((name) => Object.hasOwn(extra, name))
  const handedOut = named.map((name) => {
    const value = extra[name]
    return [name, isTokenShaped(value) ? accessTokenOf(value) : value] as const
  })
  return frozen({
    accessToken,
    tokenType,
    expiresAt,
    scope,
    extra:
      named.length === 0 ? undefined : Object.freeze(Object.assign(Object.create(null), Object.fromEntries(handedOut))),
  }) as AccessToken
}

function freezeExtra(extra: Readonly<Record<string, JsonValue>>): Readonly<Record<string, JsonValue>> {
  const copy: Record<string, JsonValue> = Object.create(null)
  for (const [name, value] of Object.entries(extra)) {
    // A member that cannot be copied never costs the token.
    if (name === '__proto__' || !isCopyable(value)) continue
    copy[name] = frozenCopy(value)
  }
  return Object.freeze(copy)
}

/** A nested token shows as little of itself as any token. */
function frozenCopy(value: JsonValue): JsonValue {
  if (typeof value !== 'object' || value === null) return value
  if (isTokenShaped(value)) return makeToken(value) as unknown as JsonValue
  if (isList(value)) return Object.freeze(value.map((each) => frozenCopy(each)))
  return Object.freeze(Object.fromEntries(Object.entries(value).map(([name, each]) => [name, frozenCopy(each)])))
}

const REFRESH_TOKENS: ReadonlySet<string> = new Set(['refresh_token', 'refreshToken'])

/** The extras of a token without the refresh tokens anywhere in them. */
export function withoutRefreshTokens(extra: Readonly<Record<string, JsonValue>>): Readonly<Record<string, JsonValue>> {
  return freezeExtra(membersWithout(extra))
}

function membersWithout(object: Readonly<Record<string, JsonValue>>): Record<string, JsonValue> {
  const kept = Object.entries(object).filter(([name]) => !REFRESH_TOKENS.has(name))
  return Object.fromEntries(kept.map(([name, value]) => [name, valueWithout(value)]))
}

function valueWithout(value: JsonValue): JsonValue {
  if (typeof value !== 'object' || value === null) return value
  return isList(value) ? value.map((each) => valueWithout(each)) : membersWithout(value)
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value)
}

function isTokenShaped(value: unknown): value is Token {
  if (typeof value !== 'object' || value === null) return false
  const { accessToken, receivedAt } = value as { accessToken?: unknown; receivedAt?: unknown }
  return typeof accessToken === 'string' && typeof receivedAt === 'number'
}

/**
 * Merges a refresh response into the token. What the response leaves out, also as null or empty, stays (RFC 6749
 * section 6): refresh token, ID token, scope, extras.
 */
export function mergeRefreshed(previous: Token, response: Token): Token {
  return makeToken({
    ...response,
    refreshToken: response.refreshToken ?? previous.refreshToken,
    refreshTokenExpiresAt:
      response.refreshTokenExpiresAt ??
      // A new refresh token has its own end, which the response does not state. The same one keeps its end.
      (response.refreshToken === undefined || response.refreshToken === previous.refreshToken
        ? previous.refreshTokenExpiresAt
        : undefined),
    idToken: response.idToken ?? previous.idToken,
    scope: response.scope ?? previous.scope,
    extra: { ...previous.extra, ...response.extra },
  })
}

/** Whether two scopes are different sets (RFC 6749 section 3.3: order does not matter, case does). */
export function scopeDiffers(a: readonly string[] | undefined, b: readonly string[] | undefined): boolean {
  if (a === undefined || b === undefined) return false
  const left = new Set(a)
  const right = new Set(b)
  return left.size !== right.size || [...left].some((value) => !right.has(value))
}

const visibleAscii = /^[\x20-\x7e]+$/

/** Whether a string may be used in an Authorization header (RFC 6750 section 2.1 allows less; servers use more). */
export function isVisibleAscii(value: unknown): value is string {
  return typeof value === 'string' && visibleAscii.test(value) && !value.startsWith(' ') && !value.endsWith(' ')
}
