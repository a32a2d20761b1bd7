import { toBase64Url } from './base64.ts'
import { sha256 } from './sha256.ts'

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
