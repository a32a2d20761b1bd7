import * as base64url from 'jose/base64url'

import { ConfigError } from '../errors.ts'

/** What seals and opens one context's tokens. */
export interface ContextKey {
  /** AES-256-GCM, not extractable. */
  readonly key: CryptoKey
  /** SHA-256 of the context, base64url: stands in the protected header. */
  readonly contextHash: string
}

/** How many derived keys are kept, as many as `Grants` keeps grants in memory: deriving one costs about as much as sealing one token. */
const KEPT = 10_000

const INFO = 'evergrant seal 1\0'

const text = new TextEncoder()

/** Derives a key per context from the ring's keys (HKDF, RFC 5869) and keeps the most recently used ones. */
export class ContextKeys {
  readonly #ring: ReadonlyMap<string, Uint8Array<ArrayBuffer>>
  readonly #imported = new Map<string, Promise<CryptoKey>>()
  readonly #derived = new Map<string, Promise<ContextKey>>()

  constructor(ring: ReadonlyMap<string, Uint8Array<ArrayBuffer>>) {
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
    const derived = this.#derive(keyId, context)
    this.#derived.set(name, derived)
    derived.catch(() => this.#derived.delete(name))
    if (this.#derived.size > KEPT) {
      const [oldest] = this.#derived.keys()
      if (oldest !== undefined) this.#derived.delete(oldest)
    }
    return derived
  }

  async #derive(keyId: string, context: string): Promise<ContextKey> {
    const hash = crypto.subtle.digest('SHA-256', text.encode(context))
    const key = crypto.subtle.deriveKey(
      { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info: text.encode(INFO + context) },
      await this.#import(keyId),
      { name: 'AES-GCM', length: 256 },
      false,
      ['encrypt', 'decrypt'],
    )
    return { key: await key, contextHash: base64url.encode(new Uint8Array(await hash)) }
  }

  #import(keyId: string): Promise<CryptoKey> {
    const found = this.#imported.get(keyId)
    if (found !== undefined) return found
    const bytes = this.#ring.get(keyId)
    if (bytes === undefined) throw new ConfigError(`The key ring has no key '${keyId}'.`)
    const imported = crypto.subtle.importKey('raw', bytes, 'HKDF', false, ['deriveKey'])
    this.#imported.set(keyId, imported)
    imported.catch(() => this.#imported.delete(keyId))
    return imported
  }
}
