import type { Behaviour, Minted, ServerStats } from './protocol.ts'

interface Grant {
  generation: number
  revoked: boolean
}

/** An access token says itself when it ends, a refresh token of which generation it is: nothing is looked up for long. */
export class Grants {
  behaviour: Behaviour
  readonly #grants: Grant[] = []
  readonly #refused = new Set<string>()
  #counts = emptyStats()

  constructor(behaviour: Behaviour) {
    this.behaviour = behaviour
  }

  get stats(): ServerStats {
    return this.#counts
  }

  resetStats(): void {
    this.#counts = emptyStats()
  }

  mint(ageS: number): Minted {
    const index = this.#grants.push({ generation: 0, revoked: false }) - 1
    const expiresAt = Math.floor(Date.now() / 1000) - ageS + this.behaviour.lifetimeS
    return {
      access_token: `access.${index}.0.${expiresAt}`,
      refresh_token: `refresh.${index}.0`,
      expires_at: expiresAt,
    }
  }

  /** The resource answers 401 to this token from now on. */
  refuse(accessToken: string): void {
    this.#refused.add(accessToken)
  }

  arrived(): void {
    this.#counts.tokenRequests += 1
  }

  /** The answer to a refresh token: status and body. */
  redeem(refreshToken: string): readonly [status: number, body: string] {
    const [kind, index, generation] = refreshToken.split('.')
    const grant = kind === 'refresh' ? this.#grants[Number(index)] : undefined
    if (grant === undefined || grant.revoked) return INVALID_GRANT
    if (Number(generation) !== grant.generation) {
      this.#counts.reuses += 1
      grant.revoked = true
      this.#counts.revoked += 1
      return INVALID_GRANT
    }
    const { fault, lifetimeS, rotate } = this.behaviour
    const keeps = !rotate || fault === 'no_refresh_token'
    if (!keeps) grant.generation += 1
    this.#counts.redemptions += 1
    const expiresAt = Math.floor(Date.now() / 1000) + lifetimeS
    const accessToken = `access.${index}.${this.#counts.redemptions}.${expiresAt}`
    const next = keeps ? '' : `,"refresh_token":"refresh.${index}.${grant.generation}"`
    return [200, `{"access_token":"${accessToken}","token_type":"Bearer","expires_in":${lifetimeS}${next}}`]
  }

  /** Whether the resource takes this `Authorization` header. */
  authorised(header: string | undefined): boolean {
    this.#counts.resourceRequests += 1
    const token = header?.startsWith('Bearer ') === true ? header.slice(7) : ''
    const [kind, , , expiresAt] = token.split('.')
    const taken = kind === 'access' && Number(expiresAt) * 1000 > Date.now() && !this.#refused.has(token)
    if (!taken) this.#counts.unauthorized += 1
    return taken
  }
}

export const INVALID_GRANT = [400, '{"error":"invalid_grant"}'] as const

function emptyStats(): { -readonly [K in keyof ServerStats]: number } {
  return { tokenRequests: 0, redemptions: 0, reuses: 0, revoked: 0, resourceRequests: 0, unauthorized: 0 }
}
