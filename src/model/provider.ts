import type { ClientAuth } from './client-auth.ts'
import type { RefusalMeaning } from './oauth-errors.ts'

/** Authorization server metadata (RFC 8414): the members that the library reads. */
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
  readonly scopes_supported?: readonly string[]
  readonly [member: string]: unknown
}

/**
 * Matches one kind of refused token request and says what it means at this provider. All given members of `when` must
 * match.
 */
export interface Refusal {
  readonly when: {
    /** The response's status. */
    readonly status?: number
    /** The error code as the response has it. */
    readonly error?: string
    /** Text to find in the description or message, case-insensitive. */
    readonly description?: string | RegExp
    /**
     * Members of the response: each must be present with that value. Nested objects match likewise. Lists match if each
     * given element matches one.
     */
    readonly body?: Readonly<Record<string, unknown>>
  }
  /**
   * What the refusal means. `dead`: the grant has ended. `later`: it is temporary. `registration`: the client is wrong,
   * or not for this grant. `request`: the call is wrong.
   */
  readonly means: RefusalMeaning
}

/** Matches an API response other than 401 that means "this access token has expired". All given members must match. */
export interface RejectedAnswer {
  readonly status: number
  /** As in `Refusal`. Read from JSON of up to 64 KiB. */
  readonly body?: Readonly<Record<string, unknown>>
  /** Headers by name. Values are compared exactly. */
  readonly header?: Readonly<Record<string, string>>
}

/** How the provider refreshes: data for margins and recovery. Durations are milliseconds. */
export interface ProviderRefresh {
  /**
   * Whether a refresh returns a new refresh token and ends the old one. Absent: unknown, treated as reuse detection.
   */
  readonly rotates?: boolean
  /** Grace period of a used refresh token, in ms. Absent: unknown. */
  readonly reuseGraceMs?: number
  /** What ends the grace period: only time, or also the use of the successor. @default 'use' */
  readonly reuseGraceUntil?: 'time' | 'use'
  /** Whether a refresh ends the old access token at once. Then there is no background refresh. */
  readonly endsAccessToken?: boolean
  /** Time before expiry from which the provider accepts a refresh, in ms. */
  readonly earliestMs?: number
  /** Lifetime of access tokens whose response has no `expires_in`, in ms. */
  readonly defaultLifetimeMs?: number
  /** Time without a refresh after which the grant ends, in ms. */
  readonly idleLifetimeMs?: number
  /** Time after the login at which the grant ends in any case, in ms. */
  readonly absoluteLifetimeMs?: number
  /** Error codes in addition to `invalid_grant` that mean the grant has ended. */
  readonly deadGrantErrors?: readonly string[]
  /** What particular refusals mean at this provider. The first match decides, before the general rules. */
  readonly refusals?: readonly Refusal[]
}

/** An authorization server and its quirks, as data. A preset can be spread: `{ ...providers.google, server: {…} }`. */
export interface Provider {
  readonly name: string
  /** The provider's name on pages for users, such as 'GitHub'. @default the client's name, capitalized */
  readonly title?: string
  /** An issuer URL (discovered), the URL of a metadata document, or the metadata itself. */
  readonly server: string | ServerMetadata
  /** URL of the provider's page about OAuth. */
  readonly documentation?: string
  readonly clientAuth?: ClientAuth
  /** Whether PKCE is used. `false` for servers that fail on PKCE parameters. @default true */
  readonly pkce?: boolean
  /** What separates scopes. @default ' ' (RFC 6749 section 3.3) */
  readonly scopeSeparator?: string
  /** Parameters of every authorization request. */
  readonly authorizationParams?: Readonly<Record<string, string>>
  /** Parameters of every code exchange. */
  readonly tokenParams?: Readonly<Record<string, string>>
  /** Parameters of every refresh. */
  readonly refreshParams?: Readonly<Record<string, string>>
  /** Origins of the provider's APIs. Sessions may send the token there and to the server's own endpoints. */
  readonly resourceOrigins?: readonly string[]
  /** Token types in addition to `bearer` that are used as bearer tokens, in lower case. */
  readonly tokenTypes?: readonly string[]
  /** Path of member names, outermost first, to the tokens in a response: `['body']`. Common wrappers are known. */
  readonly answerPath?: readonly string[]
  /** API responses other than 401 that mean the access token has expired. */
  readonly rejected?: readonly RejectedAnswer[]
  /**
   * Members of a token response that API calls need in addition to the token (`instance_url`). They are returned in
   * `AccessToken.extra`.
   */
  readonly handOut?: readonly string[]
  /** Parameters of the callback that are kept in the token's `extra` (`realmId`). */
  readonly callbackParams?: readonly string[]
  /**
   * What offline access requires. `none`: nothing. Absent: scope `offline_access` for logins with scope `openid` if the
   * server's metadata lists it, else nothing.
   */
  readonly offline?: 'none' | { readonly params?: Readonly<Record<string, string>>; readonly scope?: string }
  /**
   * Parameters that make the provider ask for consent again. Without them, some issue a refresh token only the first
   * time.
   * @default `prompt=consent` if the metadata lists `offline_access`
   */
  readonly consentParams?: Readonly<Record<string, string>>
  /** Whether ID tokens contain the nonce. @default true */
  readonly nonce?: boolean
  /** Signing algorithms of the provider's ID tokens. @default what its metadata lists, else RS256 */
  readonly idTokenAlgs?: readonly string[]
  /**
   * Whether redirect URIs are names made by the provider (`postmessage`, eBay's RuName) instead of URLs. @default false
   */
  readonly opaqueRedirectUri?: boolean
  /**
   * The callback parameter that names the origin of the token endpoints (Zoho's data centres). Only origins in
   * `allowed` are accepted.
   */
  readonly tokenOriginFrom?: { readonly param: string; readonly allowed: readonly string[] }
  /** The endpoint for refreshes, if it is not the token endpoint. */
  readonly refreshEndpoint?: string
  /** Format of token requests. @default 'form' (RFC 6749) */
  readonly bodyFormat?: 'form' | 'json'
  /** Headers of every request to the provider's endpoints. */
  readonly headers?: Readonly<Record<string, string>>
  /**
   * Issuers that this provider had before, or that its ID tokens also name. Their grants and identities belong to this
   * provider.
   */
  readonly formerIssuers?: readonly string[]
  /** Whether installations that the provider starts, without a state, may be completed. @default false */
  readonly unsolicited?: boolean
  /** What a revocation ends: this token, the grant, or everything of the user at this client. @default 'grant' */
  readonly revocation?: { readonly ends: 'token' | 'grant' | 'person' }
  readonly refresh?: ProviderRefresh
}
