import { toBase64Url } from './base64.ts'
import { nodeCrypto } from './node-crypto.ts'

/** SHA-256 of a text's UTF-8 bytes, base64url. */
export async function sha256(text: string): Promise<string> {
  const node = nodeCrypto()
  if (node !== undefined) return node.createHash('sha256').update(text).digest('base64url')
  return toBase64Url(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))))
}

/** Compares without telling by its duration where the texts differ. */
export function sameText(a: string, b: string): boolean {
  let difference = a.length ^ b.length
  for (let i = 0; i < b.length; i += 1) difference |= a.charCodeAt(i) ^ b.charCodeAt(i)
  return difference === 0
}

const ID_BYTES = 16

/**
 * 128 random bits, base64url. Not from a supply: the copies of a process that a host has frozen and started several times would have
 * the same one.
 */
export function randomId(): string {
  return toBase64Url(crypto.getRandomValues(new Uint8Array(ID_BYTES)))
}

/** 72 bits. */
const HASH_LENGTH = 12

/** A prefix of a secret's SHA-256 hash, base64url: tells secrets apart and reveals none. */
export async function hashOf(secret: string): Promise<string> {
  return (await sha256(secret)).slice(0, HASH_LENGTH)
}
