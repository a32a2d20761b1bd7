/** Longer lifetimes than this are taken to be this long: ten years. No token is fresh for ever by accident. */
export const MAX_LIFETIME_MS: number = 10 * 365 * 24 * 3_600_000

const decimal = /^\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*$/

function toNumber(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isNaN(value) ? undefined : value
  if (typeof value === 'string' && decimal.test(value)) return Number(value)
  return undefined
}

/**
 * A lifetime in seconds, as token endpoints give it, in milliseconds: numbers and numeric strings by their value,
 * 0 or less is 0, an absurd one is clamped to ten years, everything else (null, '', booleans, words) is unknown.
 */
export function lifetimeMs(seconds: unknown): number | undefined {
  const value = toNumber(seconds)
  if (value === undefined) return undefined
  return Math.round(Math.min(Math.max(value * 1000, 0), MAX_LIFETIME_MS))
}

/** From here on a number can't be seconds since the epoch (the year 5138), so it is milliseconds. */
const FIRST_MILLISECONDS = 1e11

/** golang writes its zero time, 0001-01-01T00:00:00Z, for "no expiry". */
const GO_ZERO_TIME = -62_135_596_800_000

/**
 * A moment, as libraries keep it, in milliseconds since the epoch: numbers and numeric strings are seconds, or milliseconds
 * when they are too large for seconds; other strings and Dates are dates (ISO 8601, RFC 3339). Undefined when it is none of these.
 * A moment more than ten years after `now` is clamped to that.
 */
export function momentMs(value: unknown, now: number, unit?: 'seconds' | 'milliseconds'): number | undefined {
  const number = toNumber(value)
  if (number !== undefined) {
    const scale = (unit ?? (Math.abs(number) >= FIRST_MILLISECONDS ? 'milliseconds' : 'seconds')) === 'seconds' ? 1000 : 1
    return clampMoment(number * scale, now)
  }
  if (value instanceof Date || (typeof value === 'string' && /^\d{4}-\d\d-\d\d/.test(value))) {
    // PostgreSQL and SQLite print dates with a space, which Date.parse takes for local time without a zone: as they are.
    const time = value instanceof Date ? value.getTime() : Date.parse(value)
    return Number.isNaN(time) || time <= GO_ZERO_TIME ? undefined : clampMoment(time, now)
  }
  return undefined
}

function clampMoment(time: number, now: number): number {
  return Math.round(Math.min(Math.max(time, 0), now + MAX_LIFETIME_MS))
}
