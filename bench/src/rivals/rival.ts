import type { Keeping } from './keeping.ts'

/** Where the authorization server and the API are, and as which client a contestant speaks to them. */
export interface ServerPlace {
  readonly issuer: string
  readonly tokenEndpoint: string
  /** An API on the same origin. */
  readonly resource: string
  readonly clientId: string
  readonly clientSecret: string
}

/** What an application keeps of a token. Times in milliseconds since the epoch. */
export interface KeptToken {
  readonly accessToken: string
  readonly refreshToken: string | undefined
  readonly receivedAt: number
  readonly expiresAt: number
}

/** How long Evergrant waits for a token request, keeps the right to send it, and lets it settle: its own options, in milliseconds. */
export interface Waits {
  readonly timeoutMs: number
  readonly leaseMs: number
  readonly settleMs: number
}

/** One process's hold on one grant, by the means of one library. */
export interface Holder {
  /** The access token, renewed first where it is spent. */
  token(): Promise<string>
  /** An authorised GET as the library's documentation shows it. Answers the status. */
  get(url: string): Promise<number>
  /** Keeps this token, as a process does that has just renewed it. */
  save(token: KeptToken): Promise<void>
  /** Makes the keeping of new tokens fail, or work again. */
  setSaving(works: boolean): void
  /** What the library has told its application beside the answers of its calls; where it has no such means, undefined. */
  told?(): readonly string[]
  close?(): Promise<void>
}

/** Opens a grant. `seed`: the token of a log-in, where this process is the first to hold it. `waits`: in place of Evergrant's defaults. */
export type Open = (server: ServerPlace, keeping: Keeping, seed?: KeptToken, waits?: Waits) => Promise<Holder>

export const isExpired = ({ expiresAt }: KeptToken): boolean => expiresAt <= Date.now()
