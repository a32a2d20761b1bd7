import { AuthorizationError, CallbackError, ConfigError } from '../errors.ts'
import { Secrets } from '../redact.ts'
import { sameText } from '../same-text.ts'
import type { PendingLogin } from './authorization.ts'
import type { ClientContext } from './context.ts'
import { readText } from './transport.ts'
import { plainText } from './normalise.ts'
import type { Server } from './server.ts'

/** The provider's answer as an application gets it: the callback URL, relative or absolute, its parameters, or the request itself. */
export type Callback = string | URL | URLSearchParams | Request

/** A log-in is refused after this. */
export const LOGIN_LIFETIME_MS: number = 15 * 60_000

const SINGLE = ['state', 'iss', 'code', 'error', 'error_description', 'error_uri'] as const

/** The parameters of a callback. Scheme, host and path are not judged: a proxy may have changed them. */
export async function readCallback(callback: Callback): Promise<URLSearchParams> {
  if (callback instanceof URLSearchParams) return new URLSearchParams(callback)
  if (typeof callback === 'string') return queryOf(callback)
  if (callback instanceof URL) return new URLSearchParams(callback.search)
  if (typeof callback !== 'object' || callback === null || typeof callback.url !== 'string') {
    throw new ConfigError('callback must be the callback URL, its URLSearchParams, or the Request.')
  }
  if (callback.method !== 'POST') return queryOf(callback.url)
  // Any other body is nobody's callback; its parameters are missed below.
  if (!/^application\/x-www-form-urlencoded\s*(;|$)/i.test(callback.headers.get('content-type') ?? ''))
    return new URLSearchParams()
  if (callback.bodyUsed)
    throw new ConfigError('The body of the callback Request was read before: pass its fields as URLSearchParams.')
  return new URLSearchParams((await readText(callback)) ?? '')
}

function queryOf(url: string): URLSearchParams {
  const [beforeFragment = ''] = url.split('#')
  const start = beforeFragment.indexOf('?')
  return new URLSearchParams(start === -1 ? '' : beforeFragment.slice(start + 1))
}

/** What can be judged about a callback without knowing the server: nothing is sent for a callback that fails here. */
export function checkCallback(context: ClientContext, parameters: URLSearchParams, pending: PendingLogin): void {
  if (typeof pending !== 'object' || pending === null) {
    throw new ConfigError(
      'pending must be what authorizationRequest() answered: keep it in the web session of the user who began the log-in.',
    )
  }
  if (pending.clientId !== context.clientId) throw wrongClient(context)
  for (const name of SINGLE) {
    if (parameters.getAll(name).length > 1) {
      throw new CallbackError('duplicate_parameter', `The callback has the parameter ${name} more than once.`)
    }
  }
  const { state } = pending
  if (typeof state !== 'string' || state === '' || !sameText(parameters.get('state') ?? '', state)) {
    throw new CallbackError(
      'state_mismatch',
      "The callback doesn't belong to the log-in that this browser began: its state is another.",
    )
  }
  if (typeof pending.redirectUri !== 'string' || typeof pending.url !== 'string' || !URL.canParse(pending.url)) {
    throw new ConfigError('pending is not complete: keep all of what authorizationRequest() answered.')
  }
}

/** The rest, with the server known. Answers the authorization code. */
export function judgeCallback(
  context: ClientContext,
  server: Server,
  parameters: URLSearchParams,
  pending: PendingLogin,
): string {
  if (pending.issuer !== server.issuer || pending.tokenEndpoint !== server.tokenEndpoint) throw wrongClient(context)
  checkIssuer(server, parameters)
  const error = parameters.get('error')
  if (error !== null && error !== '') {
    const secrets = new Secrets(context.secrets).add(pending.state, pending.codeVerifier, pending.nonce)
    const text = (value: string): string => plainText(secrets.redact(value))
    const description = parameters.get('error_description') ?? ''
    throw new AuthorizationError(context.name, text(error), description === '' ? undefined : text(description))
  }
  const age = context.clock.now() - pending.createdAt
  if (!(Math.abs(age) <= LOGIN_LIFETIME_MS)) {
    throw new CallbackError('expired_login', 'The log-in was begun more than fifteen minutes ago.')
  }
  const code = parameters.get('code') ?? ''
  if (code === '') throw new CallbackError('missing_code', 'The callback has no authorization code.')
  return code
}

/** RFC 9207 section 2.4. Without an issuer of the server's own there is nothing to compare with. */
function checkIssuer(server: Server, parameters: URLSearchParams): void {
  if (server.issuer === undefined) return
  const iss = parameters.get('iss')
  if (iss === null && server.metadata.authorization_response_iss_parameter_supported !== true) return
  if (iss !== server.issuer) {
    throw new CallbackError(
      'issuer_mismatch',
      iss === null
        ? 'The callback lacks the iss parameter that this provider always sends.'
        : 'The callback comes from another provider than the log-in went to.',
    )
  }
}

function wrongClient(context: ClientContext): CallbackError {
  return new CallbackError('wrong_client', `The log-in was not begun with this client ('${context.name}').`)
}
