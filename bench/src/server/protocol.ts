/** What can be wrong with the token endpoint. */
export type TokenFault =
  /** Responds with 503 and does nothing. */
  | 'unavailable'
  /** Ends the connection, and has done nothing. */
  | 'cut_before'
  /** Redeems, then ends the connection: the response is lost. */
  | 'cut_after'
  /** Never responds, and does nothing. */
  | 'silent'
  /** Responds as if the refresh token were no longer good, and does nothing. */
  | 'invalid_grant'
  /** Redeems, and leaves the refresh token out of the response: the old one goes on. */
  | 'no_refresh_token'

/** How the server behaves. */
export interface Behaviour {
  /** Whether each redemption replaces the refresh token; one that comes twice then ends the grant. */
  readonly rotate: boolean
  /** How long the token endpoint takes to respond, in milliseconds: always as long, or evenly between two, as a network does. */
  readonly delayMs: number | readonly [least: number, most: number]
  /** How long access tokens last, in seconds. */
  readonly lifetimeS: number
  readonly fault: TokenFault | null
}

export const DEFAULT_BEHAVIOUR: Behaviour = { rotate: true, delayMs: 0, lifetimeS: 3600, fault: null }

/** What an application keeps of a token. Times in milliseconds since the epoch. */
export interface Token {
  readonly accessToken: string
  readonly refreshToken: string
  readonly receivedAt: number
  readonly expiresAt: number
}

/** Where the authorization server and the API are, and as which client a contestant speaks to them. */
export interface ServerPlace {
  readonly issuer: string
  readonly tokenEndpoint: string
  /** An API on the same origin. */
  readonly resource: string
  readonly clientId: string
  readonly clientSecret: string
}

export interface ServerStats {
  readonly tokenRequests: number
  readonly redemptions: number
  /** How often a refresh token came a second time. */
  readonly reuses: number
  /** How many grants are ended. */
  readonly revoked: number
  readonly resourceRequests: number
  /** How many of them got a 401. */
  readonly unauthorized: number
}

/** What only the bench asks the server for: what it sends, and what comes back. */
export interface Controls {
  configure: [Partial<Behaviour>, null]
  /** New grants whose access tokens are so old, in seconds. */
  mint: [{ readonly count: number; readonly ageS: number }, readonly Token[]]
  /** The API responds to this access token with 401 from now on. */
  refuse: [string, null]
  /** Redeems at once, whatever is wrong with the token endpoint, and counts no token request: another process's redemption. */
  redeem: [string, Token]
  stats: [null, ServerStats]
  /** Counts from 0 again. */
  reset: [null, null]
}

/** Asks the server for something that no contestant asks it for. */
export async function control<Name extends keyof Controls>(
  { issuer }: Pick<ServerPlace, 'issuer'>,
  name: Name,
  order: Controls[Name][0],
): Promise<Controls[Name][1]> {
  const response = await fetch(`${issuer}/control/${name}`, { method: 'POST', body: JSON.stringify(order) })
  if (!response.ok) throw new Error(`The server responded to ${name} with ${response.status}.`)
  return (await response.json()) as Controls[Name][1]
}
