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
 * The current answer of the token endpoint for a grant (RFC 6749 section 5.1): frozen and JSON-safe.
 * `util.inspect` and `String()` show no secret; `JSON.stringify` shows all, so that it can be kept.
 * Times are milliseconds since the epoch.
 */
export interface Token {
  /** Visible ASCII, checked when parsed. */
  readonly accessToken: string
  /** Lower case: `bearer`, `dpop`. */
  readonly tokenType: string
  /** Taken just before the request was sent: lifetimes count from here. */
  readonly receivedAt: number
  /** Absent: the lifetime is unknown. */
  readonly expiresAt?: number
  readonly refreshToken?: string
  readonly refreshTokenExpiresAt?: number
  /** What was granted. */
  readonly scope?: readonly string[]
  readonly idToken?: string
  /**
   * Every other member of the answer; null prototype, no `__proto__`. Numbers that a double can't hold are strings of their digits; what lies deeper than
   * 100 levels is left out. A second token of the answer (Slack's `authed_user`) is a `Token` to be saved under another account.
   */
  readonly extra?: Readonly<Record<string, JsonValue>>
}

/** What sessions hand out: nothing in it can renew. Its `extra` has the members that the provider's data names as `handOut`. */
export type AccessToken = Pick<Token, 'accessToken' | 'tokenType' | 'expiresAt' | 'scope' | 'extra'>

/** The members of a token that a maker may leave out or give as undefined. */
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
      // A type that nobody knows may hold anything.
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

/** Makes a frozen token of its members; undefined ones are left out. */
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

/** The part of a token that callers get; `handOut` names the members of its `extra` that API calls need beside it. */
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
    // A member that nothing can walk through never costs the token.
    if (name === '__proto__' || !isCopyable(value)) continue
    copy[name] = frozenCopy(value)
  }
  return Object.freeze(copy)
}

/** A token in it, wherever it stands, shows as little of itself as any token. */
function frozenCopy(value: JsonValue): JsonValue {
  if (typeof value !== 'object' || value === null) return value
  if (isTokenShaped(value)) return makeToken(value) as unknown as JsonValue
  if (isList(value)) return Object.freeze(value.map((each) => frozenCopy(each)))
  return Object.freeze(Object.fromEntries(Object.entries(value).map(([name, each]) => [name, frozenCopy(each)])))
}

const REFRESH_TOKENS: ReadonlySet<string> = new Set(['refresh_token', 'refreshToken'])

/** The extras of a token without the refresh tokens that stand in them, wherever that is. */
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
 * The token after a refresh: what the answer leaves out, as null or empty too, stays as it was (RFC 6749 section 6):
 * refresh token, ID token, scope, extras.
 */
export function mergeRefreshed(previous: Token, answer: Token): Token {
  return makeToken({
    ...answer,
    refreshToken: answer.refreshToken ?? previous.refreshToken,
    refreshTokenExpiresAt:
      answer.refreshTokenExpiresAt ??
      // A new refresh token has its own end, which the answer doesn't state; the same one keeps its end.
      (answer.refreshToken === undefined || answer.refreshToken === previous.refreshToken
        ? previous.refreshTokenExpiresAt
        : undefined),
    idToken: answer.idToken ?? previous.idToken,
    scope: answer.scope ?? previous.scope,
    extra: { ...previous.extra, ...answer.extra },
  })
}

/** Whether two scopes are different sets (RFC 6749 section 3.3: order doesn't matter, case does). */
export function scopeDiffers(a: readonly string[] | undefined, b: readonly string[] | undefined): boolean {
  if (a === undefined || b === undefined) return false
  const left = new Set(a)
  const right = new Set(b)
  return left.size !== right.size || [...left].some((value) => !right.has(value))
}

const visibleAscii = /^[\x20-\x7e]+$/

/** Whether a string may stand in an Authorization header (RFC 6750 section 2.1 allows less; servers use more). */
export function isVisibleAscii(value: unknown): value is string {
  return typeof value === 'string' && visibleAscii.test(value) && !value.startsWith(' ') && !value.endsWith(' ')
}
