import type { JsonValue } from '../token.ts'
import { bare, isObject } from './members.ts'

/** A JSON object as a provider sent it, without a prototype. */
export type Body = Record<string, JsonValue>

/** Only a text that matches has a number that a double cannot hold: sixteen digits, or a large exponent. */
const SUSPICIOUS = /[\d.]{16}|[\d.][eE][+-]?\d{3}/

/** The strings and numbers of a JSON text. */
const SCALARS = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g

/** Parses JSON. Numbers that a double cannot hold become strings of their digits. @throws SyntaxError */
export function parseJson(text: string): unknown {
  const value: unknown = JSON.parse(text)
  if (!SUSPICIOUS.test(text)) return value
  // The text is JSON, so only numbers have digits outside its strings.
  return JSON.parse(text.replace(SCALARS, (each) => (each.startsWith('"') || isHeld(each) ? each : `"${each}"`)))
}

/** Whether a double keeps the digits of a JSON number. */
function isHeld(digits: string): boolean {
  const value = Number(digits)
  if (/^-?\d+$/.test(digits)) return Number.isSafeInteger(value)
  // Longer numbers have more digits than a double, or zeros without meaning.
  return digits.length <= 400 && Number.isFinite(value) && canonical(digits) === canonical(String(value))
}

/** A number's significant digits and its power of ten. */
function canonical(number: string): string {
  const [mantissa = '', power = '0'] = number.toLowerCase().replace(/^-/, '').split('e')
  const [whole = '', decimals = ''] = mantissa.split('.')
  const digits = `${whole}${decimals}`.replace(/^0+/, '')
  const significant = digits.replace(/0+$/, '')
  if (significant === '') return '0'
  return `${significant}e${Number(power) - decimals.length + digits.length - significant.length}`
}

/** Parses a response body of any content type: a JSON object, a list with one object, or a form. */
export function parseBody(text: string): Body | undefined {
  const trimmed = text.replace(/^\uFEFF/, '').trim()
  try {
    const value = parseJson(trimmed)
    if (isObject(value)) return bare(value) as Body
    if (!Array.isArray(value) || !value.some(isObject)) return undefined
    return bare(value.length === 1 ? (value[0] as Body) : { items: value as readonly JsonValue[] })
  } catch {
    // A form, which some servers send with any content type. Nothing else begins like one.
    if (!/^[\w.-]+=[^\s<>]*$/.test(trimmed)) return undefined
    const form = bare(Object.fromEntries(new URLSearchParams(trimmed)))
    return ['access_token', 'error', 'refresh_token'].some((name) => name in form) ? form : undefined
  }
}
