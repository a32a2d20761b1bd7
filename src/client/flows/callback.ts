import { AuthorizationError, CallbackError, ConfigError } from '../../model/errors.ts'
import { Secrets } from '../../util/redact.ts'
import { sameText } from '../../util/crypto.ts'
import type { KeptLogin } from './authorization-request.ts'
import type { ClientContext } from '../context.ts'
import { isIssuerOf } from '../issuers.ts'
import { plainText } from '../answers/token-answer.ts'
import type { Server } from '../server.ts'

/** A log-in is refused after this. */
export const LOGIN_LIFETIME_MS: number = 15 * 60_000

const SINGLE = ['state', 'iss', 'code', 'error', 'error_description', 'error_uri'] as const

/** What can be judged about a callback without knowing the server: nothing is sent for a callback that fails here. */
export function checkCallback(context: ClientContext, parameters: URLSearchParams, pending: KeptLogin): void {
  if (typeof pending !== 'object' || pending === null) {
    throw new ConfigError(
      'pending must be what authorizationRequest() answered: keep it in the web session of the user who began the log-in.',
    )
  }
  if (pending.clientId !== context.clientId) throw wrongClient(context)
  checkOnce(context, parameters)
  const { state } = pending
  if (typeof state !== 'string' || state === '' || !sameText(parameters.get('state') ?? '', state)) {
    throw new CallbackError(
      'state_mismatch',
      "The callback doesn't belong to the log-in that this browser began: its state is another.",
    )
  }
  const { redirectUri, scope, maxAge } = pending
  const complete =
    typeof redirectUri === 'string' &&
    (scope === undefined || (Array.isArray(scope) && scope.every((value) => typeof value === 'string'))) &&
    (maxAge === undefined || Number.isSafeInteger(maxAge))
  if (!complete) throw new ConfigError('pending is not complete: keep all of what authorizationRequest() answered.')
}

/**
 * The same for a log-in that the provider began (an installation from its marketplace), to which no browser of ours belongs.
 * @throws ConfigError unless the provider's data allows it
 */
export function checkUnsolicited(context: ClientContext, parameters: URLSearchParams): void {
  if (context.provider.unsolicited !== true) {
    throw new ConfigError(
      `Client '${context.name}' takes no log-ins that it did not begin. Pass the pending log-in; where the provider begins installations itself, its data says so: unsolicited: true.`,
    )
  }
  checkOnce(context, parameters)
  if ((parameters.get('state') ?? '') !== '') {
    throw new CallbackError('state_mismatch', 'The callback has a state, so a browser began this log-in: not this one.')
  }
}

/** No parameter that is used may come twice (RFC 6749 section 3.1). */
function checkOnce({ provider }: ClientContext, parameters: URLSearchParams): void {
  const { callbackParams = [], tokenOriginFrom } = provider
  for (const name of [
    ...SINGLE,
    ...callbackParams,
    ...(tokenOriginFrom === undefined ? [] : [tokenOriginFrom.param]),
  ]) {
    if (parameters.getAll(name).length > 1) {
      throw new CallbackError('duplicate_parameter', `The callback has the parameter ${name} more than once.`)
    }
  }
}

/** The rest of the checks of a log-in that was begun here, with the server known. Answers the authorization code. */
export function judgeCallback(
  context: ClientContext,
  server: Server,
  parameters: URLSearchParams,
  pending: KeptLogin,
): string {
  if (pending.issuer !== server.issuer || pending.tokenEndpoint !== server.tokenEndpoint) throw wrongClient(context)
  refuseError(context, server, parameters, [pending.state, pending.codeVerifier, pending.nonce])
  const age = context.clock.now() - pending.createdAt
  if (!(Math.abs(age) <= LOGIN_LIFETIME_MS)) {
    throw new CallbackError('expired_login', 'The log-in was begun more than fifteen minutes ago.')
  }
  return codeOf(parameters)
}

/** The rest of the checks of a log-in that the provider began. Answers the authorization code. */
export function judgeUnsolicited(context: ClientContext, server: Server, parameters: URLSearchParams): string {
  refuseError(context, server, parameters, [])
  return codeOf(parameters)
}

function refuseError(
  context: ClientContext,
  server: Server,
  parameters: URLSearchParams,
  known: readonly (string | undefined)[],
): void {
  checkIssuer(server, parameters)
  const error = parameters.get('error')
  if (error === null || error === '') return
  const secrets = new Secrets(context.secrets).add(...known)
  const text = (value: string): string => plainText(secrets.redact(value))
  const description = parameters.get('error_description') ?? ''
  throw new AuthorizationError(context.name, text(error), description === '' ? undefined : text(description))
}

function codeOf(parameters: URLSearchParams): string {
  const code = parameters.get('code') ?? ''
  if (code === '') throw new CallbackError('missing_code', 'The callback has no authorization code.')
  return code
}

/** RFC 9207 section 2.4. Without an issuer of the server's own there is nothing to compare with. */
function checkIssuer(server: Server, parameters: URLSearchParams): void {
  if (server.issuer === undefined) return
  const iss = parameters.get('iss')
  if (iss === null && server.metadata.authorization_response_iss_parameter_supported !== true) return
  if (iss === null || !isIssuerOf(server.issuer, iss)) {
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
