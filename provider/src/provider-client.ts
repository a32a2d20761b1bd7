/** A registered client. */
export interface ProviderClient {
  /** The `client_id`. */
  readonly clientId: string
  /** The `client_secret`, accepted in the Authorization header and in the body. @default random, unless `public` */
  readonly clientSecret?: string
  /** Shown on the login and consent pages. @default `clientId` */
  readonly name?: string
  /** Redirect URIs, compared exactly. With `native`, any port of a loopback address matches. */
  readonly redirectUris: readonly string[]
  /** A client without a secret, which must use PKCE. @default false */
  readonly public?: boolean
  /** A program on the user's machine (RFC 8252): loopback addresses on any port, own URI schemes. @default false */
  readonly native?: boolean
  /** Further client metadata in oidc-provider's names, for instance `jwks` with `private_key_jwt`. */
  readonly metadata?: Readonly<Record<string, unknown>>
}
