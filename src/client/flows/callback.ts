import { AuthorizationError, CallbackError, ConfigError } from '../../model/errors.ts'
import { Secrets } from '../../util/redact.ts'
import { sameText } from '../../util/crypto.ts'
import type { KeptLogin } from './authorization-request.ts'
import type { ClientContext } from '../context.ts'
import { isIssuerOf } from '../issuers.ts'
import { plainText } from '../answers/token-answer.ts'
import type { Server } from '../server.ts'

/** Age after which a login is refused. */
export const LOGIN_LIFETIME_MS: number = 15 * 60_000

const SINGLE = ['state', 'iss', 'code', 'error', 'error_description', 'error_uri'] as const

/** Judges what can be judged about a callback without the server. Nothing is sent for a callback that fails here. */
export function checkCallback(context: ClientContext, parameters: URLSearchParams, pending: KeptLogin): void {
  if (typeof pending !== 'object' || pending === null) {
    throw new ConfigError(
      "Expected pending to be the object that authorizationRequest() returned. Keep all of it in the user's web session.",
    )
  }
  if (pending.clientId !== context.clientId) throw wrongClient(context)
  checkOnce(context, parameters)
  const { state } = pending
  if (typeof state !== 'string' || state === '' || !sameText(parameters.get('state') ?? '', state)) {
    throw new CallbackError(
      'state_mismatch',
      "The callback's `state` does not match this login. The pending login was lost or replaced, or the link is forged.",
    )
  }
  const { redirectUri, scope, maxAge } = pending
  const complete =
    typeof redirectUri === 'string' &&
    (scope === undefined || (Array.isArray(scope) && scope.every((value) => typeof value === 'string'))) &&
    (maxAge === undefined || Number.isSafeInteger(maxAge))
  if (!complete)
    throw new ConfigError(
      "Expected pending to be the object that authorizationRequest() returned, got one with missing members. Keep all of it in the user's web session.",
    )
}

/**
 * The same for a login that the provider started (an installation from its marketplace), to which no browser of this
 * application belongs.
 * @throws ConfigError unless the provider's data allows it
 */
export function checkUnsolicited(context: ClientContext, parameters: URLSearchParams): void {
  if (context.provider.unsolicited !== true) {
    throw new ConfigError(
      `Client '${context.name}' accepts no logins that it did not start. Pass the pending login; if the provider starts installations itself, set unsolicited: true in its data.`,
    )
  }
  checkOnce(context, parameters)
  if ((parameters.get('state') ?? '') !== '') {
    throw new CallbackError('state_mismatch', 'The callback has a state, so another browser started this login.')
  }
}

/** No parameter that is used may appear twice (RFC 6749 section 3.1). */
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

/**
 * Makes the remaining checks of a login that was started here, with the server known. Returns the authorization code.
 */
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
    throw new CallbackError('expired_login', 'The login was started more than 15 minutes ago.')
  }
  return codeOf(parameters)
}

/** Makes the remaining checks of a login that the provider started. Returns the authorization code. */
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

/** RFC 9207 section 2.4. If the server has no issuer, there is nothing to compare with. */
function checkIssuer(server: Server, parameters: URLSearchParams): void {
  if (server.issuer === undefined) return
  const iss = parameters.get('iss')
  if (iss === null && server.metadata.authorization_response_iss_parameter_supported !== true) return
  if (iss === null || !isIssuerOf(server.issuer, iss)) {
    throw new CallbackError(
      'issuer_mismatch',
      iss === null
        ? 'The callback lacks the iss parameter that this provider always sends.'
        : 'The callback comes from another provider than the one of the login.',
    )
  }
}

function wrongClient(context: ClientContext): CallbackError {
  return new CallbackError('wrong_client', `The login was not started with this client ('${context.name}').`)
}
