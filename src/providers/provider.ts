import type { ClientAuth } from '../client/client-auth.ts'

/** RFC 8414 authorization server metadata; the members that the library reads. */
export interface ServerMetadata {
  readonly issuer?: string
  readonly authorization_endpoint?: string
  readonly token_endpoint: string
  readonly revocation_endpoint?: string
  readonly introspection_endpoint?: string
  readonly userinfo_endpoint?: string
  readonly device_authorization_endpoint?: string
  readonly jwks_uri?: string
  readonly token_endpoint_auth_methods_supported?: readonly string[]
  readonly code_challenge_methods_supported?: readonly string[]
  readonly authorization_response_iss_parameter_supported?: boolean
  readonly id_token_signing_alg_values_supported?: readonly string[]
  readonly [member: string]: unknown
}

/** What is known of how a provider refreshes: data that margins and recovery go by. Durations in milliseconds. */
export interface ProviderRefresh {
  /** Whether a refresh answers with a new refresh token and the old one ends. Absent: unknown, treated as strict. */
  readonly rotates?: boolean
  /** How long a consumed refresh token is forgiven. Absent: unknown. */
  readonly reuseGraceMs?: number
  /** What ends that grace: time alone, or the use of the successor too. @default 'use' */
  readonly reuseGraceUntil?: 'time' | 'use'
  /** Whether a refresh ends the old access token at once: then nothing is refreshed early. */
  readonly endsAccessToken?: boolean
  /** The provider refuses refreshes earlier than this before expiry. */
  readonly earliestMs?: number
  /** The lifetime of access tokens whose answer has no `expires_in`. */
  readonly defaultLifetimeMs?: number
  /** The grant ends when it is not refreshed for so long. */
  readonly idleLifetimeMs?: number
  /** The grant ends so long after the log-in, whatever is done. */
  readonly absoluteLifetimeMs?: number
  /** Error codes beyond `invalid_grant` that mean that the grant is dead. */
  readonly deadGrantErrors?: readonly string[]
}

/** One authorization server and its ways, as data. A preset can be spread: `{ ...providers.google, server: {…} }`. */
export interface Provider {
  readonly name: string
  /** An issuer URL (discovered), the URL of a metadata document, or the metadata itself. */
  readonly server: string | ServerMetadata
  /** The provider's own page about OAuth. */
  readonly documentation?: string
  readonly clientAuth?: ClientAuth
  /** `false` for servers that fail when they are sent PKCE parameters. @default true */
  readonly pkce?: boolean
  /** @default ' ' (RFC 6749 section 3.3) */
  readonly scopeSeparator?: string
  /** Added to every authorization request. */
  readonly authorizationParams?: Readonly<Record<string, string>>
  /** Added to every code exchange. */
  readonly tokenParams?: Readonly<Record<string, string>>
  /** Added to every refresh. */
  readonly refreshParams?: Readonly<Record<string, string>>
  /** Origins of the provider's APIs, to which sessions may send the token beside the server's own endpoints. */
  readonly resourceOrigins?: readonly string[]
  /** Token types beyond `bearer` that are to be used as bearer tokens, lower case. */
  readonly tokenTypes?: readonly string[]
  readonly refresh?: ProviderRefresh
}
