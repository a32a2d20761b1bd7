/**
 * Seals and unseals tokens at rest. `keyRing()` makes one; a key management service fits behind the same methods.
 * `context` names the grant: what was sealed under one context must not unseal under another.
 */
export interface KeyRing {
  seal(plaintext: string, context: string): Promise<string>
  /** Unseals a text. @throws SealError if the key is wrong or missing, the context differs, or the text was changed */
  open(sealed: string, context: string): Promise<string>
  /** Does everything of sealing that can fail in advance, before there is something to seal. @default seal() */
  prepare?(context: string): Promise<(plaintext: string) => Promise<string>>
  /** Returns the id of the key that sealed a text. Undefined if it cannot be read. */
  keyIdOf?(sealed: string): string | undefined
  /** Id of the key that seals now. A text sealed with another key is due to be resealed. */
  readonly currentKeyId?: string
}
