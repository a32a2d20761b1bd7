/** What can be wrong with the token endpoint. */
export type TokenFault =
  /** Answers 503 and does nothing. */
  | 'unavailable'
  /** Ends the connection, and has done nothing. */
  | 'cut_before'
  /** Redeems, then ends the connection: the answer is lost. */
  | 'cut_after'
  /** Never answers, and does nothing. */
  | 'silent'
  /** Answers as if the refresh token were no longer good, and does nothing. */
  | 'invalid_grant'
  /** Redeems, and leaves the refresh token out of the answer: the old one goes on. */
  | 'no_refresh_token'

/** How the server behaves. */
export interface Behaviour {
  /** Whether each redemption replaces the refresh token; one that comes twice then ends the grant. */
  readonly rotate: boolean
  /** How long the token endpoint waits before it answers, in milliseconds. */
  readonly delayMs: number
  /** How long access tokens live, in seconds. */
  readonly lifetimeS: number
  readonly fault: TokenFault | null
}

export const DEFAULT_BEHAVIOUR: Behaviour = { rotate: true, delayMs: 0, lifetimeS: 3600, fault: null }

export interface MintOrder {
  readonly count: number
  /** How old the access tokens are, in seconds: with `lifetimeS` they are spent. */
  readonly ageS: number
}

/** A log-in's answer. */
export interface Minted {
  readonly access_token: string
  readonly refresh_token: string
  /** Seconds since the epoch. */
  readonly expires_at: number
}

/** What a redemption brings, where the refresh token rotates. */
export interface Redeemed {
  readonly access_token: string
  readonly refresh_token: string
  /** Seconds. */
  readonly expires_in: number
}

export interface ServerStats {
  readonly tokenRequests: number
  readonly redemptions: number
  /** How often a refresh token came a second time. */
  readonly reuses: number
  /** How many grants are ended. */
  readonly revoked: number
  readonly resourceRequests: number
  /** How many of them were answered with 401. */
  readonly unauthorized: number
}

export const CLIENT_ID = 'bench'
export const CLIENT_SECRET = 'bench-secret'
