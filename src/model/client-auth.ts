/**
 * The argument of a client authentication function: the token request's headers and body, changed in place (RFC 6749
 * section 2.3).
 */
export interface ClientAuthRequest {
  readonly clientId: string
  /** The secret that this attempt uses, if the client has one. */
  readonly clientSecret?: string | undefined
  readonly tokenEndpoint: string
  readonly issuer?: string | undefined
  readonly headers: Headers
  readonly body: URLSearchParams
}

/**
 * How the client authenticates at the token, revocation and introspection endpoints.
 * - `client_secret_basic`: id and secret, each encoded by `encodeURIComponent`, in the Authorization header. Servers
 *   that decode accept it, and most that do not.
 * - `client_secret_basic_raw`: the same without encoding, for servers that do not decode.
 * - `client_secret_post`: id and secret in the body.
 * - `none`: a public client, the id in the body.
 * - a function, for anything else.
 */
export type ClientAuth =
  | 'client_secret_basic'
  | 'client_secret_basic_raw'
  | 'client_secret_post'
  | 'none'
  | ((request: ClientAuthRequest) => void | Promise<void>)
