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
