import type { AuthorizationServer } from 'oauth4webapi'
import { ConfigError } from '../model/errors.ts'
import type { ServerMetadata } from '../model/provider.ts'
import { assertSecure, isThisMachine, type InsecurePolicy } from './http/transport-security.ts'

/** One authorization server as it is known now. */
export interface Server {
  readonly metadata: ServerMetadata
  /** Absent if the server has none: then a callback's `iss` means nothing and ID tokens cannot be checked. */
  readonly issuer: string | undefined
  readonly tokenEndpoint: string
  /** For oauth4webapi, which requires an issuer: without one, the token endpoint replaces it. */
  readonly as: AuthorizationServer
  /** The origins of the issuer and of every endpoint. */
  readonly origins: ReadonlySet<string>
}

export type EndpointName = keyof ServerMetadata & `${string}_endpoint`

/** The endpoints that the library sends something to. */
const USED: ReadonlySet<string> = new Set([
  'issuer',
  'authorization_endpoint',
  'token_endpoint',
  'revocation_endpoint',
  'introspection_endpoint',
  'userinfo_endpoint',
  'device_authorization_endpoint',
])

/** Checks metadata and makes a server of it. `where` names the metadata in messages. */
export function makeServer(metadata: ServerMetadata, where: string, insecure: InsecurePolicy): Server {
  const { issuer, token_endpoint: tokenEndpoint } = metadata
  if (typeof tokenEndpoint !== 'string' || !URL.canParse(tokenEndpoint)) {
    throw new ConfigError(`Expected ${where} to have a token_endpoint that is a URL.`)
  }
  if (issuer !== undefined) assertIssuer(issuer, where, insecure)
  const origins = new Set<string>()
  for (const [name, value] of Object.entries(metadata)) {
    if (typeof value !== 'string' || value === '' || !(name === 'issuer' || name.endsWith('_endpoint'))) continue
    const url = URL.canParse(value) ? new URL(value) : undefined
    if (USED.has(name)) {
      if (url === undefined) throw new ConfigError(`Expected ${where} to have a URL as ${name}.`)
      assertSecure(url, insecure)
    }
    // An endpoint that nothing is sent to needs no judging, and gets no token either if it is insecure.
    if (url !== undefined && (url.protocol === 'https:' || USED.has(name))) origins.add(url.origin)
  }
  return {
    metadata,
    issuer,
    tokenEndpoint,
    as: { ...metadata, issuer: issuer ?? tokenEndpoint } as AuthorizationServer,
    origins,
  }
}

/**
 * Refuses loaded metadata that leads to this machine. Its author (a tenant's own provider) could make this program send
 * its secret to services that only this machine reaches.
 */
export function assertElsewhere(server: Server, where: string): void {
  for (const [name, value] of Object.entries(server.metadata)) {
    const used = USED.has(name) || name === 'jwks_uri' || name.endsWith('_endpoint')
    if (!used || typeof value !== 'string' || !URL.canParse(value) || !isThisMachine(new URL(value))) continue
    throw new ConfigError(
      `Expected ${where} to have another host than this machine's ${new URL(value).host} as ${name}: it came from elsewhere.`,
    )
  }
}

/** RFC 8414 section 2: an issuer is an https URL without query and fragment. */
export function assertIssuer(issuer: unknown, where: string, insecure: InsecurePolicy): void {
  if (typeof issuer !== 'string' || !URL.canParse(issuer))
    throw new ConfigError(`Expected ${where} to have an issuer that is a URL.`)
  const url = new URL(issuer)
  if (/[?#]/.test(issuer)) throw new ConfigError(`Expected the issuer of ${where} to have neither query nor fragment.`)
  assertSecure(url, insecure)
}

/** Whether the server has an endpoint. */
export function hasEndpoint(server: Server, name: EndpointName): boolean {
  const endpoint = server.metadata[name]
  return typeof endpoint === 'string' && endpoint !== ''
}

/** Returns an endpoint that the operation requires. */
export function endpointOf(server: Server, name: EndpointName, client: string): string {
  const endpoint = server.metadata[name]
  if (typeof endpoint !== 'string' || endpoint === '') {
    throw new ConfigError(
      `The server of client '${client}' has no ${name}: it does not offer this, or provider.server leaves it out. Add it there if the provider documents one.`,
    )
  }
  return endpoint
}
