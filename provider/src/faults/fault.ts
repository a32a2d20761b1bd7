/** What is wrong with the ID token of an `id_token_invalid` fault. */
export type IdTokenFlaw = 'unparsable' | 'signature' | 'issuer' | 'audience' | 'subject' | 'expired'

/** Faults after which the request was not processed: no token was made, none was replaced. */
export type RefusalFault =
  /** A 5xx answer with an HTML body, as proxies send. @default status 503 */
  | { readonly kind: 'server_error'; readonly status?: number; readonly retryAfter?: number | string }
  /** 429; `retryAfter` is the header's value: seconds or an HTTP date. @default retryAfter 1 */
  | { readonly kind: 'rate_limited'; readonly retryAfter?: number | string }
  /** The connection ends as soon as the request has arrived. */
  | { readonly kind: 'drop_before' }
  /** 200 with an error in a JSON body. @default error 'invalid_grant' */
  | { readonly kind: 'error_200'; readonly error?: string; readonly description?: string }
  /** 400 without a body. */
  | { readonly kind: 'empty_400' }
  /** 400 `invalid_grant`, though the grant lives. */
  | { readonly kind: 'invalid_grant'; readonly description?: string }
  /** 401 `invalid_client` with a `WWW-Authenticate` header, though the client is known. */
  | { readonly kind: 'invalid_client' }
  /** Any other error answer. @default status 400 */
  | { readonly kind: 'oauth_error'; readonly error: string; readonly description?: string; readonly status?: number }
  /** 401 with `WWW-Authenticate: Bearer error="invalid_token"`, by default from the userinfo endpoint. */
  | { readonly kind: 'unauthorized' }

/** Faults that lose an answer which was made: a rotating provider has replaced the refresh token. */
export type LossFault =
  /** The connection ends without an answer. */
  | { readonly kind: 'drop_after' }
  /** Half of the answer arrives, then the connection ends. */
  | { readonly kind: 'truncated' }
  /** 200 with a body that is no answer. @default an HTML page */
  | { readonly kind: 'malformed'; readonly body?: string; readonly contentType?: string }

/** Faults of time. */
export type HangFault = {
  readonly kind: 'hang'
  /** When to answer after all, in milliseconds; without it never. */
  readonly ms?: number
  /**
   * Whether the request is processed on arrival and its answer withheld (`'first'`), or waits itself and is
   * processed, also when nobody listens any more, at the end of `ms` (`'last'`; never without `ms`).
   * @default 'last'
   */
  readonly process?: 'first' | 'last'
}

/** Faults that change a success answer; error answers pass unchanged. */
export type RewriteFault =
  /** The right JSON under a wrong type. @default contentType 'text/html' */
  | { readonly kind: 'wrong_content_type'; readonly contentType?: string }
  /** The members form-encoded instead of JSON, with that content type. */
  | { readonly kind: 'form_encoded' }
  /** `expires_in` as given, whatever it is. */
  | { readonly kind: 'expires_in'; readonly value: unknown }
  /** `expires_in` as a string. */
  | { readonly kind: 'expires_in_string' }
  | { readonly kind: 'expires_in_missing' }
  | { readonly kind: 'token_type_missing' }
  /** A `token_type` that no RFC knows. @default tokenType 'user' */
  | { readonly kind: 'token_type_odd'; readonly tokenType?: string }
  /** No `refresh_token`, and none was made: a rotating provider keeps the old one this time. */
  | { readonly kind: 'refresh_token_missing' }
  /** A wrong ID token; signed properly except for the first two flaws. @default flaw 'unparsable' */
  | { readonly kind: 'id_token_invalid'; readonly flaw?: IdTokenFlaw }

/** One way in which an answer of the provider fails. */
export type Fault = RefusalFault | LossFault | HangFault | RewriteFault

/** The name of a way to fail. */
export type FaultKind = Fault['kind']

/** The ways to fail that need nothing beside their name. */
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
  /** How many answers fail; `Infinity` until cancelled. @default 1 */
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
  /** How many answers are still to fail. */
  readonly remaining: number
  /** How many have failed. */
  readonly served: number
  /** Lets the remaining answers pass. */
  cancel(): void
}
