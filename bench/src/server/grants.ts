import { type Behaviour, type ServerStats, type Token } from './protocol.ts'

interface Grant {
  generation: number
  revoked: boolean
}

type Counts = { -readonly [K in keyof ServerStats]: number }

/** An access token says itself when it ends, a refresh token of which generation it is: nothing takes long to find. */
export class Grants {
  behaviour: Behaviour
  stats: Counts = emptyStats()
  readonly #grants: Grant[] = []
  readonly #refused = new Set<string>()

  constructor(behaviour: Behaviour) {
    this.behaviour = behaviour
  }

  mint(ageS: number): Token {
    const index = this.#grants.push({ generation: 0, revoked: false }) - 1
    const receivedS = Math.floor(Date.now() / 1000) - ageS
    const endS = receivedS + this.behaviour.lifetimeS
    const tokens = { accessToken: `access.${index}.0.${endS}`, refreshToken: `refresh.${index}.0` }
    return { ...tokens, receivedAt: receivedS * 1000, expiresAt: endS * 1000 }
  }

  /** The resource responds to this token with 401 from now on. */
  refuse(accessToken: string): void {
    this.#refused.add(accessToken)
  }

  /** What a refresh token brings: undefined where the grant has ended. */
  redeem(refreshToken: string): Omit<Token, 'receivedAt'> | undefined {
    const [kind, index, generation] = refreshToken.split('.')
    const grant = kind === 'refresh' ? this.#grants[Number(index)] : undefined
    if (grant === undefined || grant.revoked) return undefined
    if (Number(generation) !== grant.generation) {
      grant.revoked = true
      this.stats.reuses += 1
      this.stats.revoked += 1
      return undefined
    }
    const { fault, lifetimeS, rotate } = this.behaviour
    const keeps = !rotate || fault === 'no_refresh_token'
    if (!keeps) grant.generation += 1
    this.stats.redemptions += 1
    const endS = Math.floor(Date.now() / 1000) + lifetimeS
    return {
      accessToken: `access.${index}.${this.stats.redemptions}.${endS}`,
      refreshToken: keeps ? '' : `refresh.${index}.${grant.generation}`,
      expiresAt: endS * 1000,
    }
  }

  /** Whether the resource takes this `Authorization` header. */
  authorised(header: string | undefined): boolean {
    this.stats.resourceRequests += 1
    const token = header?.startsWith('Bearer ') === true ? header.slice(7) : ''
    const [kind, , , endS] = token.split('.')
    const taken = kind === 'access' && Number(endS) * 1000 > Date.now() && !this.#refused.has(token)
    if (!taken) this.stats.unauthorized += 1
    return taken
  }
}

export function emptyStats(): Counts {
  return { tokenRequests: 0, redemptions: 0, reuses: 0, revoked: 0, resourceRequests: 0, unauthorized: 0 }
}
