import { lifetimeMs, momentMs } from '../lifetime.ts'
import { member, type Members } from './members.ts'

/** A member that may hold a lifetime, and the unit of that lifetime. */
type LifetimeName = readonly [name: string, unit: 'seconds' | 'milliseconds' | 'either']

/** The first readable one wins. `expires_in` next to `expires_in_sec` is the same in milliseconds. */
const LIFETIMES: readonly LifetimeName[] = [
  ['expires_in_sec', 'seconds'],
  ['expires_in', 'seconds'],
  ['expiresIn', 'seconds'],
  ['expires_in_ms', 'milliseconds'],
  ['expiresInMs', 'milliseconds'],
  ['expire_in', 'seconds'],
  ['expireIn', 'seconds'],
  ['expires', 'either'],
  ['access_token_expire_in', 'either'],
]

const MOMENTS = [
  'expires_at',
  'expires_on',
  'expiresAt',
  'expiresOn',
  'accessTokenExpiresAt',
  'access_token_expires_at',
  'expiry',
  'expiry_date',
  'expires',
  'access_token_expire_in',
] as const

const REFRESH_LIFETIMES: readonly LifetimeName[] = [
  ['refresh_token_expires_in', 'seconds'],
  ['refresh_expires_in', 'seconds'],
  ['x_refresh_token_expires_in', 'seconds'],
  ['refreshTokenExpiresIn', 'seconds'],
  ['refreshExpiresIn', 'seconds'],
  ['refresh_token_expire_in', 'either'],
]

const REFRESH_MOMENTS = [
  'refresh_token_expires_at',
  'refreshTokenExpiresAt',
  'refresh_token_expires_on',
  'refreshTokenExpiresOn',
  'refresh_expires_at',
  'refresh_token_expire_in',
] as const

const BEGINNINGS = ['created_at', 'createdAt', 'issued_at', 'issuedAt'] as const

/**
 * Every member that says when a token ends. They become an expiry and are not kept a second time, where they would be
 * outdated.
 */
export const END_NAMES: readonly string[] = [
  ...LIFETIMES.map(([name]) => name),
  ...MOMENTS,
  ...REFRESH_LIFETIMES.map(([name]) => name),
  ...REFRESH_MOMENTS,
]

/** No lifetime is thirty years long: a number from this size is a time. */
const FIRST_MOMENT = 1e9

interface EndsOptions {
  /** When the response was requested, or the stored token is read. */
  readonly now: number
  /**
   * In a response, a lifetime wins, because it does not depend on the server's clock. In a stored token, a time wins,
   * because the start of the lifetime is unknown.
   */
  readonly stored: boolean
  /** Whether the token can be refreshed. If not, a lifetime of 0 or less means unknown. */
  readonly renewable: boolean
}

export interface Ends {
  /** When the lifetimes began, if known; else now. */
  readonly receivedAt: number
  readonly expiresAt: number | undefined
  readonly refreshTokenExpiresAt: number | undefined
}

/** Reads when the tokens of an object end. */
export function readEnds(object: Members, { now, stored, renewable }: EndsOptions): Ends {
  const began = stored ? beginning(object, now) : undefined
  const from = began ?? now
  const meant = (ms: number): boolean => ms > 0 || renewable
  const lifetime = readLifetime(object, LIFETIMES, meant)
  const moment = readMoment(object, MOMENTS, now, meant)
  const counted = lifetime === undefined ? undefined : from + lifetime
  const expiresAt = stored
    ? (moment ?? counted)
    : (counted ?? (moment === undefined ? undefined : Math.max(now, moment)))
  return {
    receivedAt: counted !== undefined && expiresAt === counted ? from : now,
    expiresAt,
    refreshTokenExpiresAt: readRefreshTokenEnd(object, from, now, stored),
  }
}

function readRefreshTokenEnd(object: Members, from: number, now: number, stored: boolean): number | undefined {
  // Keycloak sends 0 for a refresh token that does not end.
  const isEnd = (ms: number): boolean => ms > 0
  const lifetime = readLifetime(object, REFRESH_LIFETIMES, isEnd)
  const counted = lifetime === undefined ? undefined : from + lifetime
  const moment = readMoment(object, REFRESH_MOMENTS, now, isEnd)
  return stored ? (moment ?? counted) : (counted ?? moment)
}

function readLifetime(
  object: Members,
  names: readonly LifetimeName[],
  isMeant: (ms: number) => boolean,
): number | undefined {
  for (const [name, unit] of names) {
    const value = member(object, name)
    const ms = lifetimeMs(value, unit === 'milliseconds' ? unit : 'seconds')
    if (ms === undefined || (unit === 'either' && Number(value) >= FIRST_MOMENT) || !isMeant(ms)) continue
    return ms
  }
  return undefined
}

function readMoment(
  object: Members,
  names: readonly string[],
  now: number,
  isMeant: (moment: number) => boolean,
): number | undefined {
  const either = (name: string): boolean => name === 'expires' || name.endsWith('_expire_in')
  for (const name of names) {
    const value = member(object, name)
    const moment = momentMs(value, now)
    if (moment === undefined || (either(name) && Number(value) < FIRST_MOMENT) || !isMeant(moment)) continue
    return moment
  }
  return undefined
}

/** When a stored token was issued, if it says so. */
function beginning(object: Members, now: number): number | undefined {
  for (const name of BEGINNINGS) {
    const moment = momentMs(member(object, name), now)
    // A time before the year 2001 is a placeholder, not a time of issue.
    if (moment !== undefined && moment >= FIRST_MOMENT * 1000) return Math.min(moment, now)
  }
  return undefined
}
