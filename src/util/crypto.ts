import { toBase64Url } from './base64.ts'
import { nodeCrypto } from './node-crypto.ts'

/** Computes the SHA-256 of a text's UTF-8 bytes, base64url. */
export async function sha256(text: string): Promise<string> {
  const node = nodeCrypto()
  if (node !== undefined) return node.createHash('sha256').update(text).digest('base64url')
  return toBase64Url(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))))
}

/** Compares in constant time, so that the duration does not show where the texts differ. */
export function sameText(a: string, b: string): boolean {
  let difference = a.length ^ b.length
  for (let i = 0; i < b.length; i += 1) difference |= a.charCodeAt(i) ^ b.charCodeAt(i)
  return difference === 0
}

const ID_BYTES = 16

/**
 * Makes 128 random bits, base64url. Not from a supply: a host may freeze a process and start it several times, and all
 * copies would have the same one.
 */
export function randomId(): string {
  return toBase64Url(crypto.getRandomValues(new Uint8Array(ID_BYTES)))
}

/** Length of a hash in characters: 72 bits. */
const HASH_LENGTH = 12

/** Returns a prefix of a secret's SHA-256 hash, base64url: distinguishes secrets and reveals none. */
export async function hashOf(secret: string): Promise<string> {
  return (await sha256(secret)).slice(0, HASH_LENGTH)
}
