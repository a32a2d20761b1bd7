import type { AccessToken } from './token.ts'

/** What a caller may ask of a token. */
export interface TokenOptions {
  /** The token must still be valid for so long. More than a whole lifetime is answered by one refresh. @default 0 */
  readonly minValidityMs?: number
  /** The access token that a resource server just refused: another one is wanted. */
  readonly rejected?: string
  /** Ends this caller's wait, which then rejects with the signal's reason; a refresh that is under way goes on. */
  readonly signal?: AbortSignal
}

/** The one-method centre that everything composes on. Safe for concurrent use; the result is frozen. */
export interface TokenSource {
  token(options?: TokenOptions): Promise<AccessToken>
}
