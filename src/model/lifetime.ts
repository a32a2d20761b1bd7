/** The longest lifetime: ten years. Longer ones are shortened to it, so that no token is valid forever by accident. */
export const MAX_LIFETIME_MS: number = 10 * 365 * 24 * 3_600_000

const decimal = /^\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*$/

/**
 * Reads numbers and numeric strings by their value, but not `null`, `''` and booleans, which `Number()` would make 0 or
 * 1.
 */
function toNumber(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isNaN(value) ? undefined : value
  if (typeof value === 'string' && decimal.test(value)) return Number(value)
  return undefined
}

/**
 * Converts a lifetime, by default in seconds as token endpoints send it, to milliseconds. Numbers and numeric strings
 * count by their value. 0 or less is 0, more than ten years is ten years, everything else (null, '', booleans, words)
 * is unknown.
 */
export function lifetimeMs(lifetime: unknown, unit: 'seconds' | 'milliseconds' = 'seconds'): number | undefined {
  const value = toNumber(lifetime)
  if (value === undefined) return undefined
  return Math.round(Math.min(Math.max(value * (unit === 'seconds' ? 1000 : 1), 0), MAX_LIFETIME_MS))
}

/** From this size a number is milliseconds: as seconds since the epoch it would be the year 5138. */
const FIRST_MILLISECONDS = 1e11

/** Go writes its zero time, 0001-01-01T00:00:00Z, for "no expiry". */
const GO_ZERO_TIME = -62_135_596_800_000

/**
 * Converts a time, as libraries store it, to milliseconds since the epoch.
 * - Numbers and numeric strings are seconds, or milliseconds if they are too large for seconds.
 * - Other strings and Dates are dates: ISO 8601, RFC 3339 (UTC without a zone) or the dates of HTTP (RFC 9110 section
 *   5.6.7).
 * - Anything else is undefined.
 * A time more than ten years after `now` is shortened to that.
 */
export function momentMs(value: unknown, now: number, unit?: 'seconds' | 'milliseconds'): number | undefined {
  const number = toNumber(value)
  if (number !== undefined) {
    const scale =
      (unit ?? (Math.abs(number) >= FIRST_MILLISECONDS ? 'milliseconds' : 'seconds')) === 'seconds' ? 1000 : 1
    return clampMoment(number * scale, now)
  }
  const time = value instanceof Date ? value.getTime() : typeof value === 'string' ? parseDate(value) : Number.NaN
  return Number.isNaN(time) || time <= GO_ZERO_TIME ? undefined : clampMoment(time, now)
}

/** Dates as libraries and databases print them: with T or a space, any number of decimals, with or without a zone. */
const date = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(:\d\d)?(\.\d{1,3})?\d*)? ?(Z|UTC|[+-]\d\d(?::?\d\d)?)?$/i

/**
 * The three date forms of HTTP: `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT`, `Sun Nov  6 08:49:37
 * 1994`.
 */
const httpDate =
  /^(?:[A-Z][a-z]{2,8},? )?(?:(\d\d?)[ -]([A-Z][a-z]{2})[ -](\d{4}|\d\d)|([A-Z][a-z]{2}) {1,2}(\d\d?)) (\d\d:\d\d:\d\d)(?: (\d{4})| (GMT|UTC|[+-]\d{4}))$/

function parseHttpDate(text: string): number {
  const [, day, month, year, otherMonth, otherDay, time, otherYear, zone = 'GMT'] = httpDate.exec(text) ?? []
  const fullYear = otherYear ?? (year?.length === 2 ? `20${year}` : year)
  if (time === undefined || fullYear === undefined) return Number.NaN
  return Date.parse(`${day ?? otherDay} ${month ?? otherMonth} ${fullYear} ${time} ${zone}`)
}

function parseDate(text: string): number {
  const [, day, minutes = '00:00', seconds = ':00', decimals = '', zone = 'Z'] = date.exec(text.trim()) ?? []
  if (day === undefined) return parseHttpDate(text.trim())
  // Without a zone it is UTC, as in databases. This machine's zone says nothing about where the text was written.
  const offset = /^(Z|UTC)$/i.test(zone) ? 'Z' : `${zone.slice(0, 3)}:${zone.slice(3).replace(':', '') || '00'}`
  return Date.parse(`${day}T${minutes}${seconds}${decimals}${offset}`)
}

function clampMoment(time: number, now: number): number {
  return Math.round(Math.min(Math.max(time, 0), now + MAX_LIFETIME_MS))
}
