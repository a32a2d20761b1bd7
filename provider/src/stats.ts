/** Number of requests to the token endpoint by grant type. */
export interface TokenRequestCounts {
  /** All requests, with any result. */
  readonly total: number
  readonly refresh_token: number
  readonly authorization_code: number
  readonly client_credentials: number
  readonly device_code: number
  /** Requests of another or without a grant type. */
  readonly other: number
}

/** What a provider has seen since it started or since the last `resetStats()`. */
export interface ProviderStats {
  /** Requests that reached the token endpoint, also those with a fault. */
  readonly tokenRequests: TokenRequestCounts
  /** Redeemed refresh tokens: new tokens were made, even if the response was lost. */
  readonly redemptions: number
  /** Refresh tokens sent again after their redemption, and after the grace period if there is one. */
  readonly reuseDetections: number
  /** Grants that were ended because a refresh token or a code was used again. */
  readonly revocations: number
  /** Requests to the revocation endpoint. */
  readonly revokeRequests: number
  readonly userInfoRequests: number
  readonly tokenInfoRequests: number
  readonly introspectionRequests: number
  /** Responses that a fault changed or withheld. */
  readonly faults: number
}

type Writable<T> = { -readonly [K in keyof T]: T[K] extends number ? number : Writable<T[K]> }
type Counts = Writable<ProviderStats>
/** A counter other than the token requests. */
export type StatName = Exclude<keyof ProviderStats, 'tokenRequests'>

const everyClient = Symbol('every client')

/** Counts for the whole provider and for each client. */
export class StatsCounter {
  readonly #counts = new Map<string | typeof everyClient, Counts>()

  /** Counts one event, of the client if it is known. */
  count(name: StatName, clientId?: string): void {
    for (const counts of this.#touched(clientId)) counts[name] += 1
  }

  /** Counts one request to the token endpoint. */
  countTokenRequest(grantType: string, clientId?: string): void {
    const short = grantType.slice(grantType.lastIndexOf(':') + 1)
    for (const { tokenRequests } of this.#touched(clientId)) {
      tokenRequests.total += 1
      if (isCounted(short)) tokenRequests[short] += 1
      else tokenRequests.other += 1
    }
  }

  /** A copy of the counts, of one client or of all together. */
  read(clientId?: string): ProviderStats {
    return structuredClone(this.#counts.get(clientId ?? everyClient) ?? zero())
  }

  /** Resets all counts to 0. */
  reset(): void {
    this.#counts.clear()
  }

  #touched(clientId: string | undefined): Counts[] {
    const keys = clientId === undefined ? [everyClient] : [everyClient, clientId]
    return keys.map((key) => {
      const counts = this.#counts.get(key as string) ?? zero()
      this.#counts.set(key as string, counts)
      return counts
    })
  }
}

function isCounted(name: string): name is Exclude<keyof TokenRequestCounts, 'total' | 'other'> {
  return (
    name === 'refresh_token' || name === 'authorization_code' || name === 'client_credentials' || name === 'device_code'
  )
}

function zero(): Counts {
  return {
    tokenRequests: {
      total: 0,
      refresh_token: 0,
      authorization_code: 0,
      client_credentials: 0,
      device_code: 0,
      other: 0,
    },
    redemptions: 0,
    reuseDetections: 0,
    revocations: 0,
    revokeRequests: 0,
    userInfoRequests: 0,
    tokenInfoRequests: 0,
    introspectionRequests: 0,
    faults: 0,
  }
}
