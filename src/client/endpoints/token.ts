import * as oauth from 'oauth4webapi'
import { EvergrantError, TokenResponseError } from '../../model/errors.ts'
import { Secrets } from '../../util/redact.ts'
import { isVisibleAscii, makeToken, type Token } from '../../model/token.ts'
import type { SendOptions } from '../internal-client.ts'
import type { ClientContext } from '../context.ts'
import type { Attempt, Authenticated } from '../credentials.ts'
import { retryAfter, send } from '../http/send.ts'
import { normaliseTokenAnswer, type TokenAnswer } from '../answers/token-answer.ts'
import { refused, withNextSecret } from '../answers/refusal.ts'
import type { Server } from '../server.ts'
import { otherSecrets, strictResponse, written } from './token-messages.ts'

export interface TokenRequest {
  readonly grantType: string
  readonly parameters: URLSearchParams
  /** Whether the same request may be sent again after an answer that can't be used. */
  readonly repeatable: boolean
  /** Whether the token can be renewed without a refresh token in the answer. */
  readonly renewable: boolean
  /** Where it goes, if not to the token endpoint. */
  readonly endpoint?: string | undefined
  /** What the request doesn't send, and an answer must not be quoted with either: the grant's other tokens. */
  readonly known?: readonly (string | undefined)[]
  /** What to save of an answer that can't be used. */
  readonly salvage: (captured: Captured) => Token | undefined
}

/** What was read from the answer, before anything about it could fail. */
export interface Captured extends TokenAnswer {
  /** Just before the request was sent. */
  readonly receivedAt: number
  /** When a refused request may be sent again, by the provider's own word. */
  readonly retryAfterMs?: number | undefined
}

/** A usable answer, its ID token not yet looked at. */
export interface Granted {
  readonly captured: Captured
  readonly token: Token
  readonly secrets: Secrets
}

/** Prepares a token request as far as anything in it can fail by itself; what it answers sends it. */
export async function prepareTokenRequest(
  context: ClientContext,
  server: Server,
  request: TokenRequest,
): Promise<(options?: SendOptions) => Promise<Granted>> {
  const secrets = new Secrets(context.secrets).add(...(request.known ?? []))
  const parameters = new URLSearchParams(request.parameters)
  parameters.set('grant_type', request.grantType)
  const attempt = await context.credentials.prepare(server, parameters, secrets)
  return async ({ signal, mayStillSend } = {}) => {
    const exchange = (each: Attempt): Promise<Granted> =>
      sendTokenRequest(context, server, request, each.authenticated, secrets, signal)
    return withNextSecret(attempt, exchange, mayStillSend)
  }
}

async function sendTokenRequest(
  context: ClientContext,
  server: Server,
  request: TokenRequest,
  authenticated: Authenticated,
  secrets: Secrets,
  signal: AbortSignal | undefined,
): Promise<Granted> {
  let captured: Captured | undefined
  const fetchAndMend = async (
    url: string,
    init: oauth.CustomFetchOptions<string, URLSearchParams>,
  ): Promise<Response> => {
    const { judgeRefusal: judge, provider } = context
    const receivedAt = context.clock.now()
    const { renewable } = request
    const refreshToken = request.parameters.get('refresh_token') ?? undefined
    const asked = { provider, judge, at: receivedAt, renewable, refreshToken }
    const raw = await send(context, {
      purpose: `token request (${request.grantType})`,
      url,
      method: init.method,
      ...written(init, provider.bodyFormat),
      signal,
      secrets,
      // A provider that says "never again" with the status of "later" is known by its rules.
      ...(provider.refresh?.refusals === undefined
        ? {}
        : { isAnswer: (answer) => normaliseTokenAnswer(answer, asked).means !== undefined }),
    })
    const answer = normaliseTokenAnswer(raw, asked)
    const retryAfterMs = answer.status === 200 ? undefined : retryAfter(raw.headers, context.clock.now())
    captured = { ...answer, receivedAt, retryAfterMs }
    secrets.add(captured.accessToken, captured.refreshToken, captured.idToken, ...otherSecrets(captured))
    return strictResponse(captured)
  }
  try {
    const as = request.endpoint === undefined ? server.as : { ...server.as, token_endpoint: request.endpoint }
    const response = await oauth.genericTokenEndpointRequest(
      as,
      oauthClient(context),
      presetAuth(authenticated),
      request.grantType,
      // The prepared body has them all.
      {},
      { [oauth.customFetch]: fetchAndMend, [oauth.allowInsecureRequests]: true },
    )
    await oauth.processGenericTokenEndpointResponse(server.as, oauthClient(context), response)
  } catch (error) {
    throw translate(context, request, captured, secrets, error)
  }
  if (captured === undefined) throw new TypeError('The token request was not sent.')
  return { captured, token: tokenOf(captured, context), secrets }
}

