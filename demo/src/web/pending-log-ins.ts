import { createHash } from 'node:crypto'
import type { Context } from 'hono'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import type { PendingLogin } from 'evergrant'
import { sealData, unsealData } from 'iron-session'

export interface PendingLoginsOptions {
  /** Seals the cookies; at least 32 characters. */
  readonly password: string
  readonly publicUrl: URL
}

/** As long as the library accepts one. */
const lifetimeSeconds = 15 * 60
/** So many tabs may be logging in at once; an older one is forgotten, because request headers have an end. */
const most = 3

/**
 * Log-ins that were begun, one sealed cookie each: only the browser that began one can finish it, tabs don't disturb each
 * other, and a restart loses none. They stay until they expire, so that a reload of the callback can be told what it is.
 */
export class PendingLogins {
  readonly #password: string
  readonly #prefix: string
  readonly #secure: boolean

  constructor({ password, publicUrl }: PendingLoginsOptions) {
    this.#password = password
    this.#secure = publicUrl.protocol === 'https:'
    this.#prefix = `evergrant_login_${publicUrl.port || 'web'}_`
  }

  /** Keeps one in the browser. */
  async keep(c: Context, pending: PendingLogin): Promise<void> {
    const others = Object.keys(getCookie(c)).filter((name) => name.startsWith(this.#prefix))
    for (const name of others.slice(0, Math.max(0, others.length - most + 1))) this.#delete(c, name)
    const sealed = await sealData({ ...pending }, { password: this.#password, ttl: lifetimeSeconds })
    setCookie(c, this.#nameOf(pending.state), sealed, {
      httpOnly: true,
      sameSite: 'Lax',
      path: '/',
      secure: this.#secure,
      maxAge: lifetimeSeconds,
    })
  }

  /** The log-in of this browser to which a callback's state belongs. */
  async find(c: Context, state: string): Promise<PendingLogin | undefined> {
    const sealed = getCookie(c, this.#nameOf(state))
    if (sealed === undefined) return undefined
    try {
      const data = await unsealData<Partial<PendingLogin>>(sealed, { password: this.#password, ttl: lifetimeSeconds })
      return data.state === state && typeof data.id === 'string' ? (data as PendingLogin) : undefined
    } catch {
      return undefined
    }
  }

  #nameOf(state: string): string {
    return this.#prefix + createHash('sha256').update(state).digest('hex').slice(0, 16)
  }

  #delete(c: Context, name: string): void {
    deleteCookie(c, name, { path: '/', secure: this.#secure })
  }
}
