/**
 * What a refused token request means: the grant has ended, the refusal is temporary, the client is wrong, or the
 * request is wrong.
 */
export type RefusalMeaning = 'dead' | 'later' | 'registration' | 'request'

/** An error code that a specification registers for the endpoints that Evergrant calls. */
export interface OAuthError {
  /** Meaning for the grant whose refresh token was sent. Absent: not registered for refreshes; it may be used up. */
  readonly means?: RefusalMeaning
  /** Whether the provider wants the user, and not only another refresh token. */
  readonly wantsUser?: true
  /** What to do, as a sentence. Absent: see the provider's documentation. */
  readonly advice?: string
}

const LOG_IN: OAuthError = {
  means: 'dead',
  wantsUser: true,
  advice: 'The provider requires the user. Send the user through the login again.',
}
const REGISTRATION: OAuthError = {
  means: 'registration',
  advice: 'Check clientId, clientSecret and clientAuth against the registration at the provider.',
}
const REQUEST: OAuthError = { means: 'request' }
const LATER: OAuthError = { means: 'later' }

/**
 * The registered error codes: RFC 6749 sections 4.1.2.1 and 5.2, RFC 6750 section 3.1, RFC 7009 section 2.2.1,
 * RFC 8628 section 3.5, RFC 8707 section 2, RFC 9396 section 5, RFC 9449 sections 5 and 8, OpenID Connect Core
 * section 3.1.2.6.
 */
export const OAUTH_ERRORS: ReadonlyMap<string, OAuthError> = new Map<string, OAuthError>([
  [
    'invalid_grant',
    { means: 'dead', advice: 'The code or refresh token is no longer valid. Send the user through the login again.' },
  ],
  ['interaction_required', LOG_IN],
  ['login_required', LOG_IN],
  ['consent_required', LOG_IN],
  ['invalid_client', REGISTRATION],
  ['unauthorized_client', REGISTRATION],
  ['invalid_request', REQUEST],
  ['invalid_scope', { means: 'request', advice: 'Request only scopes that the registration and the grant allow.' }],
  ['unsupported_grant_type', REQUEST],
  ['invalid_authorization_details', REQUEST],
  ['invalid_dpop_proof', REQUEST],
  ['use_dpop_nonce', REQUEST],
  ['temporarily_unavailable', LATER],
  ['server_error', LATER],
  ['slow_down', LATER],
  ['invalid_token', {}],
  ['insufficient_scope', {}],
  ['unsupported_token_type', {}],
  ['invalid_target', {}],
])
