import { ConfigError } from './errors.ts'

/**
 * Identifies a grant: the application's name of the client, its id of the subject, and the account if a subject has
 * several grants at one client.
 */
export interface GrantKey {
  readonly client: string
  readonly subject: string
  /** Distinguishes several grants of a subject at one client. @default '' */
  readonly account: string
}

/** Longest key, measured as URL-escaped JSON in bytes: what every database can index. */
const LONGEST_KEY = 700

/** Encodes the key as one string without collisions: `a:b` + `c` is not `a` + `b:c`. */
export function encodeKey(key: GrantKey): string {
  return JSON.stringify([key.client, key.subject, key.account])
}

/** Decodes an encoded key. Returns undefined for any other text. */
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
 * Encodes the key and checks that a store can index it.
 * @throws ConfigError for a key that is too long
 */
export function indexableKey(key: GrantKey): string {
  const text = encodeKey(key)
  assertIndexable(text, 'client, subject and account together')
  return text
}

/**
 * Checks that a store can index the text as the key of a row.
 * @throws ConfigError for a text that is too long
 */
export function assertIndexable(text: string, what: string): void {
  // The shortest text that could be too long has a ninth of the length: a character takes one to nine bytes in a URL.
  if (text.length <= LONGEST_KEY / 9) return
  const { length } = encodeURIComponent(text)
  if (length <= LONGEST_KEY) return
  throw new ConfigError(
    `Expected ${what} to take at most ${LONGEST_KEY} bytes as URL-escaped JSON, got ${length}. Use shorter ids.`,
  )
}

/** Makes the key of these names and checks that a store can index it. @throws ConfigError */
export function checkedKey(client: string, subject: string | undefined, account = ''): GrantKey {
  for (const [name, value] of Object.entries({ client, subject, account })) {
    if (typeof value !== 'string')
      throw new ConfigError(`Expected ${name} to be a string, got ${value === null ? 'null' : typeof value}.`)
  }
  const key = Object.freeze({ client, subject: subject ?? '', account })
  // Fails before a login starts that no store could keep.
  indexableKey(key)
  return key
}
