import { ConfigError } from '../model/errors.ts'
import type { InsecurePolicy } from './http/transport-security.ts'
import { assertIssuer } from './server.ts'

/** Where a server's metadata is: at its issuer's well-known places, or in a document. */
export type MetadataPlace =
  | { readonly kind: 'issuer'; readonly issuer: string }
  | { readonly kind: 'document'; readonly url: string }

/** Reads the `server` of a provider that is not metadata. @throws ConfigError */
export function metadataPlace(server: unknown, name: string, insecure: InsecurePolicy): MetadataPlace {
  if (typeof server !== 'string' || !URL.canParse(server)) {
    throw new ConfigError(
      `Expected server of provider '${name}' to be an issuer URL, the URL of a metadata document, or metadata (RFC 8414).`,
    )
  }
  if (new URL(server).pathname.includes('/.well-known/') || new URL(server).pathname.endsWith('.json')) {
    // A document's URL may have a query. The other rules are the same.
    assertIssuer(server.split('?')[0], `provider '${name}'`, insecure)
    return { kind: 'document', url: server }
  }
  assertIssuer(server, `provider '${name}'`, insecure)
  return { kind: 'issuer', issuer: server }
}
