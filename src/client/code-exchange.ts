import { TokenResponseError } from '../errors.ts'
import { makeToken, type Token } from '../token.ts'
import type { PendingLogin } from './authorization.ts'
import { checkCallback, judgeCallback, readCallback, type Callback } from './callback.ts'
import { withinTimeout, type ClientContext } from './context.ts'
import { checkFirstIdToken } from './id-token.ts'
import { splitScope } from './normalise.ts'
import { addParams, RESERVED_FOR_TOKENS } from './request-params.ts'
import { prepareTokenRequest, salvageFirst, type Granted } from './token-endpoint.ts'
import type { Server } from './server.ts'

/** Turns a callback into a token (RFC 6749 section 4.1.3). `beforeSend` runs when everything was checked that can be. */
export async function exchangeCode(
  context: ClientContext,
  callback: Callback,
  pending: PendingLogin,
  beforeSend?: () => Promise<void>,
): Promise<Token> {
  const parameters = await readCallback(callback)
  checkCallback(context, parameters, pending)
  const server = await context.directory.server()
  const code = judgeCallback(context, server, parameters, pending)
  const body = new URLSearchParams()
  addParams(body, context.provider.tokenParams, RESERVED_FOR_TOKENS, `tokenParams of provider '${context.name}'`)
  body.set('code', code)
  body.set('redirect_uri', pending.redirectUri)
  if (pending.codeVerifier !== undefined) body.set('code_verifier', pending.codeVerifier)
  const request = await prepareTokenRequest(context, server, {
    grantType: 'authorization_code',
    parameters: body,
    repeatable: false,
    renewable: false,
    salvage: salvageFirst(context),
  })
  await beforeSend?.()
  const granted = await withinTimeout(context, 'code exchange', undefined, request)
  return withIdToken(context, server, granted, pending)
}

async function withIdToken(
  context: ClientContext,
  server: Server,
  granted: Granted,
  pending: PendingLogin,
): Promise<Token> {
  const asked = new URL(pending.url).searchParams
  const requested = splitScope(asked.get('scope') ?? '', context.provider.scopeSeparator)
  // RFC 6749 section 5.1: without a scope in the answer the requested one was granted.
  const scope = granted.token.scope ?? (requested.length === 0 ? undefined : requested)
  const token = makeToken({ ...granted.token, scope })
  const { idToken } = granted.captured
  const { nonce } = pending
  if (idToken === undefined) {
    if (nonce === undefined || scope?.includes('openid') === false) return token
    throw unusable(context, token, 'it has no ID token, though scope openid was granted.')
  }
  const maxAge = asked.get('max_age')
  const check = await checkFirstIdToken(context, server, idToken, token.accessToken, {
    nonce,
    maxAge: maxAge === null ? undefined : Number(maxAge),
  })
  if (check.verdict === 'usable') return makeToken({ ...token, idToken })
  // Nobody asked for it: the log-in doesn't rest on it.
  if (nonce === undefined) {
    context.logger?.warn("an ID token that was not asked for can't be used and is dropped", {
      client: context.name,
      reason: check.reason,
    })
    return token
  }
  throw unusable(context, token, `its ID token can't be trusted (${granted.secrets.redact(check.reason)}).`)
}

function unusable(context: ClientContext, token: Token, reason: string): TokenResponseError {
  return new TokenResponseError(context.name, { status: 200, problem: 'invalid', reason, retryable: false, token })
}
