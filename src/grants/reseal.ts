import { isEvergrantError, SealError } from '../model/errors.ts'
import type { Logger } from '../model/logger.ts'
import { Secrets } from '../util/redact.ts'
import type { GrantRecord, GrantStore } from '../stores/store.ts'
import type { Sealer } from '../refresh/sealer.ts'
import { eachRecord } from './list-grants.ts'
import type { SealedDocuments } from '../refresh/sealed-documents.ts'
import { ManyAttempts } from './unfinished.ts'

/** What resealing requires. */
export interface Resealing {
  readonly store: GrantStore
  readonly sealer: Sealer
  /** Absent: the store has no documents. */
  readonly documents: SealedDocuments | undefined
  readonly logger: Logger | undefined
}

/**
 * Reseals everything that is not sealed with the ring's first key. What cannot be unsealed does not stop the rest.
 * @throws UnfinishedError at the end if something is left; StoreError if nothing can be listed
 */
export async function resealAll({ store, sealer, documents, logger }: Resealing): Promise<{ resealed: number }> {
  const attempts = new ManyAttempts('reseal()', logger)
  const records = eachRecord(store, {}, (error) => attempts.failed(error, error.key))
  await attempts.each(records, async (record) => {
    if (sealer.isOutdated(record.sealed)) await attempts.one(record.key, () => reseal(store, sealer, record))
  })
  if (documents !== undefined && !attempts.isHopeless) {
    await attempts.each(documents.outdated(), (document) =>
      attempts.one(document.name, () => document.reseal().catch(rethrown)),
    )
  }
  return { resealed: attempts.end() }
}

async function reseal(store: GrantStore, sealer: Sealer, { key, id, sealed }: GrantRecord): Promise<boolean> {
  const to = await sealer
    .open(key, id, sealed)
    .then((token) => sealer.seal(key, id, token))
    .catch(rethrown)
  return store.reseal(key, { id, from: sealed, to })
}

/** A key service may throw anything. */
function rethrown(error: unknown): never {
  if (isEvergrantError(error)) throw error
  throw new SealError('', 'The key ring failed; try again.', { cause: new Secrets().cause(error) })
}
