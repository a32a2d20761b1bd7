import { ConfigError, SealError, UnreadableRecordError } from '../errors.ts'
import type { Logger } from '../logger.ts'
import type { GrantStore } from '../stores/store.ts'
import type { Sealer } from './envelope.ts'
import type { SealedDocuments } from './sealed-documents.ts'

/** What resealing needs. */
export interface Resealing {
  readonly store: GrantStore
  readonly sealer: Sealer
  /** Absent: the store has no documents. */
  readonly documents: SealedDocuments | undefined
  readonly logger: Logger | undefined
}

/**
 * Seals everything with the ring's first key that is sealed with another one. What cannot be opened keeps nothing else from it.
 * @throws SealError at the end, when something could not be opened; what the store rejects with, at once
 */
export async function resealAll({ store, sealer, documents, logger }: Resealing): Promise<{ resealed: number }> {
  let resealed = 0
  const failures: unknown[] = []
  const attempt = async (what: object, work: () => Promise<boolean>): Promise<void> => {
    try {
      if (await work()) resealed += 1
    } catch (error) {
      if (![SealError, UnreadableRecordError, ConfigError].some((type) => error instanceof type)) throw error
      failures.push(error)
      logger?.error('evergrant: a record could not be resealed', { ...what, error })
    }
  }
  await attempt({}, async () => {
    for await (const { key, id, sealed } of store.list()) {
      if (!sealer.isOutdated(sealed)) continue
      await attempt(key, async () => {
        const to = await sealer.seal(key, id, await sealer.open(key, id, sealed))
        return store.reseal(key, { id, from: sealed, to })
      })
    }
    return false
  })
  const isDocument = { document: true }
  await attempt(isDocument, async () => {
    await documents?.reseal((work) => attempt(isDocument, work))
    return false
  })
  const [first] = failures
  if (failures.length === 0) return { resealed }
  throw new SealError(
    first instanceof SealError ? first.keyId : '',
    `${failures.length} stored records could not be resealed, and ${resealed} others were resealed. The log names them. Repair or delete them before you drop the old key.`,
    { cause: first },
  )
}
