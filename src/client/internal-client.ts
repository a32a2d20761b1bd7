import type { Clock } from '../util/clock.ts'
import type { Logger } from '../model/logger.ts'
import type { Provider } from '../model/provider.ts'
import type { Token } from '../model/token.ts'
import type { AuthorizationOptions, KeptLogin, PendingLogin } from './flows/authorization-request.ts'
import type { Callback } from './flows/callback-input.ts'
import type { ExchangeHooks } from './flows/code-exchange.ts'
import type { Redeem } from './flows/refresh-token.ts'
import type { RejectedAnswers } from './answers/rejected-answers.ts'
import type { UserInfo } from './endpoints/user-info.ts'

/** What the refresh layer needs of a client. Not public. */
export interface InternalClient {
  /** For messages: the provider's name, or the name passed to `named`. */
  readonly name: string
  /**
   * Returns the same client under another name, which its errors and logs use. Cheap: all share what is known and
   * remembered.
   */
  named(name: string): InternalClient
  readonly clientId: string
  readonly provider: Provider
  readonly clock: Required<Clock>
  /** The client's logger, which masks the client's secrets. */
  readonly logger: Logger | undefined
  readonly timeoutMs: number
  readonly fetch: typeof globalThis.fetch
  /**
   * Returns the issuer, or the token endpoint if the server has none. Discovers if needed. With a grant's token, the
   * issuer of that grant: that of the ID token if the server has one for each tenant.
   */
  issuer(token?: Token): Promise<string>
  /**
   * The server's issuer without discovery: undefined while it is not known. A configured issuer is known from the
   * start.
   */
  readonly knownIssuer: string | undefined
  /** Earlier issuers of the provider, whose grants and identities belong to it. */
  readonly formerIssuers: readonly string[]
  /** Whether two issuers are one at this provider: by another spelling, or because of an earlier name. */
  sameIssuer(a: unknown, b: unknown): boolean
  /** Does everything that can fail before a redemption: metadata, secrets, client authentication. */
  prepareRedemption(token: Token): Promise<Redeem>
  /**
   * Refuses a URL that must not get the token. Synchronous once the server's metadata is known, because every request
   * calls it.
   * @throws InsecureTransportError, OriginNotAllowedError
   */
  assertResource(url: URL): Promise<void> | void
  /** API responses other than 401 that mean the access token has expired. */
  readonly rejected: RejectedAnswers | undefined
  /** Where the provider returns the user, and the scope that logins request. As the client was configured. */
  readonly redirectUri: string | undefined
  readonly scope: readonly string[] | undefined
  /** Returns the members of a pending login that the client knows without it. Discovers if needed. */
  knownOfLogin(): Promise<Pick<KeptLogin, 'clientId' | 'issuer' | 'tokenEndpoint'>>
  /** `OAuth2Client.authorizationRequest`. */
  authorizationRequest(options?: AuthorizationOptions): Promise<PendingLogin>
  /** `OAuth2Client.exchangeCode`, with what runs with it. */
  exchangeCode(callback: Callback, pending: KeptLogin, hooks?: ExchangeHooks): Promise<Token>
  /**
   * The same for a login that the provider started, without a state. A ConfigError unless the provider's data has
   * `unsolicited: true`.
   */
  exchangeUnsolicited(callback: Callback, hooks?: ExchangeHooks): Promise<Token>
  /** `OAuth2Client.userInfo`. */
  userInfo(token: Token): Promise<UserInfo>
  /** Returns whether the server has a user info endpoint. */
  hasUserInfo(): Promise<boolean>
  /** Revokes at the provider (RFC 7009). Resolves to false if the server has no revocation endpoint. */
  revoke(token: Token, options?: { readonly signal?: AbortSignal | undefined }): Promise<boolean>
}
