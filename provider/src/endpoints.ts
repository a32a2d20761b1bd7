/** Where each endpoint lies below the issuer; Google's paths where Google has the endpoint. */
export const paths = {
  authorization: '/o/oauth2/auth',
  token: '/token',
  revocation: '/revoke',
  introspection: '/introspect',
  userInfo: '/oauth2/v1/userinfo',
  tokenInfo: '/oauth2/v1/tokeninfo',
  deviceAuthorization: '/device/code',
  deviceVerification: '/device',
  jwks: '/oauth2/v3/certs',
  pushedAuthorization: '/par',
  endSession: '/logout',
  interaction: '/interaction',
  styleSheet: '/assets/pages.css',
} as const

/** A provider's endpoints under the names of RFC 8414, with the ready client. */
export interface ProviderMetadata {
  readonly issuer: string
  readonly authorization_endpoint: string
  readonly token_endpoint: string
  readonly revocation_endpoint: string
  readonly introspection_endpoint: string
  readonly userinfo_endpoint: string
  /** Google's check of an access token; no RFC names it. */
  readonly tokeninfo_endpoint: string
  readonly device_authorization_endpoint: string
  readonly jwks_uri: string
}

/** The absolute endpoints of an issuer. */
export function metadataOf(issuer: string): ProviderMetadata {
  return {
    issuer,
    authorization_endpoint: issuer + paths.authorization,
    token_endpoint: issuer + paths.token,
    revocation_endpoint: issuer + paths.revocation,
    introspection_endpoint: issuer + paths.introspection,
    userinfo_endpoint: issuer + paths.userInfo,
    tokeninfo_endpoint: issuer + paths.tokenInfo,
    device_authorization_endpoint: issuer + paths.deviceAuthorization,
    jwks_uri: issuer + paths.jwks,
  }
}
