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
export { generateKey, type KeyRing, keyRing } from './key-ring.ts'
