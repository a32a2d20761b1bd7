import type { ReauthorizationReason } from '../model/errors.ts'
import type { GrantStatus } from '../refresh/status.ts'
import type { PageAction, PageRow } from './pages/content.ts'
import { problemOf } from './problem.ts'
import { pathOf } from './public-url.ts'
import { json, redirect, respond } from './respond.ts'
import { startPath } from './start-params.ts'
import { clientNamed, logInPath, subjectOf, type Ask, type NamedClient, type Web } from './web.ts'

/** One connection of the user who is logged in, without any secret. Times are milliseconds since the epoch. */
export interface Connection {
  readonly client: string
  /** The provider's name on pages. */
  readonly label: string
  readonly account: string
  readonly state: 'active' | 'reauthorization_required' | 'not_connected'
  /** Why the grant ended. */
  readonly reason?: ReauthorizationReason
  /** Whether it can be refreshed without the user. */
  readonly renewable: boolean
  readonly expiresAt?: number
  readonly scope?: readonly string[]
  readonly createdAt?: number
  /** Path that starts a login. */
  readonly connect: string
  /** Path that a form or a program posts to, with `account`. Absent: there is nothing to disconnect. */
  readonly disconnect?: string
}

/** Responds with the connections of the user who is logged in: JSON for programs, a page for browsers. */
export async function connections(web: Web, ask: Ask): Promise<Response> {
  const subject = await subjectOf(web, ask)
  if (subject === undefined) return notLoggedIn(web, ask)
  try {
    const all = await connectionsOf(web, subject)
    if (!ask.isNavigation) return json({ connections: all }, 200)
    return await respond(web, ask, { status: 200, code: 'connections', rows: rowsOf(web, all) })
  } catch (error) {
    const problem = problemOf(error)
    if (problem === undefined) throw error
    return respond(web, ask, problem)
  }
}

async function connectionsOf(web: Web, subject: string): Promise<Connection[]> {
  const found = new Map<string, GrantStatus[]>()
  for (const name of web.internals.clients.fixed.keys()) found.set(name, [])
  for await (const status of web.grants.list({ subject }))
    found.set(status.client, [...(found.get(status.client) ?? []), status])
  const all: Connection[] = []
  for (const [name, grants] of found) {
    const client = await clientNamed(web, name)
    // Nothing can be done about the grants of a client that is gone.
    if (client === undefined) continue
    all.push(
      ...(grants.length === 0 ? [notConnected(web, client)] : grants.map((each) => connectionOf(web, client, each))),
    )
  }
  return all
}

function connectionOf(web: Web, { label, name }: NamedClient, status: GrantStatus): Connection {
  const { account, createdAt, expiresAt, reason, renewable, scope, state } = status
  return {
    client: name,
    label,
    account,
    state,
    ...(reason !== undefined && { reason }),
    renewable,
    ...(expiresAt !== undefined && { expiresAt }),
    ...(scope !== undefined && { scope }),
    createdAt,
    connect: startPath(web.site, name, { account }),
    disconnect: pathOf(web.site, name, 'disconnect', {}),
  }
}

function notConnected(web: Web, { label, name }: NamedClient): Connection {
  const state = 'not_connected'
  return { client: name, label, account: '', state, renewable: false, connect: startPath(web.site, name) }
}

const STATES: { readonly [K in Connection['state']]: string } = {
  active: 'Connected',
  reauthorization_required: 'Must be connected again',
  not_connected: 'Not connected',
}

function rowsOf(web: Web, all: readonly Connection[]): PageRow[] {
  const here = web.site.prefix + web.site.base
  return all.map((each, index) => {
    const isLastOfClient = all[index + 1]?.client !== each.client
    const actions = actionsOf(each, here)
    if (web.options.account !== undefined && isLastOfClient && each.state !== 'not_connected')
      actions.push({ href: startPath(web.site, each.client, { returnTo: here }), label: 'Connect another account' })
    const label = each.account === '' ? each.label : `${each.label} (${each.account})`
    return { label, text: STATES[each.state], actions }
  })
}

function actionsOf({ account, connect, disconnect, state }: Connection, here: string): PageAction[] {
  const actions: PageAction[] = []
  const back = new URLSearchParams({ return_to: here }).toString()
  if (state !== 'active')
    actions.push({ href: `${connect}${connect.includes('?') ? '&' : '?'}${back}`, label: 'Connect {label}' })
  if (disconnect !== undefined)
    actions.push({ href: disconnect, label: 'Disconnect', method: 'post', fields: { account, return_to: here } })
  return actions
}

function notLoggedIn(web: Web, ask: Ask): Response | Promise<Response> {
  const { site } = web
  const logIn = ask.isNavigation ? logInPath(web, site.prefix + site.base) : undefined
  return logIn === undefined ? respond(web, ask, { status: 401, code: 'not_logged_in' }) : redirect(logIn)
}
