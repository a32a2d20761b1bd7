import { ConfigError } from '../model/errors.ts'
import type { Cipher, ContextKey, DeriveKey } from './cipher.ts'

/**
 * Number of derived keys that are kept, as many as `Grants` keeps grants in memory. Deriving one costs about as much as
 * sealing one token.
 */
const KEPT = 10_000

/** The keys of a ring and the keys derived from them. The most recently used ones are kept. */
export class ContextKeys {
  readonly #cipher: Cipher
  readonly #ring: ReadonlyMap<string, Uint8Array<ArrayBuffer>>
  readonly #imported = new Map<string, Promise<DeriveKey>>()
  readonly #derived = new Map<string, Promise<ContextKey>>()

  constructor(cipher: Cipher, ring: ReadonlyMap<string, Uint8Array<ArrayBuffer>>) {
    this.#cipher = cipher
    this.#ring = ring
  }

  get(keyId: string, context: string): Promise<ContextKey> {
    const name = `${keyId} ${context}`
    const found = this.#derived.get(name)
    // Set again in either case: a Map's order is then that of the last use.
    if (found !== undefined) {
      this.#derived.delete(name)
      this.#derived.set(name, found)
      return found
    }
    const derived = this.#import(keyId).then((derive) => derive(keyId, context))
    this.#derived.set(name, derived)
    derived.catch(() => this.#derived.delete(name))
    if (this.#derived.size > KEPT) {
      const [oldest] = this.#derived.keys()
      if (oldest !== undefined) this.#derived.delete(oldest)
    }
    return derived
  }

  #import(keyId: string): Promise<DeriveKey> {
    const found = this.#imported.get(keyId)
    if (found !== undefined) return found
    const bytes = this.#ring.get(keyId)
    if (bytes === undefined) throw new ConfigError(`The key ring has no key '${keyId}'.`)
    const imported = this.#cipher.importKey(bytes)
    this.#imported.set(keyId, imported)
    imported.catch(() => this.#imported.delete(keyId))
    return imported
  }
}
