import { OAUTH_ERRORS, type RefusalMeaning } from './oauth-errors.ts'
import type { GrantKey } from './grant-key.ts'
import type { Token } from './token.ts'

/** What every error of the library has in common. `code` is stable; `retryable` says whether the same call may work later. */
export abstract class EvergrantError extends Error {
  abstract readonly code: string
  /** Whether the same call may succeed later without anybody doing anything. */
  readonly retryable: boolean = false
  /** Milliseconds until the next attempt makes sense, where that is known. */
  declare readonly retryAfterMs?: number

  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause })
    this.name = new.target.name
  }
}

/** Whether a value is an error of this library, also across copies of it. */
export function isEvergrantError(value: unknown): value is EvergrantError {
  return (
    value instanceof EvergrantError ||
    (value instanceof Error && 'retryable' in value && 'code' in value && errorNames.has(value.name))
  )
}

/** The program is wrong: a missing or contradictory option, an argument of the wrong form. Thrown before any I/O. */
export class ConfigError extends EvergrantError {
  readonly code = 'config_error'
}

/** A URL is plain http and not on loopback: RFC 6749 section 3.1 and RFC 6750 section 5.3 want TLS. */
export class InsecureTransportError extends EvergrantError {
  readonly code = 'insecure_transport'
}

/** A token was about to be sent to an origin that the client's `resourceOrigins` don't name. */
export class OriginNotAllowedError extends EvergrantError {
  readonly code = 'origin_not_allowed'
  readonly origin: string

  constructor(origin: string, client: string) {
    super(
      `The token of client '${client}' is not sent to ${origin}: it is not among the client's resourceOrigins. Add it there if that API is meant to get the token.`,
    )
    this.origin = origin
  }
}

/** The provider sent the user back with an error (RFC 6749 section 4.1.2.1): `access_denied` when the user declined. */
export class AuthorizationError extends EvergrantError {
  readonly code = 'authorization_error'
  /** The provider's error code. */
  readonly error: string
  /** The provider's text for developers: data, not to be shown as HTML. */
  declare readonly errorDescription?: string

  constructor(client: string, error: string, errorDescription?: string) {
    super(
      `The provider of client '${client}' answered the log-in with '${error}'${errorDescription === undefined ? '' : `: ${errorDescription}`}. ` +
        (error === 'access_denied'
          ? 'The user declined: offer the log-in again.'
          : 'Start the log-in again; if it repeats, check the client registration and the requested scope.'),
    )
    this.error = error
    if (errorDescription !== undefined) this.errorDescription = errorDescription
  }
}

/** Why a callback can't be trusted. */
export type CallbackErrorCode =
  | 'state_mismatch'
  | 'issuer_mismatch'
  | 'missing_code'
  | 'duplicate_parameter'
  | 'expired_login'
  | 'already_used'
  | 'wrong_subject'
  | 'wrong_client'
  | 'refused'

/**
 * The callback can't be trusted or used; nothing was sent to the provider. Only with `refused` the code was exchanged: the application's `subject`
 * function knew nobody by the identity, and the token was dropped.
 */
export class CallbackError extends EvergrantError {
  readonly code: CallbackErrorCode

  constructor(code: CallbackErrorCode, message: string, options?: { cause?: unknown }) {
    super(`${message} Start the log-in again.`, options)
    this.code = code
  }
}

/** The token endpoint refused (RFC 6749 section 5.2). Without `error` the answer had no readable one; then it may be tried again. */
export class TokenRequestError extends EvergrantError {
  readonly code = 'token_request_error'
  override readonly retryable: boolean
  readonly status: number
  /** The provider's code, as text; a registered one where the provider's own is known to say the same. */
  declare readonly error?: string
  declare readonly errorDescription?: string
  /** What the answer's `Retry-After` says, whatever its status. */
  declare readonly retryAfterMs?: number
  /** What the refusal means by the provider's data (`refresh.refusals`, `refresh.deadGrantErrors`), or by its own text; absent: by its code. */
  declare readonly means?: RefusalMeaning

