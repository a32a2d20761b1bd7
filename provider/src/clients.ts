import type { ClientMetadata } from 'oidc-provider'
import { randomSecret } from './keys.ts'

/** A registered client. */
export interface ProviderClient {
  /** The `client_id`. */
  readonly clientId: string
  /** The `client_secret`, accepted in the Authorization header and in the body alike. @default random, unless `public` */
  readonly clientSecret?: string
  /** Shown on the log-in and consent pages. @default `clientId` */
  readonly name?: string
  /** Where the user may be sent back to, compared exactly (with `native`, any port of a loopback address). */
  readonly redirectUris: readonly string[]
  /** A client without a secret, which must use PKCE. @default false */
  readonly public?: boolean
  /** A program on the user's machine (RFC 8252): loopback addresses on any port, own URI schemes. @default false */
  readonly native?: boolean
  /** Further client metadata in oidc-provider's names, for instance `jwks` with `private_key_jwt`. */
  readonly metadata?: Readonly<Record<string, unknown>>
}

/** A client whose secret is known; `undefined` for a public one. */
export interface RegisteredClient extends Omit<ProviderClient, 'clientSecret'> {
  readonly clientSecret: string | undefined
}

const deviceCodeGrant = 'urn:ietf:params:oauth:grant-type:device_code'

/** Fills in what the description of a client left open. */
export function registerClient(client: ProviderClient): RegisteredClient {
  return { ...client, clientSecret: client.public ? undefined : (client.clientSecret ?? randomSecret()) }
}

/** Describes the client to oidc-provider. */
export function clientMetadata(client: RegisteredClient): ClientMetadata {
  return {
    client_id: client.clientId,
    client_name: client.name ?? client.clientId,
    redirect_uris: [...client.redirectUris],
    application_type: client.native ? 'native' : 'web',
    response_types: client.redirectUris.length > 0 ? ['code'] : [],
    grant_types: grantTypes(client),
    ...(client.clientSecret === undefined
      ? { token_endpoint_auth_method: 'none' as const }
      : { client_secret: client.clientSecret, token_endpoint_auth_method: 'client_secret_basic' as const }),
    ...client.metadata,
  }
}

function grantTypes(client: RegisteredClient): string[] {
  return [
    ...(client.redirectUris.length > 0 ? ['authorization_code'] : []),
    'refresh_token',
    deviceCodeGrant,
    ...(client.public ? [] : ['client_credentials']),
  ]
}
