import { createHmac, randomBytes } from 'node:crypto'
import type { Context, MiddlewareHandler } from 'hono'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import { sealData, unsealData } from 'iron-session'

/** Who is logged in, as the provider named them. */
export interface User {
  /** The provider's own id for the user: the subject of the grant. */
  readonly sub: string
  readonly name: string
  readonly email: string | undefined
}

/** What the sealed cookie holds: no token. */
export interface WebSession {
  /** New at each log-in, so that a session which somebody planted is worth nothing afterwards. */
  readonly id: string
  /** The client's name in `Grants`: who is whom at one provider says nothing at another. */
  readonly client: string
  readonly user: User
}

/** What every route finds in its context. */
export interface WebEnv {
  Variables: { session: WebSession | undefined }
}

export interface WebSessionsOptions {
  /** Seals the cookie; at least 32 characters. */
  readonly password: string
  readonly publicUrl: URL
  /** The client's name in `Grants`. */
  readonly client: string
}

const lifetimeSeconds = 7 * 24 * 60 * 60
/** Ended sessions are remembered in this process; more than any demo sees. */
const mostEnded = 10_000

/** Web sessions in a cookie that only this application can read or make. */
export class WebSessions {
  readonly #password: string
  readonly #cookie: string
  readonly #secure: boolean
  readonly #client: string
  readonly #ended = new Set<string>()

  constructor({ client, password, publicUrl }: WebSessionsOptions) {
    this.#client = client
    this.#password = password
    this.#secure = publicUrl.protocol === 'https:'
    // Cookies ignore ports. Two instances of one demo share their log-ins by it; two demos on one machine that have
    // nothing in common must not log each other's visitors out.
    const mark = createHmac('sha256', password).update(`cookie for ${client}`).digest('hex').slice(0, 12)
    this.#cookie = `evergrant_demo_${mark}`
  }

  /** Puts the request's session, if it has a valid one, into the context. */
  read(): MiddlewareHandler<WebEnv> {
    return async (c, next) => {
      c.set('session', await this.#open(getCookie(c, this.#cookie)))
      await next()
    }
  }

  /** Begins a session after a log-in. */
  async begin(c: Context<WebEnv>, user: User): Promise<void> {
    const previous = c.get('session')
    if (previous !== undefined) this.#end(previous)
    const session: WebSession = { id: randomBytes(16).toString('base64url'), client: this.#client, user }
    const sealed = await sealData(session, { password: this.#password, ttl: lifetimeSeconds })
    setCookie(c, this.#cookie, sealed, {
      httpOnly: true,
      sameSite: 'Lax',
      path: '/',
      secure: this.#secure,
      maxAge: lifetimeSeconds,
    })
  }

  /** Ends the request's session, also for whoever has a copy of the cookie. */
  end(c: Context<WebEnv>): void {
    const session = c.get('session')
    if (session !== undefined) this.#end(session)
    deleteCookie(c, this.#cookie, { path: '/', secure: this.#secure })
  }

  #end({ id }: WebSession): void {
    this.#ended.add(id)
    const [oldest] = this.#ended
    if (this.#ended.size > mostEnded && oldest !== undefined) this.#ended.delete(oldest)
  }

  async #open(sealed: string | undefined): Promise<WebSession | undefined> {
    if (sealed === undefined) return undefined
    try {
      const data = await unsealData<unknown>(sealed, { password: this.#password, ttl: lifetimeSeconds })
      const valid = isWebSession(data) && data.client === this.#client && !this.#ended.has(data.id)
      return valid ? data : undefined
    } catch {
      // A forged or damaged cookie is no session; nothing in it was believed.
      return undefined
    }
  }
}

function isWebSession(value: unknown): value is WebSession {
  if (typeof value !== 'object' || value === null) return false
  const { id, user } = value as { readonly id?: unknown; readonly user?: unknown }
  if (typeof id !== 'string' || typeof user !== 'object' || user === null) return false
  const { sub, name } = user as { readonly sub?: unknown; readonly name?: unknown }
  return typeof sub === 'string' && typeof name === 'string'
}
