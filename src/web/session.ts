import { missingScope } from '../client/flows/offline-access.ts'
import {
  ConfigError,
  type GrantNotFoundError,
  isEvergrantError,
  type ReauthorizationRequiredError,
} from '../model/errors.ts'
import type { GrantStatus } from '../refresh/status.ts'
import type { OAuth2Session } from '../session.ts'
import type { PageCode } from './pages/content.ts'
import { redirect, respond } from './respond.ts'
import { pageOf } from './return-to.ts'
import { startPath, type StartParams } from './start-params.ts'
import { clientNamed, subjectOf, type Ask, type NamedClient, type Web } from './web.ts'

/** Which grant a page needs. */
export interface SessionRequest {
  readonly client: string
  readonly account?: string | undefined
  readonly scope?: string | readonly string[] | undefined
}

/** The session of a page's user, or the response that leads to one. */
export type SessionOrResponse =
  | { readonly session: OAuth2Session; readonly response?: undefined }
  | { readonly session?: undefined; readonly response: Response }

/** Returns the session of the user who is logged in, or the way to it. @throws StoreError, ConfigError */
export async function sessionFor(web: Web, ask: Ask, wanted: SessionRequest): Promise<SessionOrResponse> {
  const client = await clientNamed(web, wanted.client)
  if (client === undefined) throw new ConfigError(`Unknown client '${wanted.client}'.`)
  const { account = '' } = wanted
  const scope = typeof wanted.scope === 'string' ? wanted.scope.split(/\s+/).filter(Boolean) : wanted.scope
  const subject = await subjectOf(web, ask)
  const params = { account: account === '' ? undefined : account, scope }
  if (subject === undefined) return { response: await wayTo(web, ask, client, { code: 'not_logged_in', params }) }
  const status = await web.grants.status(client.name, subject, { account })
  const code = problemWith(web, status, scope ?? [])
  if (code !== undefined) return { response: await wayTo(web, ask, client, { code, params }) }
  return { session: web.grants.session(client.name, subject, { account }) }
}

/** Responds to the error of a grant that ended since. Undefined: the error is another one, or another user's. */
export async function recovered(web: Web, ask: Ask, error: unknown): Promise<Response | undefined> {
  const ended = endedIn(error)
  if (ended === undefined) return undefined
  const { account, client: name, subject } = ended.key
  const client = await clientNamed(web, name)
  if (client === undefined || subject !== (await subjectOf(web, ask))) return undefined
  return wayTo(web, ask, client, { code: ended.code, params: { account: account === '' ? undefined : account } })
}

type Ended = GrantNotFoundError | ReauthorizationRequiredError

/** Clients of HTTP wrap the errors of their `fetch`. */
function endedIn(error: unknown, depth = 0): Ended | undefined {
  // Also of another copy of the library.
  if (isEvergrantError(error) && (error.code === 'grant_not_found' || error.code === 'reauthorization_required'))
    return error as Ended
  return error instanceof Error && depth < 4 ? endedIn(error.cause, depth + 1) : undefined
}

function problemWith(
  { internals }: Web,
  status: GrantStatus | undefined,
  scope: readonly string[],
): PageCode | undefined {
  if (status === undefined) return 'grant_not_found'
  const { client, expiresAt, renewable, state } = status
  if (state !== 'active') return state
  const isOver = !renewable && expiresAt !== undefined && expiresAt <= internals.clock.now()
  if (isOver && !internals.clients.isObtainable(client)) return 'reauthorization_required'
  return missingScope(scope, status.scope).length === 0 ? undefined : 'missing_scope'
}

/** Leads a browser to the login and back. A program gets the address. */
function wayTo(
  web: Web,
  ask: Ask,
  client: NamedClient,
  { code, params }: { readonly code: PageCode; readonly params: StartParams },
): Response | Promise<Response> {
  if (!ask.isNavigation || ask.request.method !== 'GET')
    return respond(web, { ...ask, isNavigation: false }, { status: 401, code, client, connect: params })
  return redirect(startPath(web.site, client.name, { ...params, returnTo: pageOf(web.site, ask.request) }))
}
