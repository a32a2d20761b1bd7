import { ConfigError } from './errors.ts'
import { encodeKey, type GrantKey } from './grant-key.ts'

/** Longest key, measured as URL-escaped JSON in bytes: what every database can index. */
const LONGEST_KEY = 700

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