function translate(
  context: ClientContext,
  request: TokenRequest,
  captured: Captured | undefined,
  secrets: Secrets,
  error: unknown,
): unknown {
  // What the exchange itself threw, the caller's own abort reason among it.
  if (captured === undefined || error instanceof EvergrantError) return error
  const { status, problem } = captured
  if (status !== 200) return refused(context, status, captured, secrets)
  return new TokenResponseError(
    context.name,
    {
      status,
      problem: problem?.kind ?? 'invalid',
      reason: problem === undefined ? 'it breaks RFC 6749 section 5.1.' : secrets.redact(problem.reason),
      retryable: request.repeatable,
      token: request.salvage(captured),
    },
    { cause: problem === undefined ? secrets.cause(error) : undefined },
  )
}

/** The token of an answer; its ID token is not in it before it was checked. */
export function tokenOf(captured: Captured, context: ClientContext): Token {
  const defaultMs = context.provider.refresh?.defaultLifetimeMs
  return makeToken({
    accessToken: captured.accessToken ?? '',
    tokenType: captured.tokenType,
    receivedAt: captured.receivedAt,
    expiresAt: captured.expiresAt ?? (defaultMs === undefined ? undefined : captured.receivedAt + defaultMs),
    refreshToken: captured.refreshToken,
    refreshTokenExpiresAt: captured.refreshTokenExpiresAt,
    scope: captured.scope,
    extra: captured.extra,
  })
}

/** What there is to save of the first answer of a grant. */
export function salvageFirst(context: ClientContext): (captured: Captured) => Token | undefined {
  return (captured) => (isVisibleAscii(captured.accessToken) ? tokenOf(captured, context) : undefined)
}

/** What there is to save of a refresh: the old token with the new refresh token. The new access token is not to be used. */
export function salvageRefresh(previous: Token): (captured: Captured) => Token | undefined {
  return (captured) => (captured.refreshToken === undefined ? undefined : withRefreshToken(previous, captured))
}

/** The previous token with an answer's refresh token, and nothing else of the answer. */
export function withRefreshToken(previous: Token, captured: Captured): Token {
  const rotated = captured.refreshToken !== undefined && captured.refreshToken !== previous.refreshToken
  return makeToken({
    ...previous,
    refreshToken: captured.refreshToken ?? previous.refreshToken,
    refreshTokenExpiresAt: captured.refreshTokenExpiresAt ?? (rotated ? undefined : previous.refreshTokenExpiresAt),
  })
}

/** The client as oauth4webapi knows it; its own clock is set to the client's clock. */
export function oauthClient(context: ClientContext): oauth.Client {
  return {
    client_id: context.clientId,
    [oauth.clockSkew]: Math.floor(context.clock.now() / 1000) - Math.floor(Date.now() / 1000),
    [oauth.clockTolerance]: Math.floor(context.clockToleranceMs / 1000),
  }
}

/** An authentication that was made before, as oauth4webapi's function. */
export function presetAuth(authenticated: Authenticated): oauth.ClientAuth {
  return (_as, _client, body, headers) => {
    for (const name of new Set(body.keys())) body.delete(name)
    // Of the protocol library; ours is added where the request is sent.
    headers.delete('user-agent')
    for (const [name, value] of authenticated.body) body.append(name, value)
    for (const [name, value] of authenticated.headers) headers.set(name, value)
  }
}
