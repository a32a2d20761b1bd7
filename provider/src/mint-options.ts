/** Which grants to make without a browser. */
export interface MintOptions {
  /** Number of grants. @default 1 */
  readonly count?: number
  /** The username whose grants they are. @default the first user */
  readonly user?: string
  /** The client that gets them. @default the ready client */
  readonly clientId?: string
  /** Scopes, separated by spaces. @default 'openid email profile' */
  readonly scope?: string
  /** Whether the access tokens have expired: rejected everywhere, with an `expires_in` of 0. @default false */
  readonly accessTokenExpired?: boolean
  /** Whether each response has an ID token. Each takes about a millisecond to sign. @default false */
  readonly idToken?: boolean
}

/** A token response as the token endpoint sends it (RFC 6749, section 5.1). */
export interface TokenAnswer {
  readonly access_token: string
  readonly token_type: 'Bearer'
  /** Lifetime in seconds. */
  readonly expires_in: number
  readonly refresh_token: string
  readonly scope: string
  readonly id_token?: string
}
