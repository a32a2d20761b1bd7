import * as oauth from 'oauth4webapi'
import { toBase64Url } from '../base64.ts'
import { ConfigError } from '../errors.ts'
import type { ClientContext } from './context.ts'
import { addParams, RESERVED_FOR_AUTHORIZATION, scopeList, type Params } from './request-params.ts'
import { endpointOf, type Server } from './server.ts'

/**
 * A log-in that was begun: JSON-safe, and secret, because it holds the PKCE verifier. Keep it in the user's own web session on the server or in a sealed cookie,
 * not in a merely signed one. It is refused after fifteen minutes.
 */
export interface PendingLogin {
  /** Random, 128 bits. */
  readonly id: string
  /** Where to send the user. */
  readonly url: string
  /** Random, 256 bits; compared with the callback's. */
  readonly state: string
  /** RFC 7636; absent where the provider takes no PKCE. */
  readonly codeVerifier?: string
  /** OpenID Connect; there with scope `openid`. */
  readonly nonce?: string
  /** Byte for byte as it was sent. */
  readonly redirectUri: string
  /** Absent where the server has none. */
  readonly issuer?: string
  readonly tokenEndpoint: string
  readonly clientId: string
  /** Milliseconds since the epoch. */
  readonly createdAt: number
  /** Set by `Grants`: the name of the client. */
  readonly client?: string
  /** Set by `Grants`: whose log-in it is. */
  readonly subject?: string
  /** Set by `Grants`. */
  readonly account?: string
  /** Set by `Grants`: where the user wanted to go. */
  readonly returnTo?: string
}

const pendingPrototype: object = Object.create(Object.prototype, {
  [Symbol.for('nodejs.util.inspect.custom')]: {
    value(this: PendingLogin) {
      return `PendingLogin { client id '${this.clientId}', begun ${new Date(this.createdAt).toISOString()} }`
    },
  },
})

/** Makes a pending log-in: a plain frozen object, but for `util.inspect`, which shows no secret of it. */
export function makePendingLogin(fields: PendingLogin): PendingLogin {
  return Object.freeze(Object.assign(Object.create(pendingPrototype) as PendingLogin, fields))
}

/** What one authorization request may differ in. */
export interface AuthorizationOptions {
  /** @default the client's scope */
  readonly scope?: string | readonly string[]
  /** @default the client's redirect URI */
  readonly redirectUri?: string
  /** More parameters of the authorization request; they win over the provider's, and an empty value takes one of those away. */
  readonly params?: Params
}

/** Checks what can be checked before any I/O. */
export function checkAuthorizationOptions(
  context: ClientContext,
  options: AuthorizationOptions,
): { readonly redirectUri: string; readonly scope: readonly string[] | undefined; readonly params: URLSearchParams } {
  const redirectUri = options.redirectUri ?? context.redirectUri
  if (redirectUri === undefined) {
    throw new ConfigError(
      `Client '${context.name}' needs a redirectUri for a log-in: give it to the client or to the call.`,
    )
  }
  assertRedirectUri(redirectUri)
  const params = new URLSearchParams()
  addParams(
    params,
    context.provider.authorizationParams,
    RESERVED_FOR_AUTHORIZATION,
    `authorizationParams of provider '${context.name}'`,
  )
  addParams(params, options.params, RESERVED_FOR_AUTHORIZATION, 'params of the authorization request')
  return { redirectUri, scope: scopeList(options.scope, 'scope') ?? context.scope, params }
}

/** Makes the URL that the user is sent to, and what is needed to finish the log-in (RFC 6749 section 4.1.1). */
export async function makeAuthorizationRequest(
  context: ClientContext,
  server: Server,
  checked: ReturnType<typeof checkAuthorizationOptions>,
): Promise<PendingLogin> {
  const { redirectUri, scope, params } = checked
  const openid = scope?.includes('openid') === true
  if (openid && server.issuer === undefined) throw openidWithoutIssuer(context.name)
  const url = new URL(endpointOf(server, 'authorization_endpoint', context.name))
  const pkce = context.provider.pkce !== false
  const codeVerifier = pkce ? oauth.generateRandomCodeVerifier() : undefined
  const state = oauth.generateRandomState()
  const nonce = openid ? oauth.generateRandomNonce() : undefined
  const own: Readonly<Record<string, string | undefined>> = {
    response_type: 'code',
    client_id: context.clientId,
    redirect_uri: redirectUri,
    scope: scope?.join(context.provider.scopeSeparator ?? ' '),
    state,
    nonce,
    code_challenge: codeVerifier === undefined ? undefined : await oauth.calculatePKCECodeChallenge(codeVerifier),
    code_challenge_method: codeVerifier === undefined ? undefined : 'S256',
  }
  // The endpoint's own query stays; a parameter of ours replaces its namesake there, because none may come twice.
  for (const [name, value] of [...params, ...Object.entries(own)])
    if (value !== undefined) url.searchParams.set(name, value)
  return makePendingLogin({
    id: toBase64Url(crypto.getRandomValues(new Uint8Array(16))),
    url: url.href,
    state,
    ...(codeVerifier === undefined ? {} : { codeVerifier }),
    ...(nonce === undefined ? {} : { nonce }),
    redirectUri,
    ...(server.issuer === undefined ? {} : { issuer: server.issuer }),
    tokenEndpoint: server.tokenEndpoint,
    clientId: context.clientId,
    createdAt: context.clock.now(),
  })
}

/** Without an issuer an ID token can't be checked. */
export function openidWithoutIssuer(client: string): ConfigError {
  return new ConfigError(
    `Client '${client}' asks for scope 'openid', but its server has no issuer to compare ID tokens with: add issuer to provider.server, or leave out 'openid'.`,
  )
}

/** RFC 6749 section 3.1.2: an absolute URI without fragment. */
export function assertRedirectUri(redirectUri: unknown): asserts redirectUri is string {
  if (typeof redirectUri !== 'string' || !URL.canParse(redirectUri) || redirectUri.includes('#')) {
    throw new ConfigError(
      'redirectUri must be an absolute URL without a fragment, exactly as registered at the provider.',
    )
  }
}
