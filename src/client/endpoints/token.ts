import { TokenResponseError } from '../../model/errors.ts'
import { Secrets } from '../../util/redact.ts'
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
interface Captured extends TokenAnswer {
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

/** How a prepared token request is sent. */
export interface SendOptions {
  readonly signal?: AbortSignal | undefined
  /** Asked before every request after the first. With `false` the refusal of the one before stands. */
  readonly mayStillSend?: (() => boolean) | undefined
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
  const attempt = await prepareAuthentication(context.credentials, server, parameters, secrets)
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
  const { judgeRefusal: judge, provider } = context
  const receivedAt = context.clock.now()
  const refreshToken = request.parameters.get('refresh_token') ?? undefined
  const asked = { provider, judge, at: receivedAt, renewable: request.renewable, refreshToken }
  const raw = await send(context, {
    purpose: `token request (${request.grantType})`,
    url: request.endpoint ?? server.tokenEndpoint,
    method: 'POST',
    ...written(authenticated, provider.bodyFormat),
    signal,
    secrets,
    // A provider that says "never again" with the status of "later" is known by its rules.
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