  constructor(
    client: string,
    detail: {
      status: number
      error?: string
      errorDescription?: string
      retryable: boolean
      retryAfterMs?: number
      means?: RefusalMeaning
      advice?: string
    },
    options?: { cause?: unknown },
  ) {
    const { error, errorDescription, means, retryAfterMs, status } = detail
    super(
      `The provider of client '${client}' refused (status ${status}${error === undefined ? ', no readable error' : `, ${error}`})` +
        `${errorDescription === undefined ? '' : `: ${errorDescription}`}. ${detail.advice ?? adviceFor(error, means)}`,
      options,
    )
    this.status = status
    this.retryable = detail.retryable
    if (retryAfterMs !== undefined) this.retryAfterMs = retryAfterMs
    if (means !== undefined) this.means = means
    if (error !== undefined) this.error = error
    if (errorDescription !== undefined) this.errorDescription = errorDescription
  }
}

function adviceFor(error: string | undefined, means: RefusalMeaning | undefined): string {
  if (means === 'later') return 'Try again later.'
  if (means === 'dead') return 'The grant is over: the user has to log in again.'
  const code = means === 'registration' ? 'invalid_client' : error
  if (code === undefined) return means === undefined ? 'Try again later.' : "See the provider's documentation."
  return OAUTH_ERRORS.get(code)?.advice ?? "See the provider's documentation for this error."
}

/** The server's metadata (RFC 8414, OpenID Connect Discovery) could not be had or used. It is never cached. */
export class DiscoveryError extends EvergrantError {
  readonly code = 'discovery_error'
  override readonly retryable: boolean
  declare readonly status?: number

  constructor(message: string, detail: { retryable: boolean; status?: number }, options?: { cause?: unknown }) {
    super(message, options)
    this.retryable = detail.retryable
    if (detail.status !== undefined) this.status = detail.status
  }
}

/** The token endpoint's answer can't be used. `token`, when there is one, carries what was captured from it, a rotated refresh token above all. */
export class TokenResponseError extends EvergrantError {
  readonly code = 'token_response_error'
  override readonly retryable: boolean
  readonly status: number
  /** What exactly is unusable. */
  readonly problem: 'unreadable' | 'no_access_token' | 'token_type' | 'identity_changed' | 'invalid'
  readonly #token: Token | undefined

  constructor(
    client: string,
    detail: {
      status: number
      problem: TokenResponseError['problem']
      reason: string
      retryable: boolean
      token?: Token | undefined
      endpoint?: string
    },
    options?: { cause?: unknown },
  ) {
    super(
      `The answer of the ${detail.endpoint ?? 'token endpoint'} of client '${client}' can't be used: ${detail.reason}`,
      options,
    )
    this.status = detail.status
    this.problem = detail.problem
    this.retryable = detail.retryable
    this.#token = detail.token
  }

  /**
   * What was captured from the answer: save it, it may hold the only live refresh token. No property of the error's own, so that
   * nothing that prints errors shows it.
   */
  get token(): Token | undefined {
    return this.#token
  }
}

/** The provider could not be reached, did not answer in time, or asked to come back later (429, 5xx). */
export class ProviderUnavailableError extends EvergrantError {
  readonly code = 'provider_unavailable'
  override readonly retryable = true
  declare readonly status?: number
  declare readonly retryAfterMs?: number
  /** Whether the request may have been processed all the same: no complete answer came after it was sent. */
  readonly maybeProcessed: boolean

  constructor(
    message: string,
    detail: { status?: number | undefined; retryAfterMs?: number | undefined; maybeProcessed: boolean },
    options?: { cause?: unknown },
  ) {
    super(message, options)
    if (detail.status !== undefined) this.status = detail.status
    if (detail.retryAfterMs !== undefined) this.retryAfterMs = detail.retryAfterMs
    this.maybeProcessed = detail.maybeProcessed
  }
}

/** Why a grant is dead. */
export type ReauthorizationReason =
  | 'revoked'
  | 'answer_lost'
  | 'refused'
  | 'expired'
  | 'no_refresh_token'
  | 'identity_changed'
  | 'interaction_required'

const REASON_TEXT: Readonly<Record<ReauthorizationReason, string>> = {
  revoked: 'the provider says that it ended',
  answer_lost: "the provider's answer to a refresh was lost, and it accepts the old refresh token no more",
  refused: 'the provider refused it for too long without a readable reason',
  expired: 'it reached the end that the provider had stated',
  no_refresh_token: 'its access token expired and the provider gave no refresh token',
  identity_changed: 'a refresh answered with the identity of another user',
  interaction_required: 'the provider wants the user for something, such as a second factor or a consent',
}

