/**
 * Seals texts as compact JWEs (RFC 7516 section 7.1) and unseals them: `dir` with A256GCM. The key is derived (HKDF,
 * RFC 5869) from a key of the ring for one context, whose hash is in the protected header.
 */
export interface Cipher {
  /** Imports a key of the ring. */
  importKey(bytes: Uint8Array<ArrayBuffer>): Promise<DeriveKey>
}

/** Derives the key of one context. Everything that can fail in advance is done when it resolves. */
export type DeriveKey = (keyId: string, context: string) => Promise<ContextKey>

/** Seals and unseals one context's texts with one key. */
export interface ContextKey {
  /** SHA-256 of the context, base64url. */
  readonly contextHash: string
  seal(plaintext: string): Promise<string>
  /**
   * Unseals a text that has the form of a sealed one. Rejects, with anything, if this key did not seal it for this
   * context.
   */
  open(sealed: string): Promise<string>
}

/** Purpose of a derived key: precedes the context in HKDF's `info`. */
export const KEY_PURPOSE = 'evergrant seal 1\0'
