import type { KeptLogin } from '../client/flows/authorization-request.ts'
import type { CompletedLogin } from '../grants/options.ts'
import { ConfigError } from '../model/errors.ts'
import type { Identity } from '../refresh/identity.ts'
import { againOf, type Arrival } from './arrival.ts'
import { closeWindow } from './close-window.ts'
import { begin, connect, type Beginning } from './start.ts'
import { problemOf } from './problem.ts'
import { redirect, withHeaders } from './respond.ts'
import { safeReturnTo } from './return-to.ts'
import { sendTo } from './send-again.ts'
import { checkedSubject, wayBack, type Ask, type NamedClient, type Web } from './web.ts'
import type { FinishedLogin, UnfinishedLogin } from './login-content.ts'

/** An error of the application's own function, which goes on to the framework. */
export class HookError extends Error {
  readonly error: unknown

  constructor(error: unknown) {
    super('A function of the application failed.')
    this.error = error
  }
}

async function hooked<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw new HookError(error)
  }
}

/** Exchanges the code, saves the grant, and sends the browser back. `current`: the user who is logged in. */
export async function complete(web: Web, ask: Ask, arrival: Arrival, current: string | undefined): Promise<Response> {
  const { client, login, params } = arrival
  const headers = new Headers()
  const { account } = web.options
  const done = await web.grants.complete(params, await pendingOf(client, login), {
    subject: login.subject ?? ((identity) => signedIn(web, ask, { client, current, headers, identity })),
    ...(account !== undefined && { account: (identity: Identity) => hooked(() => account(identity)) }),
  })
  const { key } = done
  const before: FinishedLogin = {
    state: login.state,
    createdAt: login.createdAt,
    client: client.name,
    subject: key.subject,
    account: key.account,
    returnTo: login.returnTo,
    popup: login.popup,
    origin: login.origin,
  }
  const consent = await askConsent(web, ask, arrival, done)
  if (consent !== undefined) return withHeaders(consent, headers)
  const answer = await connected(web, ask, { before, done, headers })
  const returnTo = typeof answer === 'string' ? answer : wayBack(web, login)
  headers.append('set-cookie', await web.cookies.finish({ ...before, returnTo }))
  if (typeof answer === 'object') return withHeaders(answer, headers)
  const response = await (login.popup === undefined
    ? goBack(web, ask, { returnTo, headers })
    : closeWindow(web, ask, { client, login, account: key.account }))
  return withHeaders(response, headers)
}

/**
 * Sends the browser on. After a redirect that the provider's site caused, a session with `SameSite=Strict` would not be
 * sent: a page of this site leads on then.
 */
function goBack(
  web: Web,
  ask: Ask,
  { headers, returnTo }: { readonly headers: Headers; readonly returnTo: string },
): Response | Promise<Response> {
  const isStrict = headers.getSetCookie().some((cookie) => /;\s*samesite=strict/i.test(cookie))
  return isStrict ? sendTo(web, ask, { url: returnTo, method: 'GET' }) : redirect(returnTo)
}

/** Adds to the pending login what the client knows. */
async function pendingOf({ core, name }: NamedClient, login: UnfinishedLogin): Promise<KeptLogin> {
  const { account, codeVerifier, createdAt, id, maxAge, nonce, state, subject } = login
  const scope = [...(core.scope ?? []), ...(login.scope ?? [])]
  return {
    ...(await core.knownOfLogin()),
    id,
    state,
    createdAt,
    account,
    client: name,
    redirectUri: core.redirectUri ?? '',
    ...(codeVerifier !== undefined && { codeVerifier }),
    ...(nonce !== undefined && { nonce }),
    ...(maxAge !== undefined && { maxAge }),
    ...(scope.length > 0 && { scope }),
    ...(subject !== undefined && { subject }),
  }
}

/** Finds the user of an identity by the application's function. */
async function signedIn(
  { options }: Web,
  { context, request }: Ask,
  {
    client,
    ...more
  }: {
    readonly client: NamedClient
    readonly identity: Identity
    readonly current: string | undefined
    readonly headers: Headers
  },
): Promise<string | undefined> {
  const { signIn } = options
  if (signIn === undefined)
    throw new ConfigError('This login began without a user. Pass `signIn` to connectHandler(), as before.')
  return hooked(async () => checkedSubject('signIn', await signIn({ client: client.name, request, context, ...more })))
}

/** Calls the application's function. Returns a path or a response in the place of the usual one. */
async function connected(
  web: Web,
  { context, request }: Ask,
  {
    before,
    done,
    headers,
  }: { readonly before: FinishedLogin; readonly done: CompletedLogin; readonly headers: Headers },
): Promise<string | Response | undefined> {
  const hook = web.options.connected
  if (hook === undefined) return undefined
  const { account, client, subject } = before
  const { identityChanged, missingScope, repeated, status } = done
  const returnTo = wayBack(web, before)
  const facts = { client, subject, account, status, missingScope, identityChanged, repeated, returnTo }
  const answer = (await hooked(async () => hook({ ...facts, request, context, headers }))) ?? undefined
  if (typeof answer !== 'string') return answer
  const path = safeReturnTo(answer)
  if (path !== undefined) return path
  throw new ConfigError("Expected connected of connectHandler() to return a path of this site, such as '/welcome'.")
}

/**
 * Sends the browser to the provider once more, with its consent parameter, if no refresh token came though the access
 * token expires. Undefined: there is nothing to ask for.
 */
async function askConsent(
  web: Web,
  ask: Ask,
  arrival: Arrival,
  { key, renewable, status }: CompletedLogin,
): Promise<Response | undefined> {
  const { client, login } = arrival
  if (renewable || status.expiresAt === undefined || login.consented === true) return undefined
  const params = { ...againOf(web, arrival), account: key.account || undefined }
  const beginning: Beginning = { client, subject: login.subject, params, mustConsent: true }
  try {
    return (await makesDifference(web, beginning)) ? await beginBy(web, ask, beginning) : undefined
  } catch (error) {
    // The grant is saved: the login ends as it is.
    if (problemOf(error) === undefined) throw error
    return undefined
  }
}

/** Browsers apply `form-action` to the redirect that follows a form: a page then leads to the provider. */
async function beginBy(web: Web, ask: Ask, beginning: Beginning): Promise<Response> {
  const response = await begin(web, ask.request, beginning)
  const url = response.headers.get('location')
  if (ask.request.method !== 'POST' || url === null) return response
  const page = await sendTo(web, ask, { url, method: 'GET' })
  const cookies = new Headers()
  for (const cookie of response.headers.getSetCookie()) cookies.append('set-cookie', cookie)
  return withHeaders(page, cookies)
}

/** Whether the provider has a consent parameter. */
async function makesDifference(web: Web, beginning: Beginning): Promise<boolean> {
  const urls = await Promise.all(
    [true, false].map(async (consented) => {
      const url = new URL((await connect(web, beginning, { consented, scope: undefined })).url)
      for (const random of ['state', 'nonce', 'code_challenge']) url.searchParams.delete(random)
      return url.href
    }),
  )
  return urls[0] !== urls[1]
}
