/** What the scripted provider's token endpoint returns when it grants: RFC 6749 section 5.1. */
export interface IssuedToken {
  readonly access_token: string
  readonly token_type: 'Bearer'
  readonly expires_in?: number
  readonly refresh_token?: string
  readonly scope?: string
}

export interface GrantRules {
  readonly now: () => number
  readonly rotates: boolean
  readonly reuse: 'revoke' | 'refuse' | { readonly graceMs: number }
  /** In seconds. null: the responses have no `expires_in`. */
  readonly expiresIn: number | null
}

interface Family {
  readonly scope: string | undefined
  alive: boolean
}

interface RefreshToken {
  readonly family: Family
  /** When it was first redeemed, if that ends it. */
  consumedAt?: number
  successor?: string
}

/**
 * The grants of the scripted provider: families of tokens, with rotation and reuse detection (RFC 9700 section 4.14.2).
 */
export class ScriptedGrants {
  readonly #rules: GrantRules
  readonly #refreshTokens = new Map<string, RefreshToken>()
  readonly #accessTokens = new Map<string, { readonly family: Family; readonly expiresAt: number }>()
  redemptions = 0
  reuses = 0
  #issued = 0

  constructor(rules: GrantRules) {
    this.#rules = rules
  }

  issue(scope: string | undefined, renewable: boolean): IssuedToken {
    const family = { scope, alive: true }
    return this.#answer(family, renewable ? this.#refreshToken(family) : undefined)
  }

  /** Returns the response to a redemption. Undefined: `invalid_grant`. */
  redeem(token: string | null): IssuedToken | undefined {
    const held = token === null ? undefined : this.#refreshTokens.get(token)
    if (held === undefined || token === null || !held.family.alive) return undefined
    const { rotates, reuse } = this.#rules
    if (held.consumedAt === undefined) {
      this.redemptions++
      if (!rotates) return this.#answer(held.family, token)
      held.consumedAt = this.#rules.now()
      held.successor = this.#refreshToken(held.family)
      return this.#answer(held.family, held.successor)
    }
    this.reuses++
    if (reuse === 'refuse') return undefined
    if (reuse !== 'revoke' && this.#rules.now() < held.consumedAt + reuse.graceMs) {
      return this.#answer(held.family, held.successor)
    }
    held.family.alive = false
    return undefined
  }

  /** Whether a resource server would accept this access token. */
  accepts(accessToken: string): boolean {
    const held = this.#accessTokens.get(accessToken)
    return held !== undefined && held.family.alive && held.expiresAt > this.#rules.now()
  }

  scopeOf(token: string): string | undefined {
    return (this.#accessTokens.get(token) ?? this.#refreshTokens.get(token))?.family.scope
  }

  /** Ends the grant of a token. */
  revoke(token: string): void {
    const family = (this.#accessTokens.get(token) ?? this.#refreshTokens.get(token))?.family
    if (family !== undefined) family.alive = false
  }

  #answer(family: Family, refreshToken: string | undefined): IssuedToken {
    const { expiresIn, now } = this.#rules
    const accessToken = this.#name('access')
    const expiresAt = expiresIn === null ? Number.POSITIVE_INFINITY : now() + expiresIn * 1000
    this.#accessTokens.set(accessToken, { family, expiresAt })
    return {
      access_token: accessToken,
      token_type: 'Bearer',
      ...(expiresIn === null ? {} : { expires_in: expiresIn }),
      ...(refreshToken === undefined ? {} : { refresh_token: refreshToken }),
      ...(family.scope === undefined ? {} : { scope: family.scope }),
    }
  }

  #refreshToken(family: Family): string {
    const token = this.#name('refresh')
    this.#refreshTokens.set(token, { family })
    return token
  }

  #name(kind: string): string {
    return `scripted-${kind}-${++this.#issued}-${crypto.randomUUID()}`
  }
}
