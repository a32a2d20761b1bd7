import { ConfigError } from '../model/errors.ts'
import { brand, ofAnotherCopy } from '../util/other-copy.ts'
import type { AccessToken, Token } from '../model/token.ts'
import type { AuthorizationOptions, KeptLogin, PendingLogin } from './flows/authorization-request.ts'
import type { Callback, CallbackFields, NodeRequest } from './flows/callback-input.ts'
import type { InternalClient } from './internal-client.ts'
import type { ClientCredentialsOptions } from './flows/client-credentials.ts'
import { makeContext, type OAuth2ClientOptions } from './options.ts'
import { withinTimeout, type ClientContext } from './context.ts'
import { loadOperations } from './load-operations.ts'
import { makeInternalClient } from './make-internal-client.ts'
import { untilAborted } from './http/deadline.ts'
import type { Introspection } from './endpoints/introspection.ts'
import type { RefreshOptions } from './flows/refresh-token.ts'
import type { TokenTypeHint } from './endpoints/revocation.ts'
import type { UserInfo } from './endpoints/user-info.ts'

export type {
  AuthorizationOptions,
  Callback,
  CallbackFields,
  ClientCredentialsOptions,
  Introspection,
  KeptLogin,
  NodeRequest,
  OAuth2ClientOptions,
  PendingLogin,
  RefreshOptions,
  TokenTypeHint,
  UserInfo,
}

let readCore: (client: OAuth2Client) => InternalClient | undefined

/**
 * One registration at one provider: builds log-in URLs, turns callbacks into tokens, redeems refresh tokens, revokes. It keeps no token and is safe to share.
 * Its secrets are out of sight of `inspect` and JSON.
 *
 * Every method may reject with `DiscoveryError` when the server's metadata can't be had, and with `ProviderUnavailableError` when the provider can't be
 * reached or has no time; errors name the client and say what to do.
 */
export class OAuth2Client {
  readonly #context: ClientContext
  readonly #core: InternalClient

  static {
    brand(OAuth2Client, 'OAuth2Client')
    readCore = (client) => (typeof client === 'object' && client !== null && #core in client ? client.#core : undefined)
  }

  /** @throws ConfigError, InsecureTransportError */
  constructor(options: OAuth2ClientOptions) {
    this.#context = makeContext(options)
    this.#core = makeInternalClient(
      this.#context,
      options.resourceOrigins === undefined ? undefined : [...options.resourceOrigins],
    )
  }

  /**
   * Begins a log-in (RFC 6749 section 4.1.1, RFC 7636, OpenID Connect Core section 3.1.2.1): send the user to the answer's `url` and keep the answer, which is
   * secret, in that user's own web session for `exchangeCode`.
   * @throws ConfigError
   */
  async authorizationRequest(options: AuthorizationOptions = {}): Promise<PendingLogin> {
    return this.#core.authorizationRequest(options)
  }

  /**
   * Ends a log-in: checks the callback and exchanges its code (RFC 6749 section 4.1.3). The callback may be a URL, also a relative one (`/callback?…`), its query, its
   * parameters or parsed fields, or the request itself; scheme, host and path are not judged, so that proxies do no harm. `pending` may come without its `url`. Its single
   * use is the caller's care (`Grants` sees to it).
   * @throws CallbackError when the callback can't be trusted; AuthorizationError when the provider or the user declined; TokenRequestError when the code is refused;
   * TokenResponseError when the answer or its ID token can't be used, with what was captured as its `token`
   */
  exchangeCode(callback: Callback, pending: KeptLogin): Promise<Token> {
    return this.#core.exchangeCode(callback, pending)
  }

  /**
   * Redeems the refresh token, once (RFC 6749 section 6). What the answer leaves out stays as it was: refresh token, ID token, scope, extras. Save the result before
   * anything else: the old refresh token may be worth nothing now. `OAuth2Session` and `Grants` do all this by themselves.
   * @throws ConfigError without a refresh token, or for a scope beyond the granted one; TokenRequestError when the provider refuses (`invalid_grant`: the user has to
   * log in again); TokenResponseError when the answer can't be used: its `token`, where there is one, has to be saved; ProviderUnavailableError
   */
  async refresh(token: Token, options: RefreshOptions = {}): Promise<Token> {
    const { signal } = options
    signal?.throwIfAborted()
    const { prepareRedemption } = await untilAborted(Promise.resolve(loadOperations()), signal)
    const redeem = await untilAborted(prepareRedemption(this.#context, token, options), signal)
    const redeemed = await withinTimeout(this.#context, 'refresh', signal, (stop) => redeem({ signal: stop }))
    return redeemed.token
  }

  /**
   * Revokes a token at the provider (RFC 7009): of a `Token` its refresh token, which ends the grant, else its access token. A token that the provider doesn't know
   * (any more) counts as revoked.
   * @throws ConfigError when the server has no revocation endpoint; TokenRequestError; ProviderUnavailableError: the token must be taken to be alive
   */
  async revoke(token: Token | string, hint?: TokenTypeHint): Promise<void> {
    const { revokeToken } = await loadOperations()
    if (await revokeToken(this.#context, token, hint, undefined)) return
    throw new ConfigError(
      `The server of client '${this.#context.name}' has no revocation_endpoint, so tokens can't be revoked there. Delete the token, and send the user to the provider's own settings page.`,
    )
  }

  /**
   * Asks the provider whether a token is active (RFC 7662): of a `Token` its access token, unless `hint` says otherwise.
   * @throws ConfigError, TokenRequestError, TokenResponseError, ProviderUnavailableError
   */
  async introspect(token: Token | string, hint?: TokenTypeHint): Promise<Introspection> {
    return (await loadOperations()).introspectToken(this.#context, token, hint)
  }

  /**
   * Asks the provider who the user is (OpenID Connect Core section 5.3). With an ID token in the `Token`, an answer about another user is refused.
   * @throws ConfigError, TokenRequestError (status 401: the access token is not valid any more), TokenResponseError, ProviderUnavailableError
   */
  async userInfo(token: Token | AccessToken): Promise<UserInfo> {
    return (await loadOperations()).fetchUserInfo(this.#context, token)
  }

  /**
   * Gets a token for the application itself (RFC 6749 section 4.4). It has no refresh token: it is renewed by asking again.
   * @throws ConfigError for a client without credentials; TokenRequestError, TokenResponseError, ProviderUnavailableError
   */
  async clientCredentials(options: ClientCredentialsOptions = {}): Promise<Token> {
    return (await loadOperations()).requestClientCredentials(this.#context, options)
  }
}

/** What the refresh layer needs of a client. Not public: the package's entry doesn't export it. */
export function coreOf(client: OAuth2Client): InternalClient {
  const core = readCore(client)
  if (core === undefined)
    throw new ConfigError(ofAnotherCopy(client) ?? 'Expected an OAuth2Client, made with `new OAuth2Client(…)`.')
  return core
}
