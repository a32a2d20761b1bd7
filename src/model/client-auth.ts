/** What a client authentication function gets: the token request's headers and body, to be changed in place (RFC 6749 section 2.3). */
export interface ClientAuthRequest {
  readonly clientId: string
  /** The secret that is being tried, when the client has one. */
  readonly clientSecret?: string
  readonly tokenEndpoint: string
  readonly issuer?: string
  readonly headers: Headers
  readonly body: URLSearchParams
}

/**
 * How the client authenticates at the token, revocation and introspection endpoints: alike for code, refresh and revocation.
 * - `client_secret_basic`: id and secret, each `encodeURIComponent`ed, in the Authorization header: what decoding and most non-decoding servers accept
 * - `client_secret_basic_raw`: the same without encoding, for servers that don't decode
 * - `client_secret_post`: id and secret in the body
 * - `none`: a public client: the id in the body
 * - a function, for anything else
 */
export type ClientAuth =
  | 'client_secret_basic'
  | 'client_secret_basic_raw'
  | 'client_secret_post'
  | 'none'
  | ((request: ClientAuthRequest) => void | Promise<void>)
