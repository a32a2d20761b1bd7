import { OAuth2Client, type OAuth2ClientOptions } from '../../src/client/oauth2-client.ts'
import { Grants, type GrantsOptions } from '../../src/grants.ts'
import type { Provider } from '../../src/model/provider.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import type { GrantStore } from '../../src/stores/store.ts'
import { fakeClock, type FakeClock } from '../../src/testing/fake-clock.ts'
import { scriptedProvider, type ScriptedProvider } from '../../src/testing/scripted-provider.ts'
import { connectHandler, type Connect, type ConnectHandlerOptions } from '../../src/web/index.ts'

/** What the handler is mounted with. */
export type Options = Partial<ConnectHandlerOptions<Record<string, OAuth2Client>, undefined>>

export interface WorldOptions {
  readonly origin?: string
  readonly client?: Partial<OAuth2ClientOptions>
  readonly provider?: Partial<Provider>
  readonly store?: (memory: GrantStore) => GrantStore
  readonly grants?: Partial<GrantsOptions<Record<string, OAuth2Client>>>
}

export interface World {
  readonly clock: FakeClock
  readonly provider: ScriptedProvider
  readonly store: GrantStore
  readonly logs: { readonly level: string; readonly message: string; readonly fields: unknown }[]
  readonly client: OAuth2Client
  readonly grants: Grants
  /** The grants of another process over the same store. */
  process(): Grants
  handler(options?: Options, grants?: Grants): Connect<undefined>
  browser(connect: Connect<undefined>, user?: string): Browser
}

/** An application at an origin, a provider and a clock. The application's session is the cookie `user`. */
export function world(options: WorldOptions = {}): World {
  const { origin = 'https://app.example' } = options
  const clock = fakeClock()
  const provider = scriptedProvider({ clock })
  const logs: { level: string; message: string; fields: unknown }[] = []
  const log = (level: string) => (message: string, fields?: object) => void logs.push({ level, message, fields })
  const logger = { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') }
  const memory = memoryStore({ clock })
  const store = options.store?.(memory) ?? memory
  const client = new OAuth2Client({
    provider: { ...provider.provider, title: 'Acme', ...options.provider },
    clientId: 'id',
    clientSecret: 'client-secret',
    redirectUri: `${origin}/connect/acme/callback`,
    scope: 'read',
    fetch: provider.fetch,
    clock,
    ...options.client,
  })
  const process = () => new Grants({ clients: { acme: client }, store, clock, logger, ...options.grants })
  const grants = process()
  return {
    clock,
    provider,
    store,
    logs,
    client,
    grants,
    process,
    handler: (more = {}, own = grants) => connectHandler(own, { subject: userOf, ...more }),
    browser: (connect, user) => new Browser(connect, { origin, clock, provider, user }),
  }
}

/** The application's own session. */
export function userOf(request: Request): string | undefined {
  return /(?:^|; )user=([^;]+)/.exec(request.headers.get('cookie') ?? '')?.[1]
}

interface Cookie {
  readonly value: string
  readonly until: number
}

/** A browser with its cookies. It follows no redirects. */
export class Browser {
  readonly cookies = new Map<string, Cookie>()
  readonly #connect: Connect<undefined>
  readonly #at: { readonly origin: string; readonly clock: FakeClock; readonly provider: ScriptedProvider }

  constructor(
    connect: Connect<undefined>,
    at: {
      readonly origin: string
      readonly clock: FakeClock
      readonly provider: ScriptedProvider
      readonly user: string | undefined
    },
  ) {
    this.#connect = connect
    this.#at = at
    if (at.user !== undefined) this.cookies.set('user', { value: at.user, until: Infinity })
  }

  /** The cookies of logins. */
  get logins(): string[] {
    return [...this.#fresh()]
      .filter(([name]) => name.includes('evergrant'))
      .map(([name, { value }]) => `${name}=${value}`)
  }

  /** Makes the request that a navigation causes. */
  request(path: string, init: RequestInit & { readonly site?: string } = {}): Request {
    const { headers, site = 'same-origin', ...more } = init
    const cookie = [...this.#fresh()].map(([name, { value }]) => `${name}=${value}`).join('; ')
    return new Request(new URL(path, this.#at.origin), {
      ...more,
      headers: {
        accept: 'text/html,*/*;q=0.8',
        'sec-fetch-mode': 'navigate',
        'sec-fetch-site': site,
        ...(cookie !== '' && { cookie }),
        ...(headers as Record<string, string>),
      },
    })
  }

  /** Sends a request and keeps the cookies of its response. */
  async open(path: string, init: RequestInit & { readonly site?: string } = {}): Promise<Response> {
    return this.receive(await this.#connect(this.request(path, init)))
  }

  receive(response: Response): Response {
    const now = this.#at.clock.now()
    for (const cookie of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? []
      const age = /Max-Age=(\d+)/.exec(cookie)?.[1]
      this.cookies.set(name, { value, until: age === undefined ? Infinity : now + Number(age) * 1000 })
    }
    return response
  }

  /** Starts a login and returns the callback that the provider would send the browser to. */
  async login(path = '/connect/acme'): Promise<string> {
    const response = await this.open(path)
    return this.#at.provider.login(location(response))
  }

  /** Goes to the callback, as the provider's page does. */
  callback(url: string, init: RequestInit = {}): Promise<Response> {
    return this.open(url, { ...init, site: 'cross-site' })
  }

  #fresh(): [string, Cookie][] {
    return [...this.cookies].filter(([, { until }]) => until > this.#at.clock.now())
  }
}

/** Where a redirect leads. */
export function location(response: Response): string {
  const to = response.headers.get('location')
  if (response.status !== 303 || to === null) throw new Error(`Not a redirect: ${response.status}`)
  return to
}

/** Code of a page. */
export async function codeOf(response: Response): Promise<string | undefined> {
  return /<body data-code="([^"]*)"/.exec(await response.clone().text())?.[1]
}

/** The links of a page, by their texts. */
export async function linksOf(response: Response): Promise<Record<string, string>> {
  const html = await response.clone().text()
  const links = [...html.matchAll(/<a href="([^"]*)">([^<]*)<\/a>/g)]
  return Object.fromEntries(links.map(([, href = '', text = '']) => [text, href.replaceAll('&amp;', '&')]))
}

/** Headers of a program. */
export const PROGRAM = { accept: 'application/json', 'sec-fetch-mode': 'cors' }
