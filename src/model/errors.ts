import { OAUTH_ERRORS, type RefusalMeaning } from './oauth-errors.ts'
import type { GrantKey } from './grant-key.ts'
import type { Token } from './token.ts'

/** The base class of every error of the library. `code` is stable. */
export abstract class EvergrantError extends Error {
  abstract readonly code: string
  /** Whether the same call may succeed later without any change. */
  readonly retryable: boolean = false
  /** Milliseconds until the next attempt makes sense, if known. */
  declare readonly retryAfterMs?: number

  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause })
    this.name = new.target.name
  }
}

/** Whether a value is an error of this library, also across copies of the library. */
export function isEvergrantError(value: unknown): value is EvergrantError {
  return (
    value instanceof EvergrantError ||
    (value instanceof Error && 'retryable' in value && 'code' in value && errorNames.has(value.name))
  )
}

/** A missing or contradictory option, or an argument of the wrong form. Thrown before any I/O. */
export class ConfigError extends EvergrantError {
  readonly code = 'config_error'
}

/** A URL is plain HTTP and not on loopback. RFC 6749 section 3.1 and RFC 6750 section 5.3 require TLS. */
export class InsecureTransportError extends EvergrantError {
  readonly code = 'insecure_transport'
}

/** A token was about to be sent to an origin that is not in the client's `resourceOrigins`. */
export class OriginNotAllowedError extends EvergrantError {
  readonly code = 'origin_not_allowed'
  readonly origin: string

  constructor(origin: string, client: string) {
    super(
      `The token of client '${client}' was not sent to ${origin}: the client's resourceOrigins do not include it. Add it there if that API should get the token.`,
    )
    this.origin = origin
  }
}

/** The provider returned the user with an error (RFC 6749 section 4.1.2.1): `access_denied` if the user declined. */
export class AuthorizationError extends EvergrantError {
  readonly code = 'authorization_error'
  /** The provider's error code. */
  readonly error: string
  /** The provider's text for developers. Do not show it as HTML. */
  declare readonly errorDescription?: string

  constructor(client: string, error: string, errorDescription?: string) {
    super(
      `The provider of client '${client}' rejected the login with '${error}'${errorDescription === undefined ? '' : `: ${errorDescription}`}. ` +
        (error === 'access_denied'
          ? 'The user declined: offer the login again.'
          : 'Start the login again; if it repeats, check the client registration and the requested scope.'),
    )
    this.error = error
    if (errorDescription !== undefined) this.errorDescription = errorDescription
  }
}

/** Why a callback cannot be trusted. */
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
 * The callback cannot be trusted or used. Nothing was sent to the provider, except with `refused`: the code was
 * exchanged, the application's `subject` function rejected the identity, and the token was discarded.
 */
export class CallbackError extends EvergrantError {
  readonly code: CallbackErrorCode

  constructor(code: CallbackErrorCode, message: string, options?: { cause?: unknown }) {
    super(`${message} Start the login again.`, options)
    this.code = code
  }
}

/**
 * The token endpoint refused the request (RFC 6749 section 5.2). Without `error`, the response had no readable one, and
 * the request may be repeated.
 */
export class TokenRequestError extends EvergrantError {
  readonly code = 'token_request_error'
  override readonly retryable: boolean
  readonly status: number
  /** The provider's code, or the registered code with the same meaning if one is known. */
  declare readonly error?: string
  declare readonly errorDescription?: string
  /** The response's `Retry-After` in milliseconds, for every status. */
  declare readonly retryAfterMs?: number
  /**
   * What the refusal means according to the provider's data (`refresh.refusals`, `refresh.deadGrantErrors`) or its
   * text. Absent: what its code means.
   */
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
      `The provider of client '${client}' refused the request (status ${status}${error === undefined ? ', no readable error' : `, ${error}`})` +
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
  if (means === 'dead') return 'The grant has ended. Send the user through the login again.'
  const code = means === 'registration' ? 'invalid_client' : error
  if (code === undefined) return means === undefined ? 'Try again later.' : "See the provider's documentation."
  return OAUTH_ERRORS.get(code)?.advice ?? "See the provider's documentation for this error."
}

/**
 * The server's metadata (RFC 8414, OpenID Connect Discovery) could not be loaded or used. The failure is never cached.
 */
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

/**
 * The token endpoint's response cannot be used. `token`, if present, holds what was captured from it, above all a
 * rotated refresh token.
 */
export class TokenResponseError extends EvergrantError {
  readonly code = 'token_response_error'
  override readonly retryable: boolean
  readonly status: number
  /** Which part of the response is unusable. */
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
      `The response of the ${detail.endpoint ?? 'token endpoint'} of client '${client}' cannot be used: ${detail.reason}`,
      options,
    )
    this.status = detail.status
    this.problem = detail.problem
    this.retryable = detail.retryable
    this.#token = detail.token
  }

  /**
   * What was captured from the response. Save it: it may hold the only valid refresh token. It is not an own property,
   * so code that prints errors does not show it.
   */
  get token(): Token | undefined {
    return this.#token
  }
}

