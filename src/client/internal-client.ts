import type { Clock } from '../util/clock.ts'
import type { Logger } from '../model/logger.ts'
import type { Provider } from '../model/provider.ts'
import type { Token } from '../model/token.ts'
import type { AuthorizationOptions, KeptLogin, PendingLogin } from './flows/authorization-request.ts'
import type { Callback } from './flows/callback-input.ts'
import type { Redeem } from './flows/refresh-token.ts'
import type { RejectedAnswers } from './answers/rejected-answers.ts'
import type { UserInfo } from './endpoints/user-info.ts'

/** What the refresh layer needs of a client. Not public. */
export interface InternalClient {
  /** For messages: the provider's name, or what `named` was given. */
  readonly name: string
  /** The same client under another name: errors and logs of what is asked of that one have it. Cheap; all share what is known and remembered. */
  named(name: string): InternalClient
  readonly clientId: string
  readonly provider: Provider
  readonly clock: Required<Clock>
  /** The client's logger, which masks the client's secrets. */
  readonly logger: Logger | undefined
  readonly timeoutMs: number
  readonly fetch: typeof globalThis.fetch
  /**
   * The issuer, or the token endpoint where the server has none; discovers when needed. With a grant's token, the issuer of that grant: where the server has one for each
   * tenant, that of the ID token.
   */
  issuer(token?: Token): Promise<string>
  /** The server's without discovering: undefined while it is not known. An issuer that the client was given is known from the start. */
  readonly knownIssuer: string | undefined
  /** What the provider was called before: grants and identities of these issuers are its own. */
  readonly formerIssuers: readonly string[]
  /** Whether two issuers are one at this provider: by another spelling, or because it was called otherwise before. */
  sameIssuer(a: unknown, b: unknown): boolean
  /** Everything that can fail by itself before a redemption: metadata, secrets, client authentication. */
  prepareRedemption(token: Token): Promise<Redeem>
  /**
   * Refuses a URL that must not get the token. Synchronous once the server's metadata is known, because it is on the way of every request.
   * @throws InsecureTransportError, OriginNotAllowedError
   */
  assertResource(url: URL): Promise<void> | void
  /** The provider's answers of APIs, beside 401, that mean that the access token is over. */
  readonly rejected: RejectedAnswers | undefined
  /** `OAuth2Client.authorizationRequest`. */
  authorizationRequest(options?: AuthorizationOptions): Promise<PendingLogin>
  /**
   * `OAuth2Client.exchangeCode`, with a last step after every check of the callback and before the code is sent: what it rejects with ends the exchange.
   */
  exchangeCode(callback: Callback, pending: KeptLogin, beforeSend?: () => Promise<void>): Promise<Token>
  /** The same for a log-in that the provider began, without a state; a ConfigError unless the provider's data has `unsolicited: true`. */
  exchangeUnsolicited(callback: Callback, beforeSend?: () => Promise<void>): Promise<Token>
  /** `OAuth2Client.userInfo`. */
  userInfo(token: Token): Promise<UserInfo>
  /** Whether the server has a user info endpoint. */
  hasUserInfo(): Promise<boolean>
  /** Revokes at the provider (RFC 7009); false when the server has no revocation endpoint. */
  revoke(token: Token, options?: { readonly signal?: AbortSignal | undefined }): Promise<boolean>
}
