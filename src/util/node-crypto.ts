import type * as crypto from 'node:crypto'

/** What is used of it. */
export type NodeCrypto = Pick<
  typeof crypto,
  'createCipheriv' | 'createDecipheriv' | 'createHash' | 'createHmac' | 'createSecretKey' | 'randomFillSync'
>

/**
 * Node's own cryptography, where the runtime has it. Its calls answer at once; each of Web Crypto's is handed to a thread, and to wake
 * that takes longer than what it does for a text as short as a token. Asked for when it is needed: to load it takes as long as to load
 * this library.
 */
export function nodeCrypto(): NodeCrypto | undefined {
  return globalThis.process?.getBuiltinModule?.('node:crypto')
}