/** The provider could not be reached, did not respond in time, or asked for a later retry (429, 5xx). */
export class ProviderUnavailableError extends EvergrantError {
  readonly code = 'provider_unavailable'
  override readonly retryable = true
  declare readonly status?: number
  declare readonly retryAfterMs?: number
  /** Whether the provider may have processed the request: it was sent, and no complete response arrived. */
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

/** Why a grant has ended. */
export type ReauthorizationReason =
  | 'revoked'
  | 'answer_lost'
  | 'refused'
  | 'expired'
  | 'no_refresh_token'
  | 'identity_changed'
  | 'interaction_required'

const REASON_TEXT: Readonly<Record<ReauthorizationReason, string>> = {
  revoked: 'the provider revoked the grant',
  answer_lost: 'a refresh response was lost, and the provider no longer accepts the old refresh token',
  refused: 'the provider refused the refresh for too long without a readable reason',
  expired: 'the grant reached the end that the provider had stated',
  no_refresh_token: 'the access token expired and the provider issued no refresh token',
  identity_changed: 'a refresh returned the identity of another user',
  interaction_required: 'the provider requires the user, for example for a second factor or consent',
}

/** What to do where another login alone would end the same way. */
const CURE: { readonly [K in ReauthorizationReason]?: string } = {
  no_refresh_token:
    "Request offline access and send the user through the login again: scope offline_access, or the provider's own parameters (Google: access_type=offline and prompt=consent). A grant of the application itself needs `obtain`.",
}

/** The grant has ended. Only the user can restore access, by logging in again. */
export class ReauthorizationRequiredError extends EvergrantError {
  readonly code = 'reauthorization_required'
  readonly key: GrantKey
  readonly reason: ReauthorizationReason

  constructor(key: GrantKey, reason: ReauthorizationReason, options?: { cause?: unknown }) {
    super(
      `Subject ${describeSubject(key)} must reconnect client '${key.client}': ${REASON_TEXT[reason]}. ${CURE[reason] ?? 'Send the user through the login again.'}`,
      options,
    )
    this.key = key
    this.reason = reason
  }
}

/** No grant is stored under this key: the user never connected, or was disconnected. */
export class GrantNotFoundError extends EvergrantError {
  readonly code = 'grant_not_found'
  readonly key: GrantKey

  constructor(key: GrantKey) {
    super(`There is no grant of ${describeKey(key)}. Send the user through the login first.`)
    this.key = key
  }
}

/**
 * The store failed. Nothing is lost: a token that could not be saved stays in memory and is saved as soon as the store
 * responds.
 */
export class StoreError extends EvergrantError {
  readonly code = 'store_error'
  override readonly retryable = true
  declare readonly retryAfterMs?: number
  /** `true` if nothing was written and an immediate repeat would not help. Absent: the write may have happened. */
  declare readonly notWritten?: true

  constructor(message: string, options?: { cause?: unknown; retryAfterMs?: number; notWritten?: boolean }) {
    super(message, options)
    if (options?.retryAfterMs !== undefined) this.retryAfterMs = options.retryAfterMs
    if (options?.notWritten === true) this.notWritten = true
  }
}

/**
 * A row of the store cannot be read: it is damaged, or another application or an unknown release wrote it. The row is
 * left unchanged.
 */
export class UnreadableRecordError extends EvergrantError {
  readonly code = 'unreadable_record'
  /** The key of the grant. Absent for a document, and if the key cannot be read either. */
  declare readonly key?: GrantKey

  /** `what` is the kind of row, for the message. */
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

/**
 * A sealed token cannot be unsealed: the key is wrong or missing, or the record was changed or moved. Nothing is
 * deleted.
 */
export class SealError extends EvergrantError {
  readonly code = 'seal_error'
  /** The key id that the sealed token names, if readable. */
  readonly keyId: string

  constructor(keyId: string, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.keyId = keyId
  }
}

/** Another process is refreshing this grant and did not finish within `waitMs`. */
export class RefreshTimeoutError extends EvergrantError {
  readonly code = 'refresh_timeout'
  override readonly retryable = true

  constructor(key: GrantKey, waitedMs: number) {
    super(
      `The refresh of the grant of ${describeKey(key)} did not finish within ${waitedMs} ms. Try again, or raise policy.waitMs.`,
    )
  }
}

function describeKey(key: GrantKey): string {
  return `subject ${describeSubject(key)} at client '${key.client}'`
}

function describeSubject({ account, subject }: GrantKey): string {
  return `'${subject}'${account === '' ? '' : `, account '${account}',`}`
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
