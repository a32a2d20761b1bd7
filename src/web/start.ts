import { isLoopback } from '../client/http/transport-security.ts'
import type { GrantStatus } from '../refresh/status.ts'
import type { PendingLogin } from '../client/oauth2-client.ts'
import type { UnfinishedLogin } from './login-content.ts'
import { problemOf } from './problem.ts'
import { isForeign, isPrefetch } from './program.ts'
import { redirect, respond } from './respond.ts'
import { allowedScope, readParams, startPath, type StartParams } from './start-params.ts'
import { logInPath, subjectOf, type Ask, type NamedClient, type Web } from './web.ts'

/** Starts a login, or responds with what has to come first. */
export async function start(web: Web, ask: Ask, client: NamedClient): Promise<Response> {
  const early = tooEarly(web, ask, client) ?? wrongHost(web, ask)
  if (early !== undefined) return early
  const params = readParams(web, ask.url, client)
  if (typeof params === 'string') {
    const status = params === 'not_found' ? 404 : 400
    return respond(web, ask, { status, code: params, client })
  }
  const { cookies, options, site } = web
  const { isConfirmed } = params
  if (isForeign(ask.request, site.origin) || (isConfirmed !== true && cookies.isLooping(ask.request)))
    return respond(web, ask, { status: 200, code: 'continue', client, connect: { ...params, isConfirmed: true } })
  const subject = await subjectOf(web, ask)
  if (subject === undefined && options.signIn === undefined) return notLoggedIn(web, ask, client, params)
  try {
    return await begin(web, ask.request, { client, subject, params })
  } catch (error) {
    const problem = problemOf(error)
    if (problem === undefined) throw error
    web.internals.logger?.warn('evergrant: a login could not be started', { client: client.name, error })
    return respond(web, ask, { ...problem, client, connect: params })
  }
}

/** What a login is started with. */
export interface Beginning {
  readonly client: NamedClient
  readonly subject: string | undefined
  readonly params: StartParams
  /** Whether the provider must ask for consent. @default if the grant ended, or cannot be refreshed */
  readonly mustConsent?: boolean
}

/** Sends the browser to the provider, with the login's cookie. */
export async function begin(web: Web, request: Request, beginning: Beginning): Promise<Response> {
  const { client, params, subject } = beginning
  const account = params.account ?? ''
  const known = subject === undefined ? undefined : await web.grants.status(client.name, subject, { account })
  const consented = beginning.mustConsent ?? (known !== undefined && needsConsent(known))
  const scope = scopeOf(web, client, params, known)
  const pending = await connect(web, beginning, { scope, consented })
  const own = client.core.scope ?? []
  const login: UnfinishedLogin = {
    ...lasting(pending),
    client: client.name,
    subject,
    account,
    scope: pending.scope?.filter((value) => !own.includes(value)),
    returnTo: params.returnTo,
    popup: params.popup,
    origin: params.origin,
    consented,
  }
  return redirect(pending.url, await web.cookies.begin(request, login))
}

/** Makes the authorization request. */
export async function connect(
  { grants, options }: Web,
  { client, params, subject }: Beginning,
  { consented, scope }: { readonly consented: boolean; readonly scope: readonly string[] | undefined },
): Promise<PendingLogin> {
  const { account } = params
  const own = Object.hasOwn(options.params ?? {}, client.name) ? options.params?.[client.name] : undefined
  const hint = account !== undefined && options.account !== undefined ? { login_hint: account } : {}
  return grants.connect(client.name, subject, {
    ...(account !== undefined && { account }),
    ...(scope !== undefined && { scope }),
    ...(options.offline !== undefined && { offline: options.offline }),
    params: { ...hint, ...own },
    consent: consented ? 'always' : 'if_needed',
  })
}

/**
 * Returns the client's own scope, the granted and the requested one. Most providers put a new scope in the place of the
 * old one. Undefined: the client's own.
 */
function scopeOf(
  web: Web,
  client: NamedClient,
  { scope: requested = [] }: StartParams,
  known: GrantStatus | undefined,
): readonly string[] | undefined {
  const allowed = allowedScope(web, client)
  const granted = known?.scope?.filter((value) => allowed.has(value)) ?? []
  const all = new Set([...(client.core.scope ?? []), ...granted, ...requested])
  return all.size === 0 ? undefined : [...all]
}

/** Some providers issue a refresh token on consent only. */
function needsConsent({ expiresAt, renewable, state }: GrantStatus): boolean {
  return state !== 'active' || (!renewable && expiresAt !== undefined)
}

function lasting({
  codeVerifier,
  createdAt,
  id,
  maxAge,
  nonce,
  state,
}: PendingLogin): Pick<UnfinishedLogin, 'codeVerifier' | 'createdAt' | 'id' | 'maxAge' | 'nonce' | 'state'> {
  return {
    id,
    state,
    createdAt,
    ...(codeVerifier !== undefined && { codeVerifier }),
    ...(nonce !== undefined && { nonce }),
    ...(maxAge !== undefined && { maxAge }),
  }
}

/** Nothing begins before a user asks for it. A router that fetches the page navigates after the refusal. */
function tooEarly(web: Web, ask: Ask, client: NamedClient): Promise<Response> | undefined {
  if (isPrefetch(ask.request)) return respond(web, ask, { status: 503, code: 'prefetch', client })
  if (ask.isNavigation) return undefined
  const params = readParams(web, ask.url, client)
  return respond(web, ask, { status: 409, code: 'navigate', client, connect: typeof params === 'string' ? {} : params })
}

/** A cookie of `127.0.0.1` is not sent to `localhost`. */
function wrongHost({ site }: Web, { url }: Ask): Response | undefined {
  const here = new URL(site.origin)
  const isWrong = isLoopback(here) && isLoopback(url) && here.hostname !== url.hostname && here.port === url.port
  return isWrong ? redirect(here.origin + url.pathname + url.search) : undefined
}

async function notLoggedIn(web: Web, ask: Ask, client: NamedClient, params: StartParams): Promise<Response> {
  const logIn = logInPath(web, startPath(web.site, client.name, params))
  if (logIn !== undefined) return redirect(logIn)
  return respond(web, ask, { status: 401, code: 'not_logged_in', client, connect: params })
}
