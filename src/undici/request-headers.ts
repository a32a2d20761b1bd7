import { ConfigError } from '../model/errors.ts'
import { ownAuthorization } from '../fetch/resource-request.ts'

/**
 * A request's own copy of its headers, in one of the forms that undici accepts: names with values, or names and values
 * in turn.
 */
export type RequestHeaders = Record<string, unknown> | unknown[]

/**
 * Copies the caller's headers of any form, to change them for this request only.
 * @throws ConfigError if there is an Authorization header among them
 */
export function copyHeaders(headers: unknown): RequestHeaders {
  if (headers === undefined || headers === null) return {}
  if (typeof headers !== 'object') throw new ConfigError('Expected headers to be an object or an array.')
  if (Array.isArray(headers)) return checked((headers as unknown[]).map(ownValue))
  if (isIterable(headers)) return checked(inTurn(headers))
  const copy = { ...headers } as Record<string, unknown>
  for (const name in copy) if (isAuthorization(name) && copy[name] !== undefined) throw refusal()
  return copyOfLists(copy)
}

/** Sets the Authorization header of a copy. */
export function setAuthorization(headers: RequestHeaders, value: string): void {
  if (!Array.isArray(headers)) headers['authorization'] = value
  else headers.push('authorization', value)
}

/** Returns the headers of a repeated request, with another Authorization header. */
export function replaceAuthorization(headers: RequestHeaders, value: string): RequestHeaders {
  return Array.isArray(headers) ? [...headers.slice(0, -1), value] : { ...headers, authorization: value }
}

function checked(flat: unknown[]): unknown[] {
  for (let at = 0; at < flat.length; at += 2) {
    // Undici accepts names as bytes too.
    if (isAuthorization(String(flat[at])) && flat[at + 1] !== undefined) throw refusal()
  }
  return flat
}

function isAuthorization(name: string): boolean {
  return name.length === 13 && name.toLowerCase() === 'authorization'
}

function isIterable(headers: object): headers is Iterable<readonly unknown[]> {
  return Symbol.iterator in headers
}

/** Iterables can be read only once: a repeat needs them as a list. */
function inTurn(headers: Iterable<readonly unknown[]>): unknown[] {
  const flat: unknown[] = []
  for (const [name, value] of headers) flat.push(name, ownValue(value))
  return flat
}

/** Gives a copy of an object its own lists too. */
export function copyOfLists(copy: Record<string, unknown>): Record<string, unknown> {
  for (const name in copy) if (typeof copy[name] === 'object') copy[name] = ownValue(copy[name])
  return copy
}

/** Values may be lists. */
function ownValue(value: unknown): unknown {
  return Array.isArray(value) ? [...(value as unknown[])] : value
}

function refusal(): Error {
  return ownAuthorization('a dispatcher without withGrant')
}
