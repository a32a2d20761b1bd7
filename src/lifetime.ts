/** Longer lifetimes than this are taken to be this long: ten years. No token is fresh for ever by accident. */
export const MAX_LIFETIME_MS: number = 10 * 365 * 24 * 3_600_000

const decimal = /^\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*$/

/** Numbers and numeric strings by their value; not so `null`, `''` and booleans, which `Number()` would make 0 or 1. */
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
 * when they are too large for seconds; other strings and Dates are dates (ISO 8601, RFC 3339; UTC where they name no zone). Undefined when it is none of these.
 * A moment more than ten years after `now` is clamped to that.
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

function parseDate(text: string): number {
  const [, day, minutes = '00:00', seconds = ':00', decimals = '', zone = 'Z'] = date.exec(text.trim()) ?? []
  if (day === undefined) return Number.NaN
  // Without a zone it is UTC, as databases keep it: the machine's own zone says nothing about where the text was written.
  const offset = /^(Z|UTC)$/i.test(zone) ? 'Z' : `${zone.slice(0, 3)}:${zone.slice(3).replace(':', '') || '00'}`
  return Date.parse(`${day}T${minutes}${seconds}${decimals}${offset}`)
}

function clampMoment(time: number, now: number): number {
  return Math.round(Math.min(Math.max(time, 0), now + MAX_LIFETIME_MS))
}