/** What has to be done where another log-in alone would end in the same. */
const CURE: { readonly [K in ReauthorizationReason]?: string } = {
  no_refresh_token:
    "Ask for offline access and send the user through the log-in again: scope offline_access, or the provider's own parameters (Google: access_type=offline and prompt=consent). A grant of the application itself needs `obtain`.",
}

/** The grant is dead: only the user can bring it back, by logging in again. */
export class ReauthorizationRequiredError extends EvergrantError {
  readonly code = 'reauthorization_required'
  readonly key: GrantKey
  readonly reason: ReauthorizationReason

  constructor(key: GrantKey, reason: ReauthorizationReason, options?: { cause?: unknown }) {
    super(
      `The grant of ${describeKey(key)} is dead: ${REASON_TEXT[reason]}. ${CURE[reason] ?? 'Send the user through the log-in again.'}`,
      options,
    )
    this.key = key
    this.reason = reason
  }
}

/** Nothing is stored under that key: the user never connected, or was disconnected. */
export class GrantNotFoundError extends EvergrantError {
  readonly code = 'grant_not_found'
  readonly key: GrantKey

  constructor(key: GrantKey) {
    super(`There is no grant of ${describeKey(key)}. Send the user through the log-in first.`)
    this.key = key
  }
}

/** The store failed. Nothing is lost: a token that could not be saved is kept in memory and saved as soon as the store answers. */
export class StoreError extends EvergrantError {
  readonly code = 'store_error'
  override readonly retryable = true
  declare readonly retryAfterMs?: number
  /** Present where it is known that nothing was written, and that the same again at once would not help. Absent: it may have been. */
  declare readonly notWritten?: true

  constructor(message: string, options?: { cause?: unknown; retryAfterMs?: number; notWritten?: boolean }) {
    super(message, options)
    if (options?.retryAfterMs !== undefined) this.retryAfterMs = options.retryAfterMs
    if (options?.notWritten === true) this.notWritten = true
  }
}

/** A row of the store can't be read: it is damaged, or another application or an unknown release wrote it. It was left as it is. */
export class UnreadableRecordError extends EvergrantError {
  readonly code = 'unreadable_record'
  /** The key of the grant; absent for a document, and where the key can't be read either. */
  declare readonly key?: GrantKey

  /** `what`: what kind of row it is, in the message. */
  constructor(key?: GrantKey, what = 'record of an unknown key') {
    super(
      `The stored ${key === undefined ? what : `record of ${describeKey(key)}`} cannot be read: it is damaged, or another application wrote it. Nothing was changed. ` +
        (key === undefined
          ? 'Restore its row from a backup, or delete it.'
          : 'Restore its row from a backup, or delete it and send the user through the login again.'),
    )
    if (key !== undefined) this.key = key
  }
}

/** A sealed token can't be opened: wrong or missing key, or a record that was tampered with or moved. Nothing is deleted. */
export class SealError extends EvergrantError {
  readonly code = 'seal_error'
  /** The key id that the sealed token names, if it can be read. */
  readonly keyId: string

  constructor(keyId: string, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.keyId = keyId
  }
}

/** Another process is refreshing this grant and was not done within `waitMs`. */
export class RefreshTimeoutError extends EvergrantError {
  readonly code = 'refresh_timeout'
  override readonly retryable = true

  constructor(key: GrantKey, waitedMs: number) {
    super(
      `The refresh of the grant of ${describeKey(key)} was not done within ${waitedMs} ms. Try again, or raise policy.waitMs.`,
    )
  }
}

function describeKey(key: GrantKey): string {
  const account = key.account === '' ? '' : `, account '${key.account}'`
  return `subject '${key.subject}'${account} at client '${key.client}'`
}

const errorNames: ReadonlySet<string> = new Set(
  [
    ConfigError,
    InsecureTransportError,
    OriginNotAllowedError,
    AuthorizationError,
    CallbackError,
    TokenRequestError,
    DiscoveryError,
    TokenResponseError,
    ProviderUnavailableError,
    ReauthorizationRequiredError,
    GrantNotFoundError,
    StoreError,
    UnreadableRecordError,
    SealError,
    RefreshTimeoutError,
  ].map((type) => type.name),
)
