import { isEvergrantError } from '../model/errors.ts'
import type { KeyRing } from '../seal/key-ring.ts'
import type { Clock } from '../util/clock.ts'
import { sameText } from '../util/crypto.ts'
import { lazy } from '../util/lazy.ts'
import {
  decodeLogin,
  encodeLogin,
  type FinishedLogin,
  type LoginContent,
  type UnfinishedLogin,
} from './login-content.ts'

/** Lifetime of a cookie, as long as a login is accepted. */
const LIFETIME_S = 900
/** Number of cookies, and bytes of them in a request. Servers refuse requests whose headers are too long. */
const MOST_COOKIES = 3
const MOST_BYTES = 4000
/** Two logins in this time are followed by a page: nothing may go round in a circle. */
const LOOP_S = 15
/** Characters of the state in a cookie's name. */
const STATE_LENGTH = 16
/** One context for all logins: more would displace the grants' derived keys. No grant has such a context. */
const CONTEXT = JSON.stringify({ web: 'login' })

const loadSeal = lazy(() => import('../seal/make-key-ring.ts'))

interface Found {
  readonly name: string
  readonly value: string
  /** In seconds since the epoch. */
  readonly begun: number
  readonly state: string
}

/** The cookies of logins, one for each. Nothing about an unfinished login is kept anywhere else. */
export class LoginCookies {
  readonly #clock: Required<Clock>
  readonly #isSecure: boolean
  readonly #prefix: string
  #keys: KeyRing | undefined

  /** Without keys, which a store that ends with the process does not need, a random key of this process is used. */
  constructor(keys: KeyRing | undefined, clock: Required<Clock>, origin: string) {
    this.#keys = keys
    this.#clock = clock
    const { port, protocol } = new URL(origin)
    this.#isSecure = protocol === 'https:'
    // Cookies ignore ports: applications on one machine would mix theirs up.
    this.#prefix = this.#isSecure ? '__Host-evergrant-' : `evergrant-${port === '' ? '80' : port}-`
  }

  /**
   * Returns the login of a state. A cookie that cannot be unsealed is no cookie.
   * @throws StoreError if the keys cannot be reached
   */
  async find(request: Request, state: string): Promise<LoginContent | undefined> {
    for (const cookie of this.#found(request)) {
      if (state.length <= STATE_LENGTH || cookie.state !== state.slice(0, STATE_LENGTH)) continue
      const content = await this.#open(cookie.value)
      if (content !== undefined && sameText(content.state, state)) return content
    }
    return undefined
  }

  /** Whether this browser began two logins within the last seconds. */
  isLooping(request: Request): boolean {
    const since = this.#clock.now() / 1000 - LOOP_S
    return this.#found(request).filter(({ begun }) => begun > since).length >= 2
  }

  /** Returns the `Set-Cookie` headers of a new login: its own, and those that delete the oldest others. */
  async begin(request: Request, login: UnfinishedLogin): Promise<readonly string[]> {
    let own = await this.#write(login, LIFETIME_S)
    // Browsers drop a longer cookie. The login is worth more than its way back.
    if (own.length > MOST_BYTES) own = await this.#write({ ...login, returnTo: undefined }, LIFETIME_S)
    const others = await this.#byWorth(request)
    const deleted: string[] = []
    let bytes = own.split(';', 1)[0]?.length ?? 0
    for (const { name, value } of others) bytes += name.length + value.length + '=; '.length
    for (let left = others.length; left >= MOST_COOKIES || (left > 0 && bytes > MOST_BYTES); left -= 1) {
      const other = others.shift()
      if (other === undefined) break
      bytes -= other.name.length + other.value.length + '=; '.length
      deleted.push(this.#cookie(other.name, '', 0))
    }
    return [...deleted, own]
  }

  /** Returns the `Set-Cookie` header that puts a mark in the place of a login. */
  async finish(login: FinishedLogin): Promise<string> {
    const left = LIFETIME_S - Math.floor((this.#clock.now() - login.createdAt) / 1000)
    return this.#write(login, Math.min(Math.max(left, 1), LIFETIME_S))
  }

  /** Returns the cookies of a request, those that can be missed first. */
  async #byWorth(request: Request): Promise<Found[]> {
    const ranked: { readonly rank: number; readonly cookie: Found }[] = []
    for (const cookie of this.#found(request)) {
      const content = await this.#open(cookie.value)
      ranked.push({ cookie, rank: content === undefined ? 0 : content.id === undefined ? 1 : 2 })
    }
    return ranked.sort((a, b) => a.rank - b.rank || a.cookie.begun - b.cookie.begun).map(({ cookie }) => cookie)
  }

  #found({ headers }: Request): Found[] {
    return (headers.get('cookie') ?? '').split(';').flatMap((pair) => {
      const at = pair.indexOf('=')
      const name = pair.slice(0, at).trim()
      if (at < 0 || !name.startsWith(this.#prefix)) return []
      const [, begun = '', state = ''] = /^([\da-z]{1,10})-([\w-]{16})$/.exec(name.slice(this.#prefix.length)) ?? []
      if (state === '') return []
      return [{ name, value: pair.slice(at + 1).trim(), begun: Number.parseInt(begun, 36), state }]
    })
  }

  async #write(content: LoginContent, maxAge: number): Promise<string> {
    const begun = Math.floor(content.createdAt / 1000).toString(36)
    const name = `${this.#prefix}${begun}-${content.state.slice(0, STATE_LENGTH)}`
    const keys = await this.#ring()
    return this.#cookie(name, await keys.seal(encodeLogin(content), CONTEXT), maxAge)
  }

  #cookie(name: string, value: string, maxAge: number): string {
    const secure = this.#isSecure ? '; Secure' : ''
    return `${name}=${value}; Path=/; HttpOnly; SameSite=Lax${secure}; Max-Age=${maxAge}`
  }

  async #open(value: string): Promise<LoginContent | undefined> {
    try {
      return decodeLogin(await (await this.#ring()).open(value, CONTEXT))
    } catch (error) {
      // Keys that cannot be reached now may be reached later.
      if (isEvergrantError(error) && error.code !== 'seal_error') throw error
      return undefined
    }
  }

  async #ring(): Promise<KeyRing> {
    if (this.#keys !== undefined) return this.#keys
    const { generateKey, keyRing } = await loadSeal()
    return (this.#keys ??= keyRing(`process:${generateKey()}`))
  }
}
