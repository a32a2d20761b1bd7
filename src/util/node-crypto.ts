import type * as crypto from 'node:crypto'

/** The part of it that is used. */
export type NodeCrypto = Pick<
  typeof crypto,
  'createCipheriv' | 'createDecipheriv' | 'createHash' | 'createHmac' | 'createSecretKey' | 'randomFillSync'
>

/**
 * Returns Node's own cryptography, if the runtime has it. Its calls return at once. Web Crypto passes each call to a
 * thread, which for a text as short as a token takes longer than the work. Loaded at first use: loading it takes as
 * long as loading this library.
 */
export function nodeCrypto(): NodeCrypto | undefined {
  return globalThis.process?.getBuiltinModule?.('node:crypto')
}
