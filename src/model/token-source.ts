import type { AccessToken } from './token.ts'

/** What a caller requires of a token. */
export interface TokenOptions {
  /**
   * Minimum remaining validity in ms. A value above the token's lifetime causes one refresh, not one per call. Rejects
   * if that refresh fails. @default 0
   */
  readonly minValidityMs?: number | undefined
  /** The access token that a resource server refused. A different one is returned. */
  readonly rejected?: string | undefined
  /** Ends this caller's wait, which rejects with the signal's reason. A refresh in progress continues. */
  readonly signal?: AbortSignal | undefined
}

/** The one-method interface that everything else composes on. Safe for concurrent use. The result is frozen. */
export interface TokenSource {
  token(options?: TokenOptions): Promise<AccessToken>
}
