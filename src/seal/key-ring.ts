/**
 * Seals and opens tokens at rest. `keyRing()` makes one; a key management service fits behind the same methods.
 * `context` says whose token it is: what was sealed under one context must not open under another.
 */
export interface KeyRing {
  seal(plaintext: string, context: string): Promise<string>
  /** @throws SealError wrong or missing key, another context, or a text that was tampered with */
  open(sealed: string, context: string): Promise<string>
  /** Does everything of sealing that can fail by itself, before there is something to seal. @default seal() */
  prepare?(context: string): Promise<(plaintext: string) => Promise<string>>
  /** The id of the key that a text was sealed with; undefined when it can't be read. */
  keyIdOf?(sealed: string): string | undefined
  /** The id of the key that seals now: a text of another key's is due to be sealed anew. */
  readonly currentKeyId?: string
}
