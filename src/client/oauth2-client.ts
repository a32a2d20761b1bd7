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
 * One client registration at one provider: builds login URLs, exchanges codes, redeems and revokes tokens. It keeps no
 * token and is safe to share. `inspect` and JSON do not show its secrets.
 *
 * Every method may reject with `DiscoveryError` if the server's metadata cannot be loaded, and with
 * `ProviderUnavailableError` if the provider cannot be reached or is overloaded. Errors name the client and say what to
 * do.
 */
export class OAuth2Client {
  readonly #context: ClientContext
  readonly #core: InternalClient

  static {
    brand(OAuth2Client, 'OAuth2Client')
    readCore = (client) => (typeof client === 'object' && client !== null && #core in client ? client.#core : undefined)
  }

  /** Checks the options without any I/O. @throws ConfigError, InsecureTransportError */
  constructor(options: OAuth2ClientOptions) {
    this.#context = makeContext(options)
    this.#core = makeInternalClient(
      this.#context,
      options.resourceOrigins === undefined ? undefined : [...options.resourceOrigins],
    )
  }

  /**
   * Starts a login (RFC 6749 section 4.1.1, RFC 7636, OpenID Connect Core section 3.1.2.1). Send the user to the
   * result's `url`. Keep the result, which is secret, in that user's own web session for `exchangeCode`.
   * @throws ConfigError for wrong options
   */
  async authorizationRequest(options: AuthorizationOptions = {}): Promise<PendingLogin> {
    return this.#core.authorizationRequest(options)
  }

  /**
   * Completes a login: checks the callback and exchanges its code (RFC 6749 section 4.1.3). The callback may be a URL,
   * also a relative one (`/callback?…`), its query, its parameters or parsed fields, or the request itself. Scheme,
   * host and path are not judged, so proxies do no harm. `pending` may come without its `url`. The caller must ensure
   * its single use (`Grants` does).
   * @throws CallbackError if the callback cannot be trusted
   * @throws AuthorizationError if the provider or the user declined
   * @throws TokenRequestError if the code is refused
   * @throws TokenResponseError if the response or its ID token cannot be used, with what was captured as its `token`
   */
  exchangeCode(callback: Callback, pending: KeptLogin): Promise<Token> {
    return this.#core.exchangeCode(callback, pending)
  }

  /**
   * Redeems the refresh token, once (RFC 6749 section 6). What the response leaves out stays: refresh token, ID token,
   * scope, extras. Save the result first: the old refresh token may be invalid now. `OAuth2Session` and `Grants` do all
   * this automatically.
   * @throws ConfigError without a refresh token, or for a scope beyond the granted one
   * @throws TokenRequestError if the provider refuses (`invalid_grant`: the user must log in again)
   * @throws TokenResponseError if the response cannot be used: save its `token`, if present
   * @throws ProviderUnavailableError if the provider cannot be reached
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
   * Revokes a token at the provider (RFC 7009). Of a `Token`, the refresh token, which ends the grant, else the access
   * token. A token that the provider does not know counts as revoked.
   * @throws ConfigError if the server has no revocation endpoint; TokenRequestError
   * @throws ProviderUnavailableError: the token may still be valid
   */
  async revoke(token: Token | string, hint?: TokenTypeHint): Promise<void> {
    const { revokeToken } = await loadOperations()
    if (await revokeToken(this.#context, token, hint, undefined)) return
    throw new ConfigError(
      `The server of client '${this.#context.name}' has no revocation_endpoint, so it cannot revoke tokens. Delete the token, and send the user to the provider's own settings page.`,
    )
  }

  /**
   * Asks the provider whether a token is active (RFC 7662). Of a `Token`, the access token, unless `hint` says
   * otherwise.
   * @throws ConfigError, TokenRequestError, TokenResponseError, ProviderUnavailableError
   */
  async introspect(token: Token | string, hint?: TokenTypeHint): Promise<Introspection> {
    return (await loadOperations()).introspectToken(this.#context, token, hint)
  }

  /**
   * Asks the provider who the user is (OpenID Connect Core section 5.3). With an ID token in the `Token`, a response
   * about another user is refused.
   * @throws ConfigError, TokenResponseError, ProviderUnavailableError
   * @throws TokenRequestError (status 401: the access token is no longer valid)
   */
  async userInfo(token: Token | AccessToken): Promise<UserInfo> {
    return (await loadOperations()).fetchUserInfo(this.#context, token)
  }

  /**
   * Requests a token for the application itself (RFC 6749 section 4.4). It has no refresh token: refresh it by another
   * request.
   * @throws ConfigError for a client without credentials; TokenRequestError, TokenResponseError,
   * ProviderUnavailableError
   */
  async clientCredentials(options: ClientCredentialsOptions = {}): Promise<Token> {
    return (await loadOperations()).requestClientCredentials(this.#context, options)
  }
}

/** Returns what the refresh layer needs of a client. Not public: the package's entry does not export it. */
export function coreOf(client: OAuth2Client): InternalClient {
  const core = readCore(client)
  if (core === undefined)
    throw new ConfigError(
      ofAnotherCopy(client) ?? 'Expected the client to be an OAuth2Client, made with `new OAuth2Client(…)`.',
    )
  return core
}
