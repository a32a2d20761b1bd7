import type { Clock } from '../clock.ts'
import type { Logger } from '../logger.ts'
import type { Provider } from '../providers/provider.ts'
import type { Secrets } from '../redact.ts'
import type { Token } from '../token.ts'
import type { PendingLogin } from './authorization.ts'
import type { Callback } from './callback.ts'
import type { RejectedAnswers } from './rejected-answers.ts'

/** What one redemption brought. */
export interface Redeemed {
  /** The previous token with what the answer changed. */
  readonly token: Token
  readonly scopeChanged: boolean
  /** The answer had an ID token that can't be used; the earlier one was kept. */
  readonly idTokenDropped: boolean
}

/**
 * Sends exactly one token request; a second one only when the first was refused with `invalid_client` and the client has another secret.
 * It has no deadline: the caller owns that. Rejects with the errors of `OAuth2Client.refresh` or the signal's reason.
 */
export type Redeem = (options?: SendOptions) => Promise<Redeemed>

export interface SendOptions {
  readonly signal?: AbortSignal | undefined
  /** Asked before every request after the first. With `false` the refusal of the one before stands. */
  readonly mayStillSend?: (() => boolean) | undefined
}

/** What the refresh layer needs of a client. Not public. */
export interface ClientCore {
  /** The provider's name, for messages. */
  readonly name: string
  readonly clientId: string
  readonly provider: Provider
  readonly clock: Required<Clock>
  /** The client's logger, which masks the client's secrets. */
  readonly logger: Logger | undefined
  readonly timeoutMs: number
  readonly fetch: typeof globalThis.fetch
  readonly allowInsecureRequests: boolean
  /** The client's long-lived secrets. */
  readonly secrets: Secrets
  /** The issuer, or the token endpoint where the server has none; discovers when needed. */
  issuer(): Promise<string>
  /** The same without discovering: undefined while the metadata is not known. */
  readonly knownIssuer: string | undefined
  /** Everything that can fail by itself before a redemption: metadata, secrets, client authentication. */
  prepareRedemption(token: Token): Promise<Redeem>
  /**
   * Refuses a URL that must not get the token. Synchronous once the server's metadata is known, because it is on the way of every request.
   * @throws InsecureTransportError, OriginNotAllowedError
   */
  assertResource(url: URL, origins?: readonly string[]): Promise<void> | void
  /** The provider's answers of APIs, beside 401, that mean that the access token is over. */
  readonly rejected: RejectedAnswers | undefined
  /**
   * `OAuth2Client.exchangeCode`, with a last step after every check of the callback and before the code is sent: what it rejects with ends the exchange.
   */
  exchangeCode(callback: Callback, pending: PendingLogin, beforeSend?: () => Promise<void>): Promise<Token>
  /** Revokes at the provider (RFC 7009); false when the server has no revocation endpoint. */
  revoke(token: Token, options?: { readonly signal?: AbortSignal | undefined }): Promise<boolean>
}
