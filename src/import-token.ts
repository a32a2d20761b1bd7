import { ConfigError } from './errors.ts'
import { lifetimeMs, momentMs } from './lifetime.ts'
import { isVisibleAscii, type JsonValue, makeToken, type Token } from './token.ts'

type Source = Readonly<Record<string, unknown>>

/** Where the access token's expiry may stand, and its unit where only one makes sense. The first that can be read wins; `expires_in` comes last. */
const EXPIRY: readonly (readonly [name: string, unit?: 'milliseconds'])[] = [
  ['expires_at'],
  ['expiry_date', 'milliseconds'],
  ['expiry'],
  ['accessTokenExpiresAt'],
  ['expiresAt'],
]

const LIFETIME = ['expires_in', 'expiresIn'] as const

const REFRESH_EXPIRY = ['refresh_token_expires_at', 'refreshTokenExpiresAt'] as const

const REFRESH_LIFETIME = ['refresh_token_expires_in', 'refresh_expires_in'] as const

/** Members with a place of their own in a token. */
const KNOWN: ReadonlySet<string> = new Set([
  'access_token',
  'token_type',
  'refresh_token',
  'id_token',
  'scope',
  ...EXPIRY.map(([name]) => name),
  ...LIFETIME,
  ...REFRESH_EXPIRY,
  ...REFRESH_LIFETIME,
])

/**
 * Makes a token of what other libraries keep:
 * - a `Token`, also after JSON
 * - a token endpoint's answer (RFC 6749 section 5.1), which is taken to have come just now
 * - requests-oauthlib and Authlib: `expires_at` in seconds, which wins over `expires_in`
 * - simple-oauth2: `expires_at` as a date, alone or in its `token` member
 * - google-auth-library: `expiry_date` in milliseconds
 * - Auth.js account rows (`access_token`, `expires_at` in seconds, `providerAccountId`) and Better Auth account rows (`accessToken`, `accessTokenExpiresAt`)
 * - golang.org/x/oauth2: `expiry` as a date, whose zero means unknown
 *
 * Expiry numbers too large for seconds are milliseconds. A lifetime that can't be read is unknown; one of 0 or less is over.
 * Members of an answer that have no place in a token become its `extra`; those of database rows don't.
 * @param options.now milliseconds since the epoch: when the token counts as received. @default Date.now()
 * @throws ConfigError when there is no access token in it; its message shows nothing of the value
 */
export function importToken(value: object, options: { readonly now?: number } = {}): Token {
  const now = options.now ?? Date.now()
  if (!isObject(value))
    throw notAToken(`got ${value === null ? 'null' : Array.isArray(value) ? 'an array' : typeof value}`)
  const accessToken = text(value, 'access_token', 'accessToken')
  if (accessToken === undefined) {
    const inner = value['token']
    if (isObject(inner) && text(inner, 'access_token', 'accessToken') !== undefined) return importToken(inner, options)
    throw notAToken('got an object with neither')
  }
  if (!isVisibleAscii(accessToken)) {
    throw new ConfigError(
      'The access token that was given to importToken() has characters that can’t stand in an Authorization header. Give it the token as the provider sent it.',
    )
  }
  return isToken(value) ? fromToken(value, accessToken, now) : fromForeign(value, accessToken, now)
}

/** Only this library's own tokens say when they were received: their times are milliseconds, however small. */
function isToken(value: Source): boolean {
  return value['accessToken'] !== undefined && typeof value['receivedAt'] === 'number' && value['receivedAt'] >= 0
}

function fromToken(value: Source, accessToken: string, now: number): Token {
  const { receivedAt, extra } = value
  return makeToken({
    accessToken,
    tokenType: text(value, 'tokenType')?.toLowerCase(),
    receivedAt: receivedAt as number,
    expiresAt: momentMs(value['expiresAt'], now, 'milliseconds'),
    refreshToken: text(value, 'refreshToken'),
    refreshTokenExpiresAt: momentMs(value['refreshTokenExpiresAt'], now, 'milliseconds'),
    scope: scopeOf(value['scope']),
    idToken: text(value, 'idToken'),
    extra: isObject(extra) ? jsonMembers(extra, () => true) : undefined,
  })
}

function fromForeign(value: Source, accessToken: string, now: number): Token {
  // A row's other columns are the application's: a password hash may be among them.
  const isRow = value['access_token'] === undefined || 'providerAccountId' in value
  return makeToken({
    accessToken,
    tokenType: text(value, 'token_type', 'tokenType')?.toLowerCase(),
    receivedAt: now,
    expiresAt: expiryOf(value, now),
    refreshToken: text(value, 'refresh_token', 'refreshToken'),
    refreshTokenExpiresAt: refreshExpiryOf(value, now),
    scope: scopeOf(value['scope']),
    idToken: text(value, 'id_token', 'idToken'),
    extra: isRow ? undefined : jsonMembers(value, (name) => !KNOWN.has(name)),
  })
}

function expiryOf(value: Source, now: number): number | undefined {
  for (const [name, unit] of EXPIRY) {
    const moment = momentMs(value[name], now, unit)
    if (moment !== undefined) return moment
  }
  const lifetime = LIFETIME.map((name) => lifetimeMs(value[name])).find((found) => found !== undefined)
  return lifetime === undefined ? undefined : now + lifetime
}

function refreshExpiryOf(value: Source, now: number): number | undefined {
  const moment = REFRESH_EXPIRY.map((name) => momentMs(value[name], now)).find((found) => found !== undefined)
  if (moment !== undefined) return moment
  // Keycloak says 0 for a refresh token that doesn't end.
  const lifetime = REFRESH_LIFETIME.map((name) => lifetimeMs(value[name])).find(
    (found) => found !== undefined && found > 0,
  )
  return lifetime === undefined ? undefined : now + lifetime
}

/** A scope as a list, or as a string with spaces (RFC 6749 section 3.3) or, as some providers and Better Auth write it, commas. */
function scopeOf(value: unknown): readonly string[] | undefined {
  const parts: readonly unknown[] = Array.isArray(value) ? value : [value]
  const scope = parts
    .flatMap((part) => (typeof part === 'string' ? part.split(/[\s,]+/) : []))
    .filter((part) => part !== '')
  return scope.length === 0 ? undefined : scope
}

function jsonMembers(value: Source, wanted: (name: string) => boolean): Record<string, JsonValue> {
  const members: Record<string, JsonValue> = Object.create(null)
  for (const [name, member] of Object.entries(value)) {
    if (!wanted(name)) continue
    const copy = jsonCopy(member)
    if (copy !== undefined) members[name] = copy
  }
  return members
}

function jsonCopy(value: unknown): JsonValue | undefined {
  try {
    const json = JSON.stringify(value) as string | undefined
    return json === undefined ? undefined : (JSON.parse(json) as JsonValue)
  } catch {
    // Circular, or a bigint: no provider sent that.
    return undefined
  }
}

/** The first of these members that is a string with something in it. */
function text(value: Source, ...names: readonly string[]): string | undefined {
  for (const name of names) {
    const found = value[name]
    if (typeof found === 'string' && found !== '') return found
  }
  return undefined
}

function isObject(value: unknown): value is Source {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function notAToken(found: string): ConfigError {
  return new ConfigError(
    `Expected an object with an access token, as access_token or accessToken, ${found}. Give importToken() a Token, a token endpoint's answer, or what another OAuth library keeps.`,
  )
}
