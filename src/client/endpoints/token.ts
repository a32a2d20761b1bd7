import { TokenResponseError } from '../../model/errors.ts'
import { Secrets } from '../../util/redact.ts'
import type { ObserveRequest } from '../../model/observer.ts'
import { isVisibleAscii, makeToken, type Token } from '../../model/token.ts'
import type { ClientContext } from '../context.ts'
import { prepareAuthentication, type Attempt, type Authenticated } from '../authentication.ts'
import { retryAfter, send } from '../http/send.ts'
import { normaliseTokenAnswer, type TokenAnswer } from '../answers/token-answer.ts'
import { refused, withNextSecret } from '../answers/refusal.ts'
import type { Server } from '../server.ts'
import { otherSecrets, written } from './token-messages.ts'

interface TokenRequest {
  readonly grantType: string
  readonly parameters: URLSearchParams
  /** Whether the same request may be repeated after an unusable response. */
  readonly repeatable: boolean
  /** Whether the token can be refreshed without a refresh token in the response. */
  readonly renewable: boolean
  /** The endpoint, if not the token endpoint. */
  readonly endpoint?: string | undefined
  /** The grant's other tokens, which the request does not send: a quoted response must not contain them either. */
  readonly known?: readonly (string | undefined)[]
  /** Returns what to save of an unusable response. */
  readonly salvage: (captured: Captured) => Token | undefined
}

/** What was read from the response, before anything about it could fail. */
interface Captured extends TokenAnswer {
  /** Time before the request was sent. */
  readonly receivedAt: number
  /** When a refused request may be repeated, according to the provider. */
  readonly retryAfterMs?: number | undefined
}

/** A usable response, its ID token not checked yet. */
export interface Granted {
  readonly captured: Captured
  readonly token: Token
  readonly secrets: Secrets
}

/** How a prepared token request is sent. */
export interface SendOptions {
  readonly signal?: AbortSignal | undefined
  /** Called before every request after the first. With `false`, the rejection of the previous one is the result. */
  readonly mayStillSend?: (() => boolean) | undefined
  /** Sends each request. @default unobserved */
  readonly observeRequest?: ObserveRequest | undefined
}

/** Prepares a token request as far as anything in it can fail in advance. Returns the function that sends it. */
export async function prepareTokenRequest(
  context: ClientContext,
  server: Server,
  request: TokenRequest,
): Promise<(options?: SendOptions) => Promise<Granted>> {
  const secrets = new Secrets(context.secrets).add(...(request.known ?? []))
  const parameters = new URLSearchParams(request.parameters)
  parameters.set('grant_type', request.grantType)
  const attempt = await prepareAuthentication(context.credentials, server, parameters, secrets)
  return async ({ mayStillSend, ...options } = {}) => {
    const exchange = (each: Attempt): Promise<Granted> =>
      sendTokenRequest(context, server, request, each.authenticated, secrets, options)
    return withNextSecret(attempt, exchange, mayStillSend)
  }
}

async function sendTokenRequest(
  context: ClientContext,
  server: Server,
  request: TokenRequest,
  authenticated: Authenticated,
  secrets: Secrets,
  { observeRequest, signal }: Omit<SendOptions, 'mayStillSend'>,
): Promise<Granted> {
  const { judgeRefusal: judge, provider } = context
  const receivedAt = context.clock.now()
  const refreshToken = request.parameters.get('refresh_token') ?? undefined
  const asked = { provider, judge, at: receivedAt, renewable: request.renewable, refreshToken }
  const { grantType } = request
  const raw = await send(context, {
    purpose: `token request (${grantType})`,
    url: request.endpoint ?? server.tokenEndpoint,
    method: 'POST',
    ...written(authenticated, provider.bodyFormat),
    signal,
    secrets,
    around: observeRequest && ((place, work) => observeRequest({ grantType, ...place }, work)),
    // A provider that says "never again" with the status of "later" has rules that say so.
    ...(provider.refresh?.refusals === undefined
      ? {}
      : { isAnswer: (answer) => normaliseTokenAnswer(answer, asked).means !== undefined }),
  })
  const answer = normaliseTokenAnswer(raw, asked)
  const retryAfterMs = answer.status === 200 ? undefined : retryAfter(raw.headers, context.clock.now())
  const captured = { ...answer, receivedAt, retryAfterMs }
  secrets.add(captured.accessToken, captured.refreshToken, captured.idToken, ...otherSecrets(captured))
  const { problem, status } = captured
  if (status !== 200) throw refused(context, status, captured, secrets)
  if (problem !== undefined) {
    throw new TokenResponseError(context.name, {
      status,
      problem: problem.kind,
      reason: secrets.redact(problem.reason),
      retryable: request.repeatable,
      token: request.salvage(captured),
    })
  }
  return { captured, token: tokenOf(captured, context), secrets }
}

/** Makes the token of a response. Its ID token is added once it is checked. */
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

/** Returns what to save of the first response of a grant. */
export function salvageFirst(context: ClientContext): (captured: Captured) => Token | undefined {
  return (captured) => (isVisibleAscii(captured.accessToken) ? tokenOf(captured, context) : undefined)
}

/**
 * Returns what to save of a refresh: the old token with the new refresh token. The new access token must not be used.
 */
export function salvageRefresh(previous: Token): (captured: Captured) => Token | undefined {
  return (captured) => (captured.refreshToken === undefined ? undefined : withRefreshToken(previous, captured))
}

/** The previous token with a response's refresh token, and nothing else of the response. */
export function withRefreshToken(previous: Token, captured: Captured): Token {
  const rotated = captured.refreshToken !== undefined && captured.refreshToken !== previous.refreshToken
  return makeToken({
    ...previous,
    refreshToken: captured.refreshToken ?? previous.refreshToken,
    refreshTokenExpiresAt: captured.refreshTokenExpiresAt ?? (rotated ? undefined : previous.refreshTokenExpiresAt),
  })
}
