/** What is wrong with the ID token of an `id_token_invalid` fault. */
export type IdTokenFlaw = 'unparsable' | 'signature' | 'issuer' | 'audience' | 'subject' | 'expired'

/** Faults after which the request was not processed: no token was made, none was replaced. */
export type RefusalFault =
  /** A 5xx response with an HTML body, as proxies send. @default status 503 */
  | { readonly kind: 'server_error'; readonly status?: number; readonly retryAfter?: number | string }
  /** Status 429. `retryAfter` is the header's value: seconds or an HTTP date. @default retryAfter 1 */
  | { readonly kind: 'rate_limited'; readonly retryAfter?: number | string }
  /** The connection closes as soon as the request has arrived. */
  | { readonly kind: 'drop_before' }
  /** Status 200 with an error in a JSON body. @default error 'invalid_grant' */
  | { readonly kind: 'error_200'; readonly error?: string; readonly description?: string }
  /** Status 400 without a body. */
  | { readonly kind: 'empty_400' }
  /** Status 400 with `invalid_grant`, although the grant has not ended. */
  | { readonly kind: 'invalid_grant'; readonly description?: string }
  /** Status 401 with `invalid_client` and a `WWW-Authenticate` header, although the client is known. */
  | { readonly kind: 'invalid_client' }
  /** Any other error response. @default status 400 */
  | { readonly kind: 'oauth_error'; readonly error: string; readonly description?: string; readonly status?: number }
  /** Status 401 with `WWW-Authenticate: Bearer error="invalid_token"`, by default from the userinfo endpoint. */
  | { readonly kind: 'unauthorized' }

/** Faults that lose the response of a processed request. With rotation, the refresh token was replaced. */
export type LossFault =
  /** The connection closes without a response. */
  | { readonly kind: 'drop_after' }
  /** The connection closes after half of the response. */
  | { readonly kind: 'truncated' }
  /** Status 200 with a body that is no token response. @default an HTML page */
  | { readonly kind: 'malformed'; readonly body?: string; readonly contentType?: string }

/** A fault that delays the response. */
export type HangFault = {
  readonly kind: 'hang'
  /** Delay of the response in ms. If absent, no response is sent. */
  readonly ms?: number
  /**
   * When the request is processed. `'first'`: on arrival, and only the response waits. `'last'`: after `ms`, even if
   * the client has closed the connection, and never if `ms` is absent.
   * @default 'last'
   */
  readonly process?: 'first' | 'last'
}

/** Faults that change a success response. Error responses pass unchanged. */
export type RewriteFault =
  /** The right JSON with a wrong content type. @default contentType 'text/html' */
  | { readonly kind: 'wrong_content_type'; readonly contentType?: string }
  /** The members form-encoded instead of JSON, with that content type. */
  | { readonly kind: 'form_encoded' }
  /** `expires_in` with exactly this value. */
  | { readonly kind: 'expires_in'; readonly value: unknown }
  /** `expires_in` as a string. */
  | { readonly kind: 'expires_in_string' }
  | { readonly kind: 'expires_in_missing' }
  | { readonly kind: 'token_type_missing' }
  /** A `token_type` that no RFC knows. @default tokenType 'user' */
  | { readonly kind: 'token_type_odd'; readonly tokenType?: string }
  /** No `refresh_token`, and none was made: a rotating provider keeps the old one this time. */
  | { readonly kind: 'refresh_token_missing' }
  /** A wrong ID token, with a valid signature except for the first two flaws. @default flaw 'unparsable' */
  | { readonly kind: 'id_token_invalid'; readonly flaw?: IdTokenFlaw }

/** One way in which a response of the provider fails. */
export type Fault = RefusalFault | LossFault | HangFault | RewriteFault

/** The name of a way to fail. */
export type FaultKind = Fault['kind']

/** The faults that need only their name. */
export type PlainFaultKind = {
  [K in FaultKind]: Pick<Extract<Fault, { kind: K }>, 'kind'> extends Extract<Fault, { kind: K }> ? K : never
}[FaultKind]

/**
 * Which requests a fault meets: token requests of one grant type (`'refresh'` for refresh tokens), `'token'` for all
 * of them, or those of another endpoint.
 */
export type FaultTarget =
  | 'refresh'
  | 'authorization_code'
  | 'client_credentials'
  | 'device_code'
  | 'token'
  | 'userinfo'
  | 'tokeninfo'
  | 'revocation'
  | 'introspection'
  | 'discovery'
  | 'jwks'

/** How often and where a fault happens. */
export interface FaultOptions {
  /** Number of responses that fail. `Infinity` lasts until it is cancelled. @default 1 */
  readonly times?: number
  /** @default 'refresh', and 'userinfo' for `unauthorized` */
  readonly on?: FaultTarget
  /** Only requests in which this client authenticates. @default every client */
  readonly clientId?: string
}

/** A fault that was ordered. */
export interface OrderedFault {
  readonly fault: Fault
  readonly on: FaultTarget
  /** Number of responses that will still fail. */
  readonly remaining: number
  /** Number of responses that have failed. */
  readonly served: number
  /** Cancels the remaining faults. */
  cancel(): void
}
