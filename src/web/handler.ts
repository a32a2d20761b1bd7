import type { OAuth2Client } from '../client/oauth2-client.ts'
import type { Grants } from '../grants.ts'
import { internalsOf } from '../grants/internals.ts'
import { lazy } from '../util/lazy.ts'
import { callback } from './callback.ts'
import { disconnect } from './disconnect.ts'
import { loadPages } from './load-pages.ts'
import { LoginCookies } from './login-cookies.ts'
import { checkOptions, type ConnectHandlerOptions } from './options.ts'
import { isNavigation } from './program.ts'
import { siteOf } from './public-url.ts'
import { respond } from './respond.ts'
import { METHODS, routeOf, type Route } from './route.ts'
import { recovered, sessionFor, type SessionOrResponse } from './session.ts'
import { start } from './start.ts'
import { startPath } from './start-params.ts'
import { clientNamed, type Ask, type Web } from './web.ts'

/** Most applications show their own page of connections. */
const loadConnections = lazy(() => import('./connections.ts'))

/** Which grant a page needs. */
export interface ConnectSessionOptions<Context> {
  /** What the application's functions receive. */
  readonly context?: Context
  /** One of several accounts. @default '' */
  readonly account?: string
  /** Scope that the grant must have. @default none */
  readonly scope?: string | readonly string[]
}

/** What a link to a login asks for. */
export interface ConnectLinkOptions {
  /** Where the user goes after the login: a path of this site, as browsers see it. @default `home` */
  readonly returnTo?: string
  /** Scope in addition to the client's own and the granted one. @default none */
  readonly scope?: string | readonly string[]
  /** The account to connect again. @default '' */
  readonly account?: string
}

/**
 * Handles the requests of all routes. It rejects with `ConfigError` for mistakes of the application, and with the
 * errors of its functions, but not for anything that a browser or a provider sent.
 */
export interface Connect<Context> {
  (request: Request, context?: Context): Promise<Response>
  /** The same function, for routes that are exported by method. */
  readonly GET: (request: Request, context?: Context) => Promise<Response>
  /** The same function. */
  readonly POST: (request: Request, context?: Context) => Promise<Response>
  /** Path of the routes, as the application sees it. */
  readonly base: string
  /**
   * Paths to route here: the base and everything below it, with and without the public prefix, and redirect URIs
   * elsewhere.
   */
  readonly paths: readonly string[]
  /** Whether a request belongs here. */
  matches(request: Request): boolean
  /**
   * Returns the session of the user who is logged in, or the response that leads to one: the login for a page, JSON
   * with status 401 for everything else.
   * @throws StoreError, ConfigError
   */
  session(request: Request, client: string, options?: ConnectSessionOptions<Context>): Promise<SessionOrResponse>
  /**
   * Returns the response to the error of a grant that ended or is missing. Undefined: the error is another one, or that
   * of another user's grant.
   */
  recover(error: unknown, request: Request, options?: { readonly context?: Context }): Promise<Response | undefined>
  /** Returns the path that starts a login, for links. */
  url(client: string, options?: ConnectLinkOptions): string
}

/**
 * Makes the handler of all routes of logins: start, callback, disconnect, and a list of connections. Mount it once.
 * @throws ConfigError for wrong options
 */
export function connectHandler<C extends Record<string, OAuth2Client>, Context>(
  grants: Grants<C>,
  options: ConnectHandlerOptions<C, Context>,
): Connect<Context> {
  const web = webOf(grants, options)
  const { site } = web
  const handle = async (request: Request, context?: Context): Promise<Response> => handled(web, askOf(request, context))
  const below = [...new Set([site.base, site.prefix + site.base])]
  return Object.freeze(
    Object.assign(handle, {
      GET: handle,
      POST: handle,
      base: site.base,
      paths: Object.freeze([...below, ...site.callbacks.keys()]),
      matches: (request: Request) => routeOf(site, new URL(request.url).pathname) !== undefined,
      session: (request: Request, client: string, { context, ...wanted }: ConnectSessionOptions<Context> = {}) =>
        sessionFor(web, askOf(request, context), { client, ...wanted }),
      recover: (error: unknown, request: Request, { context }: { readonly context?: Context } = {}) =>
        recovered(web, askOf(request, context), error),
      url: (client: string, { account, returnTo, scope }: ConnectLinkOptions = {}) =>
        startPath(site, client, { account, returnTo, scope: typeof scope === 'string' ? [scope] : scope }),
    }),
  )
}

function webOf(grants: Grants, given: unknown): Web {
  const internals = internalsOf(grants)
  const options = checkOptions(given)
  const site = siteOf(options, internals.clients.fixed)
  const cookies = new LoginCookies(internals.keys, internals.clock, site.origin)
  return { grants, internals, options, site, cookies }
}

function askOf(request: Request, context: unknown): Ask {
  return { request, context, url: new URL(request.url), isNavigation: isNavigation(request) }
}

async function handled(web: Web, ask: Ask): Promise<Response> {
  const route = routeOf(web.site, ask.url.pathname) ?? { kind: 'unknown' }
  const allowed = METHODS[route.kind]
  if (!allowed.includes(ask.request.method)) {
    const headers = { allow: allowed.join(', ') }
    return respond(web, ask, { status: 405, code: 'method_not_allowed', headers })
  }
  try {
    return await atRoute(web, ask, route)
  } catch (error) {
    web.internals.logger?.error('evergrant: a route of logins failed', { path: ask.url.pathname, error })
    throw error
  }
}

async function atRoute(web: Web, ask: Ask, route: Route): Promise<Response> {
  switch (route.kind) {
    case 'script':
      return new Response((await loadPages()).CONNECT_SCRIPT, { headers: SCRIPT_HEADERS })
    case 'connections':
      return (await loadConnections()).connections(web, ask)
    case 'callback':
      return callback(web, ask, route.clients)
    case 'unknown':
      return respond(web, ask, NOT_FOUND)
    default: {
      const client = await clientNamed(web, route.client)
      if (client === undefined) return respond(web, ask, NOT_FOUND)
      return route.kind === 'start' ? start(web, ask, client) : disconnect(web, ask, client)
    }
  }
}

const NOT_FOUND = { status: 404, code: 'not_found' } as const

const SCRIPT_HEADERS = {
  'content-type': 'text/javascript; charset=utf-8',
  'cache-control': 'public, max-age=3600',
  'x-content-type-options': 'nosniff',
}
