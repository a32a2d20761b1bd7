import type { InternalClient } from '../client/internal-client.ts'
import type { Token } from '../model/token.ts'
import type { GrantRecord } from '../stores/store.ts'
import type { RefreshContext } from './context.ts'
import { identityOf } from './identity.ts'
import { People } from './people.ts'
import { resolvePolicy } from './policy.ts'
import { revocationEndsPerson } from './revoke.ts'
import { saveLogin } from './save-login.ts'
import { SealedDocuments } from './sealed-documents.ts'
import type { StoreClock } from './store-clock.ts'

/** A login whose token takes the place of what is stored. */
interface Replacement {
  readonly core: InternalClient
  readonly token: Token
  /** Whether a stored token belongs to the same user. */
  readonly sameIdentity: (stored: Token) => boolean
  /** Id of the new grant. */
  readonly id: string
}

/** Notes whose grant it is, where that matters, and stores it. */
export async function replaceGrant(
  { clock, key, logger, obtainable, policy, sealer, store }: RefreshContext,
  storeClock: StoreClock,
  { core, id, sameIdentity, token }: Replacement,
): Promise<GrantRecord> {
  const { refresh = {} } = core.provider
  const identity = revocationEndsPerson(core) ? identityOf(token) : undefined
  if (identity !== undefined && store.documents !== undefined) {
    const documents = new SealedDocuments(store.documents, sealer.keys)
    await new People({ core, store, sealer, documents, clock, logger }).add(identity, key)
  }
  return saveLogin(
    {
      key,
      id,
      store,
      sealer,
      clock,
      storeClock,
      policy: resolvePolicy(policy, refresh, core.timeoutMs, !obtainable),
      issuer: await core.issuer(token),
      formerIssuers: core.formerIssuers,
      clientId: core.clientId,
      obtainable,
      absoluteLifetimeMs: refresh.absoluteLifetimeMs,
      sameIdentity,
    },
    token,
  )
}
