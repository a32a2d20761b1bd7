import { toBase64Url } from '../base64.ts'
import { nodeCrypto } from '../node-crypto.ts'

const ID_BYTES = 16
/** Random bytes cost about the same however many are asked for, so they are had for many ids at once. */
const POOL_BYTES = 256 * ID_BYTES

let pool = new Uint8Array(0)
let used = 0

/** 128 random bits, base64url. */
export function randomId(): string {
  if (used === pool.length) {
    pool = crypto.getRandomValues(new Uint8Array(POOL_BYTES))
    used = 0
  }
  return toBase64Url(pool.subarray(used, (used += ID_BYTES)))
}

/** 72 bits. */
const HASH_LENGTH = 12

/** A prefix of a secret's SHA-256 hash, base64url: tells secrets apart and reveals none. */
export async function hashOf(secret: string): Promise<string> {
  const node = nodeCrypto()
  const hash =
    node === undefined
      ? toBase64Url(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(secret))))
      : node.createHash('sha256').update(secret).digest('base64url')
  return hash.slice(0, HASH_LENGTH)
}
