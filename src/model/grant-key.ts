import { ConfigError } from './errors.ts'

/** Whose grant it is: the application's name of the client, its id of the subject, and, where a subject has several grants at one client, the account. */
export interface GrantKey {
  readonly client: string
  readonly subject: string
  /** @default '' */
  readonly account: string
}

/** Longest key, as its JSON is in a URL: what every database can index. */
const LONGEST_KEY = 700

/** The key as one string, without collisions: `a:b` + `c` is not `a` + `b:c`. */
export function encodeKey(key: GrantKey): string {
  return JSON.stringify([key.client, key.subject, key.account])
}

/** The key of an encoded one; undefined for any other text. */
export function decodeKey(text: string): GrantKey | undefined {
  try {
    const parts: unknown = JSON.parse(text)
    if (!Array.isArray(parts) || parts.length !== 3 || parts.some((part) => typeof part !== 'string')) return undefined
    const [client, subject, account] = parts as [string, string, string]
    return { client, subject, account }
  } catch {
    return undefined
  }
}

/**
 * The encoded key, where a store can index it.
 * @throws ConfigError for a key that is too long
 */
export function indexableKey(key: GrantKey): string {
  const text = encodeKey(key)
  assertIndexable(text, 'client, subject and account together')
  return text
}

/** @throws ConfigError for a text that is too long to be a key of a row */
export function assertIndexable(text: string, what: string): void {
  // The shortest text that could be too long has a ninth of the length: each character takes one to nine bytes in a URL.
  if (text.length <= LONGEST_KEY / 9) return
  const { length } = encodeURIComponent(text)
  if (length <= LONGEST_KEY) return
  throw new ConfigError(
    `Expected ${what} to take at most ${LONGEST_KEY} bytes as URL-escaped JSON, got ${length}. Use shorter ids.`,
  )
}

/** The key of these names, where a store can index it. @throws ConfigError */
export function checkedKey(client: string, subject: string | undefined, account = ''): GrantKey {
  for (const [name, value] of Object.entries({ client, subject, account })) {
    if (typeof value !== 'string')
      throw new ConfigError(`Expected ${name} to be a string, got ${value === null ? 'null' : typeof value}.`)
  }
  const key = Object.freeze({ client, subject: subject ?? '', account })
  // Before a login is begun that no store could keep.
  indexableKey(key)
  return key
}
