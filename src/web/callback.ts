import { againOf, type Arrival } from './arrival.ts'
import { CallbackError } from '../model/errors.ts'
import { closeWindow } from './close-window.ts'
import { complete, HookError } from './complete.ts'
import { readForm } from './form.ts'
import type { FinishedLogin, LoginContent } from './login-content.ts'
import { problemOf } from './problem.ts'
import { redirect, respond, type Message } from './respond.ts'
import { isRepeat, sendAgain, withoutMark } from './send-again.ts'
import { startPath } from './start-params.ts'
import { clientNamed, logInPath, subjectOf, wayBack, type Ask, type Web } from './web.ts'

/** Completes the login that a callback belongs to. `clients`: whose callback it may be, by its path. */
export async function callback(web: Web, ask: Ask, clients: readonly string[]): Promise<Response> {
  const { request, url } = ask
  const params = request.method === 'POST' ? await readForm(request) : withoutMark(url)
  if (params === undefined) return stranger(web, ask, clients)
  const login = await findLogin(web, request, params)
  if (login === 'unknown yet') return respond(web, ask, { status: 503, code: 'store_error' })
  // A POST from the provider's site comes without any cookie of this site.
  if (login === undefined && request.method === 'POST' && mayBeSentAgain(ask)) return sendAgain(web, ask, params)
  const client = login && clients.includes(login.client) ? await clientNamed(web, login.client) : undefined
  if (login === undefined || client === undefined) return stranger(web, ask, clients)
  if (login.id === undefined) return finished(web, ask, { client, login, params })
  return unfinished(web, ask, { client, login, params })
}

async function unfinished(web: Web, ask: Ask, arrival: Arrival): Promise<Response> {
  const { client, login, params } = arrival
  const current = await subjectOf(web, ask)
  if (login.subject !== undefined && current === undefined)
    return mayBeSentAgain(ask) ? sendAgain(web, ask, params) : loggedOut(web, ask, arrival)
  try {
    if (login.subject !== undefined && current !== login.subject)
      throw new CallbackError('wrong_subject', 'This login was started by another user of the application.')
    return await complete(web, ask, arrival, current)
  } catch (error) {
    if (error instanceof HookError) throw error.error
    const problem = problemOf(error)
    if (problem === undefined) throw error
    const level = problem.code === 'access_denied' ? 'info' : 'warn'
    web.internals.logger?.[level]('evergrant: a login failed', { client: client.name, code: problem.code, error })
    return failed(web, ask, arrival, problem)
  }
}

/** The same request again, now with the cookies that this site sets only for itself. Once only. */
function mayBeSentAgain({ isNavigation, url }: Ask): boolean {
  return isNavigation && !isRepeat(url)
}

async function findLogin(
  { cookies }: Web,
  request: Request,
  params: URLSearchParams,
): Promise<LoginContent | undefined | 'unknown yet'> {
  try {
    return await cookies.find(request, params.get('state') ?? '')
  } catch (error) {
    if (problemOf(error) === undefined) throw error
    return 'unknown yet'
  }
}

/** The callback of another browser, a forged one, or a lost cookie. */
async function stranger(web: Web, ask: Ask, clients: readonly string[]): Promise<Response> {
  const [name] = clients
  const client = name === undefined || clients.length > 1 ? undefined : await clientNamed(web, name)
  if (client === undefined && clients.length === 1) return respond(web, ask, { status: 404, code: 'not_found' })
  return respond(web, ask, { status: 400, code: 'state_mismatch', client, connect: {} })
}

interface Repeat extends Pick<Arrival, 'client' | 'params'> {
  readonly login: FinishedLogin
}

/** A callback that arrives again: the browser goes to the same place, with its session. */
async function finished(web: Web, ask: Ask, { client, login, params }: Repeat): Promise<Response> {
  if (login.popup !== undefined) return closeWindow(web, ask, { client, login, account: login.account })
  if (mayBeSentAgain(ask) && (await subjectOf(web, ask)) === undefined) return sendAgain(web, ask, params)
  return redirect(wayBack(web, login))
}

function failed(web: Web, ask: Ask, arrival: Arrival, problem: Pick<Message, 'status' | 'code'>): Promise<Response> {
  const { client, login } = arrival
  // The login is still being saved: the same callback returns it a little later.
  if (problem.code === 'store_error') return respond(web, ask, { ...problem, client })
  if (login.popup !== undefined) return closeWindow(web, ask, { client, login, problem })
  return respond(web, ask, { ...problem, client, connect: againOf(web, arrival) })
}

function loggedOut(web: Web, ask: Ask, arrival: Arrival): Promise<Response> {
  const { client } = arrival
  const again = againOf(web, arrival)
  const href = logInPath(web, startPath(web.site, client.name, again))
  const message = { status: 401, code: 'logged_out', client } as const
  return respond(web, ask, {
    ...message,
    ...(href === undefined || !ask.isNavigation ? { connect: again } : { actions: [{ href, label: 'Log in' }] }),
  })
}
