import { ConfigError, TokenResponseError } from '../../model/errors.ts'
import { makeToken, mergeRefreshed, scopeDiffers, type Token } from '../../model/token.ts'
import type { ClientContext } from '../context.ts'
import { checkRefreshedIdToken } from '../answers/id-token.ts'
import { loadOauth4webapi } from '../oauth4webapi.ts'
import { addParams, RESERVED_FOR_TOKENS, scopeList, type Params } from '../http/request-params.ts'
import {
  prepareTokenRequest,
  salvageRefresh,
  withRefreshToken,
  type Granted,
  type SendOptions,
} from '../endpoints/token.ts'
import type { Server } from '../server.ts'
import { placeOfGrant, TOKEN_ORIGIN } from '../token-origin.ts'

/** Options of one refresh. */
export interface RefreshOptions {
  /** A part of the granted scope. By default no scope is sent and the granted one stays (RFC 6749 section 6). */
  readonly scope?: string | readonly string[] | undefined
  /** More parameters of the token request. */
  readonly params?: Params | undefined
  /** Ends the wait; the call rejects with the signal's reason. The refresh token may have been used already. */
  readonly signal?: AbortSignal | undefined
}

/** The result of one redemption. */
export interface Redeemed {
  /** The previous token with the changes of the response. */
  readonly token: Token
  readonly scopeChanged: boolean
  /** The response had an ID token that cannot be used. The earlier one was kept. */
  readonly idTokenDropped: boolean
}

/**
 * Sends exactly one token request. A second one follows only if the first was refused with `invalid_client` and the
 * client has another secret. It has no deadline: the caller sets one. Rejects with the errors of `OAuth2Client.refresh`
 * or the signal's reason.
 */
export type Redeem = (options?: SendOptions) => Promise<Redeemed>

/** Checks and prepares one redemption of the token's refresh token. */
export async function prepareRedemption(
  context: ClientContext,
  token: Token,
  options: Pick<RefreshOptions, 'scope' | 'params'> = {},
): Promise<Redeem> {
  const { refreshToken } = token
  if (typeof refreshToken !== 'string' || refreshToken === '') {
    throw new ConfigError(
      `The token has no refresh token to redeem at client '${context.name}'. Send the user through the login again, with offline access if the provider requires that.`,
    )
  }
  const scope = narrowedScope(token, options.scope)
  const parameters = new URLSearchParams()
  const { refreshParams } = context.provider
  // The data of a provider that requires the scope at every refresh says so.
  const { scope: fixedScope, ...others } = refreshParams ?? {}
  addParams(parameters, others, RESERVED_FOR_TOKENS, `refreshParams of provider '${context.name}'`)
  addParams(parameters, options.params, RESERVED_FOR_TOKENS, 'params of the refresh')
  parameters.set('refresh_token', refreshToken)
  const sentScope = scope?.join(context.provider.scopeSeparator ?? ' ') ?? fixedScope ?? ''
  if (sentScope !== '') parameters.set('scope', sentScope)
  const place = placeOfGrant(context, await context.directory.server(), token)
  const facts = context.provider.refresh
  const request = await prepareTokenRequest(place.context, place.server, {
    grantType: 'refresh_token',
    parameters,
    repeatable: facts?.rotates === false || (facts?.reuseGraceMs ?? 0) > 0,
    renewable: true,
    endpoint: place.context.provider.refreshEndpoint,
    known: [token.accessToken, token.idToken],
    salvage: salvageRefresh(token),
  })
  // Loaded before the response, whose ID token it checks and which nothing may delay.
  if (token.idToken !== undefined || token.scope?.includes('openid') === true) await loadOauth4webapi()
  return async (call) => finish(place.context, place.server, token, scope, await request(call))
}

function narrowedScope(token: Token, asked: RefreshOptions['scope']): readonly string[] | undefined {
  const scope = scopeList(asked, 'scope of the refresh')
  const beyond = scope?.filter((value) => token.scope?.includes(value) === false) ?? []
  if (beyond.length > 0) {
    throw new ConfigError(
      `A refresh cannot request more than was granted: '${beyond.join(' ')}' is not in the token's scope. Send the user through a login that requests it.`,
    )
  }
  return scope
}

async function finish(
  context: ClientContext,
  server: Server,
  previous: Token,
  asked: readonly string[] | undefined,
  granted: Granted,
): Promise<Redeemed> {
  const { captured } = granted
  // A response does not decide where the grant's tokens are sent.
  const { [TOKEN_ORIGIN]: _, ...extra } = granted.token.extra ?? {}
  const answer = makeToken({ ...granted.token, extra })
  const { idToken } = captured
  const check =
    idToken === undefined
      ? undefined
      : await checkRefreshedIdToken(context, server, idToken, answer.accessToken, previous.idToken)
  if (check?.verdict === 'other_identity') {
    throw new TokenResponseError(context.name, {
      status: 200,
      problem: 'identity_changed',
      reason: `${check.reason}. Its access token is withheld. Send the user through the login again.`,
      retryable: false,
      token: withRefreshToken(previous, captured),
    })
  }
  if (check?.verdict === 'unusable') {
    context.logger?.warn('the ID token of a refresh cannot be used and is dropped', {
      client: context.name,
      reason: granted.secrets.redact(check.reason),
    })
  }
  const usable = check?.verdict === 'usable' ? idToken : undefined
  const token = mergeRefreshed(previous, makeToken({ ...answer, idToken: usable, scope: answer.scope ?? asked }))
  return {
    token,
    scopeChanged: scopeDiffers(previous.scope, token.scope),
    idTokenDropped: check?.verdict === 'unusable',
  }
}
