import { isOfFamily } from '../client/issuers.ts'
import { ConfigError } from '../model/errors.ts'
import type { GrantRecord } from '../stores/store.ts'

/**
 * A grant's tokens go to the server they came from, for the client they were given to, and nowhere else (RFC 6749 section 10.4).
 * @param issuer undefined where the server is not known yet
 * @param formerIssuers what the same server was called before
 * @throws ConfigError; the grant is left alone
 */
export function assertOrigin(
  record: GrantRecord,
  clientId: string,
  issuer: string | undefined,
  formerIssuers: readonly string[] = [],
): void {
  // Held in memory only, for this very client.
  if (record.issuer === '') return
  if (record.clientId === clientId && (issuer === undefined || isOfFamily(record.issuer, [issuer, ...formerIssuers])))
    return
  throw new ConfigError(
    `The grant of subject '${record.key.subject}' at client '${record.key.client}' came from ${record.issuer} for client id '${record.clientId}', and the client is configured otherwise. ` +
      "Its tokens were not used. Give the changed registration another name, or let the user log in again; where the provider itself moved, name its earlier issuer in the provider's formerIssuers.",
  )
}
