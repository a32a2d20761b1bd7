/**
 * Encryption of tokens at rest.
 *
 * ```ts
 * import { generateKey, keyRing } from 'evergrant/seal'
 *
 * console.log(`EVERGRANT_KEYS=k1:${generateKey()}`) // once, into the secrets of the deployment
 * const grants = new Grants({ clients, store, keys: keyRing(process.env.EVERGRANT_KEYS) })
 * ```
 * @module
 */
export type { KeyRing } from './key-ring.ts'
export { generateKey, keyRing } from './make-key-ring.ts'
