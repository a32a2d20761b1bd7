import type { ClientMetadata } from 'oidc-provider'
import { randomSecret } from './keys.ts'
import type { ProviderClient } from './provider-client.ts'

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
