import { errors, type Adapter, type Configuration } from 'oidc-provider'
import { clientMetadata, type RegisteredClient } from './clients.ts'
import { loadConsentedGrant, type Consents } from './consents.ts'
import { paths } from './endpoints.ts'
import { googlePolicy } from './interactions/interaction-policy.ts'
import { randomSecret, type SigningKey } from './keys.ts'
import { devicePages, errorPage, logoutPages } from './pages/provider-pages.ts'
import { scopeClaims, type ScopeCatalogue } from './scopes.ts'
import { claimsOf, subjectOf, type UserDirectory } from './users.ts'

/** What the oidc-provider configuration is made of. */
export interface ConfigurationParts {
  readonly issuer: string
  readonly adapter: (model: string) => Adapter
  readonly clients: readonly RegisteredClient[]
  readonly users: UserDirectory
  readonly scopes: ScopeCatalogue
  readonly consents: Consents
  readonly key: SigningKey
  /** Whole seconds that an access token issued now shall live. */
  readonly accessTokenSeconds: () => number
  readonly refreshTokenSeconds: number
  /** Whether the refresh token of this request is replaced. */
  readonly rotates: (request: object) => boolean
}

const minute = 60
const day = 24 * 60 * minute
const tenYears = 3650 * day

/** Configures oidc-provider as a server shaped like Google's. */
export function providerConfiguration(parts: ConfigurationParts): Configuration {
  return {
    adapter: parts.adapter,
    clients: parts.clients.map(clientMetadata),
    jwks: { keys: [parts.key] },
    responseTypes: ['code'],
    routes: {
      authorization: paths.authorization,
      token: paths.token,
      revocation: paths.revocation,
      introspection: paths.introspection,
      userinfo: paths.userInfo,
      device_authorization: paths.deviceAuthorization,
      code_verification: paths.deviceVerification,
      jwks: paths.jwks,
      pushed_authorization_request: paths.pushedAuthorization,
      end_session: paths.endSession,
    },
    discovery: { tokeninfo_endpoint: parts.issuer + paths.tokenInfo },
    // Tokens expire on time. With the default tolerance, a one-second token would be accepted for sixteen seconds.
    clockTolerance: 0,
    clientBasedCORS: () => false,
    ...accountConfiguration(parts),
    ...tokenConfiguration(parts),
    features: featureConfiguration(),
    renderError: errorPage,
  }
}

function accountConfiguration({ issuer, users, scopes, consents }: ConfigurationParts): Configuration {
  const port = new URL(issuer).port
  return {
    scopes: scopes.names,
    claims: scopeClaims,
    conformIdTokenClaims: false,
    findAccount: (_ctx, subject) => {
      const user = users.withSubject(subject)
      return user && { accountId: subjectOf(user), claims: () => claimsOf(user) }
    },
    loadExistingGrant: (ctx) => loadConsentedGrant(ctx, consents),
    interactions: {
      policy: googlePolicy(consents),
      url: (_ctx, interaction) => `${paths.interaction}/${interaction.uid}`,
    },
    extraParams: {
      access_type: (_ctx, value) => {
        if (value !== undefined && value !== 'online' && value !== 'offline') {
          throw new errors.InvalidRequest('access_type must be online or offline')
        }
      },
    },
    cookies: {
      keys: [randomSecret()],
      // Cookies ignore ports: two providers on one machine would otherwise log each other's users out.
      names: { session: `session_${port}`, interaction: `interaction_${port}`, resume: `resume_${port}` },
    },
  }
}

function tokenConfiguration(parts: ConfigurationParts): Configuration {
  const { consents, accessTokenSeconds, refreshTokenSeconds, rotates } = parts
  return {
    expiresWithSession: () => false,
    rotateRefreshToken: (ctx) => rotates(ctx.req),
    issueRefreshToken: (_ctx, client, source) =>
      client.grantTypeAllowed('refresh_token') &&
      (source.kind === 'DeviceCode' || source.scopes.has('offline_access') || consents.isOffline(source.jti)),
    extraTokenClaims: (ctx, token) => {
      if (token.kind !== 'AccessToken' || !ctx) return undefined
      const code = ctx.oidc.params?.['code']
      const online = typeof code === 'string' && !consents.isOffline(code) && !token.scopes.has('offline_access')
      return { access_type: online ? 'online' : 'offline' }
    },
    // A revoked token ends its whole grant, so that the next login asks for consent again, as at Google.
    revokeGrantPolicy: () => true,
    pkce: { required: (_ctx, client) => client.clientAuthMethod === 'none' },
    ttl: {
      AccessToken: accessTokenSeconds,
      AuthorizationCode: minute,
      ClientCredentials: accessTokenSeconds,
      DeviceCode: 10 * minute,
      // A grant must outlive every refresh token that rotation can still issue under it.
      Grant: Math.max(tenYears, refreshTokenSeconds),
      IdToken: 60 * minute,
      Interaction: 60 * minute,
      RefreshToken: refreshTokenSeconds,
      Session: 14 * day,
    },
  }
}

function featureConfiguration(): NonNullable<Configuration['features']> {
  return {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    deviceFlow: { enabled: true, ...devicePages() },
    introspection: {
      enabled: true,
      allowedPolicy: (_ctx, client, token) => client.clientAuthMethod !== 'none' || token.clientId === client.clientId,
    },
    revocation: {
      enabled: true,
      allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId,
    },
    resourceIndicators: { enabled: false },
    rpInitiatedLogout: { enabled: true, ...logoutPages() },
    userinfo: { enabled: true },
  }
}
