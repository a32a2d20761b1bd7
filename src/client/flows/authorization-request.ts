import { toBase64Url } from '../../util/base64.ts'
import { randomId, sha256 } from '../../util/crypto.ts'
import { ConfigError } from '../../model/errors.ts'
import { assertRedirectUri, openidWithoutIssuer } from '../check-login.ts'
import type { ClientContext } from '../context.ts'
import { splitScope } from '../../model/answer/scope.ts'
import { offlineAccessAt } from './offline-access.ts'
import { addParams, RESERVED_FOR_AUTHORIZATION, scopeList, type Params } from '../http/request-params.ts'
import { endpointOf, type Server } from '../server.ts'

/**
 * A login that was started: a plain object, JSON-safe. It is secret, because it contains the PKCE verifier: `inspect`
 * and logs show all of it. Keep it in the user's own web session on the server or in a sealed cookie, not in one that
 * is only signed. It is refused after 15 minutes.
 */
export interface PendingLogin {
  /** Random, 128 bits. */
  readonly id: string
  /** Where to send the user. Not needed after that. */
  readonly url: string
  /** Random, 256 bits. Compared with the callback's. */
  readonly state: string
  /** PKCE verifier (RFC 7636). Absent if the provider does not accept PKCE. */
  readonly codeVerifier?: string
  /**
   * Nonce of OpenID Connect. Present with scope `openid`, unless the provider's data says that ID tokens do not return
   * it.
   */
  readonly nonce?: string
  /** Byte for byte as it was sent. */
  readonly redirectUri: string
  /** The requested scope. Absent if none was requested. */
  readonly scope?: readonly string[]
  /** The requested `max_age`, in seconds (OpenID Connect Core section 3.1.2.1). */
  readonly maxAge?: number
  /** Absent if the server has none. */
  readonly issuer?: string
  readonly tokenEndpoint: string
  readonly clientId: string
  /** In milliseconds since the epoch. */
  readonly createdAt: number
  /** Name of the client, set by `Grants`. */
  readonly client?: string
  /** The user id that the login belongs to, set by `Grants`. */
  readonly subject?: string
  /** The account, set by `Grants`. */
  readonly account?: string
  /** Where the user goes after the login, set by `Grants`. */
  readonly returnTo?: string
}

/** A pending login as it was kept. Its `url` may be left out, because the user was sent there already. */
export type KeptLogin = Omit<PendingLogin, 'url'>

/** Options of one authorization request. */
export interface AuthorizationOptions {
  /** Scope to request. @default the client's scope */
  readonly scope?: string | readonly string[] | undefined
  /** Where the provider returns the user. @default the client's redirect URI */
  readonly redirectUri?: string | undefined
  /**
   * More parameters of the authorization request. They override the provider's, and an empty value removes one of
   * those.
   */
  readonly params?: Params | undefined
  /** Whether to request a refresh token, in the provider's way. @default the client's `offline`, which is `true` */
  readonly offline?: boolean | undefined
  /**
   * Whether the request for offline access makes the provider ask for consent again. Without that, some issue a refresh
   * token on the first consent only (OpenID Connect Core section 11). With `if_needed` the provider decides whether to
   * ask. @default 'always'
   */
  readonly consent?: 'always' | 'if_needed' | undefined
}

/** An authorization request as far as it is known without the server. */
interface CheckedAuthorization {
  readonly redirectUri: string
  readonly scope: readonly string[] | undefined
  readonly params: Params | undefined
  readonly offline: boolean
  readonly consent: boolean
}

/** Starts a login. */
export async function authorizationRequest(
  context: ClientContext,
  options: AuthorizationOptions = {},
): Promise<PendingLogin> {
  const checked = checkAuthorizationOptions(context, options)
  return makeAuthorizationRequest(context, await context.directory.server(), checked)
}

