import type Provider from 'oidc-provider'
import type { Consents } from '../consents.ts'

/** What a user decided on the consent page. */
export interface Decision {
  readonly subject: string
  readonly clientId: string
  readonly granted: readonly string[]
  readonly rejected: readonly string[]
  /** Whether access while the user is away was part of the question. */
  readonly offline: boolean
}

/**
 * Saves a decision as a new grant and remembers it. The refresh tokens of an earlier login then do not end with those
 * of this one.
 * @returns the grant's id
 */
export async function saveConsent(
  { provider, consents }: { readonly provider: Provider; readonly consents: Consents },
  { subject, clientId, granted, rejected, offline }: Decision,
): Promise<string> {
  const earlier = consents.get(subject, clientId)
  const before = earlier && (await provider.Grant.find(earlier.grantId))
  const grant = new provider.Grant({ accountId: subject, clientId })
  const kept = (before?.getOIDCScope() ?? '').split(' ').filter((scope) => scope !== '')
  grant.addOIDCScope(new Set([...kept, ...granted]))
  // Rejected scopes are removed from the kept ones, and the user is not asked for them again.
  if (rejected.length > 0) grant.rejectOIDCScope(new Set(rejected))
  const grantId = await grant.save()
  consents.set(subject, clientId, { grantId, offline: offline || earlier?.offline === true })
  return grantId
}
