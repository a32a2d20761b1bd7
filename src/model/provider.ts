import type { ClientAuth } from './client-auth.ts'
import type { RefusalMeaning } from './oauth-errors.ts'

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
  readonly scopes_supported?: readonly string[]
  readonly [member: string]: unknown
}

/** One kind of refused token request, and what it means at this provider. All members of `when` that are given must fit. */
export interface Refusal {
  readonly when: {
    /** The answer's status. */
    readonly status?: number
    /** The error code, as the answer has it. */
    readonly error?: string
    /** Is searched for in the description or message, without regard to case. */
    readonly description?: string | RegExp
    /** Members of the answer: each must be there with that value; nested objects likewise, lists when each given element fits one. */
    readonly body?: Readonly<Record<string, unknown>>
  }
  /** `dead`: the grant is over. `later`: it passes by itself. `registration`: the client is wrong, or not for this grant. `request`: the call is wrong. */
  readonly means: RefusalMeaning
}

/** An answer of the provider's APIs that means "this access token is over", beside 401. All members that are given must fit. */
export interface RejectedAnswer {
  readonly status: number
  /** As in `Refusal`; looked at in JSON of up to 64 KiB. */
  readonly body?: Readonly<Record<string, unknown>>
  /** Headers by name; the value is compared exactly. */
  readonly header?: Readonly<Record<string, string>>
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
  /** What single refusals mean here; the first that fits decides, before the general rules. */
  readonly refusals?: readonly Refusal[]
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
  /** The members, from the outside to the inside, under which an answer has its tokens, e.g. `['body']`; the common wrappers are known. */
  readonly answerPath?: readonly string[]
  /** Answers of the provider's APIs, beside 401, that mean that the access token is over. */
  readonly rejected?: readonly RejectedAnswer[]
  /** Members of a token answer that API calls need beside the token (`instance_url`): they are handed out in `AccessToken.extra`. */
  readonly handOut?: readonly string[]
  /** Parameters of the callback that are kept in the token's `extra` (`realmId`). */
  readonly callbackParams?: readonly string[]
  /**
   * What offline access takes: `none` where nothing has to be asked for. Absent: scope `offline_access` for log-ins with scope `openid` where the server's metadata lists it,
   * else nothing.
   */
  readonly offline?: 'none' | { readonly params?: Readonly<Record<string, string>>; readonly scope?: string }
  /**
   * What makes the provider ask for consent again, without which some give a refresh token the first time only.
   * @default `prompt=consent` where `offline_access` was found in the metadata
   */
  readonly consentParams?: Readonly<Record<string, string>>
  /** `false` where ID tokens don't return the nonce. @default true */
  readonly nonce?: boolean
  /** Signing algorithms of its ID tokens. @default what its metadata lists, else RS256 */
  readonly idTokenAlgs?: readonly string[]
  /** Whether redirect URIs are names that the provider made (`postmessage`, eBay's RuName) and no URLs. @default false */
  readonly opaqueRedirectUri?: boolean
  /** Where the callback tells at which origin its tokens are had, refreshed and revoked (Zoho's data centres); no other origin than `allowed` is accepted. */
  readonly tokenOriginFrom?: { readonly param: string; readonly allowed: readonly string[] }
  /** The endpoint for refreshes, where it is another than the token endpoint. */
  readonly refreshEndpoint?: string
  /** How token requests are written. @default 'form' (RFC 6749) */
  readonly bodyFormat?: 'form' | 'json'
  /** Sent with every request to the provider's endpoints. */
  readonly headers?: Readonly<Record<string, string>>
  /** Issuers that this provider had before, or that its ID tokens also name: grants and identities of theirs are its own. */
  readonly formerIssuers?: readonly string[]
  /** Whether installations that the provider begins, without a state, may be completed. @default false */
  readonly unsolicited?: boolean
  /** What a revocation ends: this token, the grant, or everything that the person has at this client. @default 'grant' */
  readonly revocation?: { readonly ends: 'token' | 'grant' | 'person' }
  readonly refresh?: ProviderRefresh
}
