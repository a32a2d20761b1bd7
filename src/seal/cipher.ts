/**
 * Seals texts as compact JWEs (RFC 7516 section 7.1) and opens them: `dir` with A256GCM under a key derived (HKDF, RFC 5869) from a key of
 * the ring for one context, whose hash stands in the protected header.
 */
export interface Cipher {
  /** Takes a key of the ring. */
  importKey(bytes: Uint8Array<ArrayBuffer>): Promise<DeriveKey>
}

/** Derives the key of one context. What can fail by itself is done when it resolves. */
export type DeriveKey = (keyId: string, context: string) => Promise<ContextKey>

/** Seals and opens one context's texts with one key. */
export interface ContextKey {
  /** SHA-256 of the context, base64url. */
  readonly contextHash: string
  seal(plaintext: string): Promise<string>
  /** Opens a text that has the form of a sealed one. Rejects, with whatever, when this key did not seal it for this context. */
  open(sealed: string): Promise<string>
}

/** What a derived key is for: stands before the context in HKDF's `info`. */
export const KEY_PURPOSE = 'evergrant seal 1\0'
