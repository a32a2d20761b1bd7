/** The simulated authorization server's reaction to a repeated refresh token (the modes of the protocol's model). */
export const MODES = ['strict', 'refuse', 'grace-same', 'grace-new', 'grace-last', 'time', 'static'] as const
export type Mode = (typeof MODES)[number]

export interface Family {
  readonly id: number
  /** The client that it was issued to. */
  readonly clientId: string
  alive: boolean
  /** What ended it. */
  endedBy?: 'user' | 'reuse'
}

interface RefreshToken {
  readonly name: string
  readonly family: Family
  readonly parent: RefreshToken | undefined
  /** `grace`: consumed, and accepted once more. `replaced`: by a later sibling. */
  state: 'fresh' | 'grace' | 'consumed' | 'replaced'
  consumedAt?: number
}

export interface Registration {
  readonly clientId: string
  readonly secret: string
}

export interface Issued {
  readonly accessToken: string
  readonly refreshToken: string
  readonly lifetimeMs: number
}

export interface Sent {
  readonly sentAt: number
  readonly doubtMs: number
}

export interface AccessFacts {
  readonly family: Family
  /** Lifetimes count from when the request was sent. */
  readonly expiresAt: number
  /** The error of the sender's clock after an unnoticed jump, or the later jump of the store's clock. */
  doubtMs: number
}

/** The authorization server: rotation, reuse detection, grace. Its clock is the true time. */
export class Server {
  readonly access = new Map<string, AccessFacts>()
  readonly families: Family[] = []
  /** Refresh tokens that were issued, by name. */
  readonly #refreshTokens = new Map<string, RefreshToken>()
  readonly #mode: Mode
  readonly #lifetimeMs: number
  readonly #now: () => number
  /** Called when a token's grace period begins, which also ends by time. */
  readonly #onGrace: (end: () => void) => void
  redemptions = 0
  reuses = 0
  /** The present registration of the client. */
  registration: Registration = { clientId: 'client-id', secret: 'secret-0' }
  #count = 0

  constructor(options: { mode: Mode; lifetimeMs: number; now: () => number; onGrace: (end: () => void) => void }) {
    this.#mode = options.mode
    this.#lifetimeMs = options.lifetimeMs
    this.#now = options.now
    this.#onGrace = options.onGrace
  }

  logIn(doubtMs: number): Issued & { readonly family: Family } {
    const family: Family = { id: this.families.length, clientId: this.registration.clientId, alive: true }
    this.families.push(family)
    return { ...this.#answer(this.#make(family, undefined), { sentAt: this.#now(), doubtMs }), family }
  }

  familyOf(token: string | undefined): Family | undefined {
    return token === undefined ? undefined : this.#refreshTokens.get(token)?.family
  }

  /** Whether a redemption would succeed now. */
  accepts(token: string | undefined): boolean {
    const held = token === undefined ? undefined : this.#refreshTokens.get(token)
    return held !== undefined && held.family.alive && (held.state === 'fresh' || held.state === 'grace')
  }

  end(family: Family | undefined, by: 'user' | 'reuse'): void {
    if (family === undefined || !family.alive) return
    family.alive = false
    family.endedBy = by
  }

  /** Handles one token request. Undefined means `invalid_grant`. */
  redeem(token: string, sent: Sent): Issued | undefined {
    const held = this.#refreshTokens.get(token)
    if (held === undefined || !held.family.alive) return undefined
    this.redemptions += 1
    if (this.#mode === 'static') return this.#answer(held, sent)
    if (held.state === 'fresh') return this.#answer(this.#consume(held), sent)
    this.reuses += 1
    if (held.state === 'grace') return this.#answer(this.#repeat(held), sent)
    if (this.#mode !== 'refuse' && held.state !== 'replaced') this.end(held.family, 'reuse')
    return undefined
  }

  #consume(held: RefreshToken): RefreshToken {
    const strict = this.#mode === 'strict' || this.#mode === 'refuse'
    held.state = strict ? 'consumed' : 'grace'
    held.consumedAt = this.#now()
    if (!strict) {
      this.#onGrace(() => {
        if (held.state === 'grace') held.state = 'consumed'
      })
    }
    // The use of a successor ends its predecessor's grace period.
    if (this.#mode !== 'time' && held.parent?.state === 'grace') held.parent.state = 'consumed'
    return this.#make(held.family, held)
  }

  #repeat(held: RefreshToken): RefreshToken {
    const children = [...this.#refreshTokens.values()].filter((each) => each.parent === held)
    if (this.#mode === 'grace-same') {
      const child = children.find((each) => each.state === 'fresh')
      if (child !== undefined) return child
    }
    if (this.#mode === 'grace-last') {
      for (const child of children) if (child.state === 'fresh' || child.state === 'grace') child.state = 'replaced'
    }
    return this.#make(held.family, held)
  }

  #make(family: Family, parent: RefreshToken | undefined): RefreshToken {
    const name = `refresh-${family.id}-${++this.#count}`
    const token: RefreshToken = { name, family, parent, state: 'fresh' }
    this.#refreshTokens.set(name, token)
    return token
  }

  #answer(refresh: RefreshToken, { sentAt, doubtMs }: Sent): Issued {
    const accessToken = `access-${refresh.family.id}-${++this.#count}`
    this.access.set(accessToken, { family: refresh.family, expiresAt: sentAt + this.#lifetimeMs, doubtMs })
    return { accessToken, refreshToken: refresh.name, lifetimeMs: this.#lifetimeMs }
  }
}