/** Checks what can be checked before any I/O. */
function checkAuthorizationOptions(context: ClientContext, options: AuthorizationOptions): CheckedAuthorization {
  const { params, offline = context.offline, consent = 'always' } = options
  const redirectUri = options.redirectUri ?? context.redirectUri
  if (redirectUri === undefined) {
    throw new ConfigError(
      `Client '${context.name}' needs a redirectUri for a login. Pass it to the client or to the call.`,
    )
  }
  assertRedirectUri(redirectUri, context.provider)
  if (typeof offline !== 'boolean') throw new ConfigError('Expected offline to be true or false.')
  if (consent !== 'always' && consent !== 'if_needed')
    throw new ConfigError("Expected consent to be 'always' or 'if_needed'.")
  const all = new URLSearchParams()
  addParams(all, params, RESERVED_FOR_AUTHORIZATION, 'params of the authorization request')
  maxAgeOf(all)
  const scope = scopeList(options.scope, 'scope') ?? context.scope
  return { redirectUri, scope, params, offline, consent: consent === 'always' }
}

/** Makes the URL that the user is sent to, and what completing the login requires (RFC 6749 section 4.1.1). */
async function makeAuthorizationRequest(
  context: ClientContext,
  server: Server,
  checked: CheckedAuthorization,
): Promise<PendingLogin> {
  const { redirectUri } = checked
  const { provider } = context
  const url = new URL(endpointOf(server, 'authorization_endpoint', context.name))
  const { scope, params } = askedOf(context, server, checked)
  const openid = scope?.includes('openid') === true
  if (openid && server.issuer === undefined) throw openidWithoutIssuer(context.name)
  const codeVerifier = provider.pkce === false ? undefined : randomSecret()
  const state = randomSecret()
  const nonce = openid && provider.nonce !== false ? randomSecret() : undefined
  const own: Readonly<Record<string, string | undefined>> = {
    response_type: 'code',
    client_id: context.clientId,
    redirect_uri: redirectUri,
    scope: scope?.join(provider.scopeSeparator ?? ' '),
    state,
    nonce,
    code_challenge: codeVerifier === undefined ? undefined : await sha256(codeVerifier),
    code_challenge_method: codeVerifier === undefined ? undefined : 'S256',
  }
  // The endpoint's own query stays. A parameter of the library replaces its namesake there, because none may appear
  // twice.
  for (const [name, value] of [...params, ...Object.entries(own)])
    if (value !== undefined) url.searchParams.set(name, value)
  const asked = splitScope(url.searchParams.get('scope') ?? '', provider.scopeSeparator)
  const maxAge = maxAgeOf(url.searchParams)
  return Object.freeze({
    id: randomId(),
    url: url.href,
    state,
    ...(codeVerifier === undefined ? {} : { codeVerifier }),
    ...(nonce === undefined ? {} : { nonce }),
    redirectUri,
    ...(asked.length === 0 ? {} : { scope: Object.freeze(asked) }),
    ...(maxAge === undefined ? {} : { maxAge }),
    ...(server.issuer === undefined ? {} : { issuer: server.issuer }),
    tokenEndpoint: server.tokenEndpoint,
    clientId: context.clientId,
    createdAt: context.clock.now(),
  })
}

/** Returns 256 random bits as base64url. */
function randomSecret(): string {
  return toBase64Url(crypto.getRandomValues(new Uint8Array(32)))
}

/**
 * Returns scope and parameters: what offline access requires, then the provider's own parameters, then the call's. Each
 * overrides those before it.
 */
function askedOf(
  context: ClientContext,
  server: Server,
  checked: CheckedAuthorization,
): { readonly scope: readonly string[] | undefined; readonly params: URLSearchParams } {
  const { provider } = context
  const access = checked.offline ? offlineAccessAt(provider, server, checked.scope) : undefined
  const params = new URLSearchParams()
  const layers: readonly (readonly [Params | undefined, string])[] = [
    [access?.params, `offline.params of provider '${context.name}'`],
    [checked.consent ? access?.consentParams : undefined, `consentParams of provider '${context.name}'`],
    [provider.authorizationParams, `authorizationParams of provider '${context.name}'`],
    [checked.params, 'params of the authorization request'],
  ]
  for (const [layer, where] of layers) addParams(params, layer, RESERVED_FOR_AUTHORIZATION, where)
  const scope = [...new Set([...(checked.scope ?? []), ...(access?.scope ?? [])])]
  return { scope: scope.length === 0 ? undefined : scope, params }
}

function maxAgeOf(params: URLSearchParams): number | undefined {
  const maxAge = params.get('max_age')
  if (maxAge === null) return undefined
  if (!/^\d{1,10}$/.test(maxAge)) {
    throw new ConfigError('Expected max_age to be a whole number of seconds: the ID token is compared with it.')
  }
  return Number(maxAge)
}
