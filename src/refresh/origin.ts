import { isOfFamily } from '../client/issuers.ts'
import { ConfigError } from '../model/errors.ts'
import type { GrantRecord } from '../stores/store.ts'

/**
 * Checks that a grant's tokens go only to the server that issued them, for the client that received them (RFC 6749
 * section 10.4).
 * @param issuer undefined if the server is not known yet
 * @param formerIssuers earlier issuers of the same server
 * @throws ConfigError; the grant is left unchanged
 */
export function assertOrigin(
  record: GrantRecord,
  clientId: string,
  issuer: string | undefined,
  formerIssuers: readonly string[] = [],
): void {
  // In memory only, for this client.
  if (record.issuer === '') return
  if (record.clientId === clientId && (issuer === undefined || isOfFamily(record.issuer, [issuer, ...formerIssuers])))
    return
  throw new ConfigError(
    `The grant of subject '${record.key.subject}' at client '${record.key.client}' was issued by ${record.issuer} for client id '${record.clientId}', but the client's configuration has changed. ` +
      "Its tokens were not used. Give the new registration another client name, or send the user through the login again; if the provider moved, add its earlier issuer to the provider's formerIssuers.",
  )
}
