import { TokenResponseError } from '../../model/errors.ts'
import type { ObserveRequest } from '../../model/observer.ts'
import { makeToken, type Token } from '../../model/token.ts'
import type { KeptLogin } from './authorization-request.ts'
import { readCallback, type Callback } from './callback-input.ts'
import { checkCallback, checkUnsolicited, judgeCallback, judgeUnsolicited } from './callback.ts'
import { withinTimeout, type ClientContext } from '../context.ts'
import { checkFirstIdToken } from '../answers/id-token.ts'
import { addParams, RESERVED_FOR_TOKENS } from '../http/request-params.ts'
import { loadOauth4webapi } from '../oauth4webapi.ts'
import type { Server } from '../server.ts'
import { prepareTokenRequest, salvageFirst, type Granted } from '../endpoints/token.ts'
import { originOfCallback, placeAt, TOKEN_ORIGIN } from '../token-origin.ts'

/** What a login that was started here is compared with. Of one that the provider started, nothing is known. */
type Expected = Partial<Pick<KeptLogin, 'nonce' | 'scope' | 'maxAge'>>

/** What runs with an exchange. */
export interface ExchangeHooks {
  /** Runs after every check of the callback and before the code is sent. If it rejects, the exchange does. */
  readonly beforeSend?: (() => Promise<void>) | undefined
  /** Sends the token request. @default unobserved */
  readonly observeRequest?: ObserveRequest | undefined
}

/** Exchanges a callback's code for a token (RFC 6749 section 4.1.3). */
export async function exchangeCode(
  context: ClientContext,
  callback: Callback,
  pending: KeptLogin,
  hooks: ExchangeHooks = {},
): Promise<Token> {
  const parameters = await readCallback(callback)
  checkCallback(context, parameters, pending)
  const server = await context.directory.server()
  const code = judgeCallback(context, server, parameters, pending)
  const body = new URLSearchParams({ code, redirect_uri: pending.redirectUri })
  if (pending.codeVerifier !== undefined) body.set('code_verifier', pending.codeVerifier)
  return redeem(context, server, parameters, body, pending, hooks)
}

/**
 * The same for a login that the provider started. There is no state, no PKCE and no nonce, so nothing shows whose
 * browser sent the callback.
 * @throws ConfigError unless the provider's data has `unsolicited: true`
 */
export async function exchangeUnsolicited(
  context: ClientContext,
  callback: Callback,
  hooks: ExchangeHooks = {},
): Promise<Token> {
  const parameters = await readCallback(callback)
  checkUnsolicited(context, parameters)
  const server = await context.directory.server()
  const body = new URLSearchParams({ code: judgeUnsolicited(context, server, parameters) })
  if (context.redirectUri !== undefined) body.set('redirect_uri', context.redirectUri)
  return redeem(context, server, parameters, body, {}, hooks)
}

async function redeem(
  client: ClientContext,
  known: Server,
  parameters: URLSearchParams,
  own: URLSearchParams,
  expected: Expected,
  { beforeSend, observeRequest }: ExchangeHooks,
): Promise<Token> {
  const origin = originOfCallback(client, parameters)
  const { context, server } = origin === undefined ? { context: client, server: known } : placeAt(client, known, origin)
  const body = new URLSearchParams()
  addParams(body, context.provider.tokenParams, RESERVED_FOR_TOKENS, `tokenParams of provider '${context.name}'`)
  for (const [name, value] of own) body.set(name, value)
  const kept = keptOf(context, parameters, origin)
  const salvage = salvageFirst(context)
  const request = await prepareTokenRequest(context, server, {
    grantType: 'authorization_code',
    parameters: body,
    repeatable: false,
    renewable: false,
    salvage: (captured) => {
      const token = salvage(captured)
      return token === undefined ? undefined : withKept(token, kept)
    },
  })
  // Loaded before the response, which it checks the ID token of.
  if (expectsIdToken(expected)) await loadOauth4webapi()
  await beforeSend?.()
  const granted = await withinTimeout(context, 'code exchange', undefined, (signal) =>
    request({ signal, observeRequest }),
  )
  return withIdToken(context, server, { ...granted, token: withKept(granted.token, kept) }, expected)
}

/** Returns what is kept of the callback in the token's `extra`. */
function keptOf(
  { provider }: ClientContext,
  parameters: URLSearchParams,
  origin: string | undefined,
): ReadonlyMap<string, string> {
  const kept = new Map<string, string>()
  for (const name of provider.callbackParams ?? []) {
    const value = parameters.get(name)
    if (value !== null && value !== '') kept.set(name, value)
  }
  if (origin !== undefined) kept.set(TOKEN_ORIGIN, origin)
  return kept
}

/**
 * The provider's response is more reliable than the browser's callback. Only this decides where tokens are sent.
 */
function withKept(token: Token, kept: ReadonlyMap<string, string>): Token {
  const { [TOKEN_ORIGIN]: _, ...answered } = token.extra ?? {}
  return makeToken({ ...token, extra: { ...Object.fromEntries(kept), ...answered } })
}

function expectsIdToken({ nonce, scope }: Expected): boolean {
  return nonce !== undefined || scope?.includes('openid') === true
}

async function withIdToken(
  context: ClientContext,
  server: Server,
  granted: Granted,
  expected: Expected,
): Promise<Token> {
  const { nonce, maxAge } = expected
  // RFC 6749 section 5.1: without a scope in the response, the requested one was granted.
  const scope = granted.token.scope ?? expected.scope
  const token = makeToken({ ...granted.token, scope })
  const { idToken } = granted.captured
  const openid = expectsIdToken(expected)
  if (idToken === undefined) {
    if (!openid || scope?.includes('openid') === false) return token
    throw unusable(context, token, 'it has no ID token, though scope openid was granted.')
  }
  const check = await checkFirstIdToken(context, server, idToken, token.accessToken, { nonce, maxAge })
  if (check.verdict === 'usable') return makeToken({ ...token, idToken })
  // It was not requested: the login does not depend on it.
  if (!openid) {
    context.logger?.warn('an ID token that was not requested cannot be used and is dropped', {
      client: context.name,
      reason: check.reason,
    })
    return token
  }
  throw unusable(context, token, `its ID token cannot be trusted (${granted.secrets.redact(check.reason)}).`)
}

function unusable(context: ClientContext, token: Token, reason: string): TokenResponseError {
  return new TokenResponseError(context.name, { status: 200, problem: 'invalid', reason, retryable: false, token })
}
