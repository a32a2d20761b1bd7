import type { KeptToken, ServerPlace } from '../rivals/rival.ts'
import type { BenchServer } from '../server/start-server.ts'

/** What a contestant's process is told of the server. */
export const placeOf = ({ clientId, clientSecret, issuer, resource, tokenEndpoint }: BenchServer): ServerPlace => ({
  issuer,
  tokenEndpoint,
  resource,
  clientId,
  clientSecret,
})

const HOUR_S = 3600

/** So long is a token still good that is to be renewed soon, in seconds. */
export const EARLY_S = 100

const AGES_S = { fresh: 0, half: HOUR_S / 2, early: HOUR_S - EARLY_S, spent: HOUR_S + 60 } as const

export type Age = keyof typeof AGES_S

/** A grant of which an application has kept the token for so long: `spent` for more than its hour, `early` for all but the end of it, `half` for half of it. */
export async function logIn(server: BenchServer, age: Age): Promise<KeptToken> {
  const ageS = AGES_S[age]
  const [minted] = await server.mint({ ageS })
  if (minted === undefined) throw new Error('The server minted no grant.')
  const receivedAt = Date.now() - ageS * 1000
  return {
    accessToken: minted.access_token,
    refreshToken: minted.refresh_token,
    receivedAt,
    expiresAt: receivedAt + HOUR_S * 1000,
  }
}
