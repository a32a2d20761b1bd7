import type { InternalClient } from '../client/internal-client.ts'
import type { GrantEvents } from '../model/events.ts'
import { assertKnown } from '../stores/rules.ts'
import type { GrantRecord } from '../stores/store.ts'
import type { Token } from '../model/token.ts'
import { runInBackground } from './background.ts'
import type { GrantClient } from './grant-client.ts'
import { identityOf } from './identity.ts'
import type { RefreshContext } from './context.ts'
import type { GrantCache } from './cache.ts'
import { People } from './people.ts'
import { persistently } from './persistently.ts'
import { revocationEndsPerson, revokeWithRetries, withRetries } from './revoke.ts'
import { SealedDocuments } from './sealed-documents.ts'
import type { StoreClock } from './store-clock.ts'
import { Closing } from '../util/closing.ts'

/** Options of a disconnect. */
export interface DisconnectOptions {
  /**
   * Whether to revoke the grant at the provider. @default true, but if a revocation ends everything of the user at the
   * client (`revocation.ends: 'person'` in the provider's data), only for the user's last grant in the store
   */
  readonly revoke?: boolean | undefined
}

/** Disconnects a grant: first in the store, then at its provider. */
export class Disconnecting {
  readonly #options: RefreshContext
  readonly #client: GrantClient
  readonly #storeClock: StoreClock
  readonly #cache: GrantCache
  readonly #revoking = new Closing()
  /** The login whose deletion is not confirmed yet. */
  #deleting: string | undefined

  constructor(options: RefreshContext, client: GrantClient, storeClock: StoreClock, cache: GrantCache) {
    this.#options = options
    this.#client = client
    this.#storeClock = storeClock
    this.#cache = cache
  }

  /** Disconnects the grant here at once, then at the provider (RFC 7009) if possible. Returns whether it existed. */
  async run(options: DisconnectOptions = {}): Promise<boolean> {
    const { background, clock, key, store } = this.#options
    const known = this.#cache.held?.record.id
    const read = await this.#storeClock.ask(() => store.read(key))
    // A token that was never requested is revoked too.
    const record = read.record ?? (this.#cache.seed === undefined ? undefined : (await this.#cache.place()).record)
    assertKnown(record)
    // A login that was stored here in the meantime stays.
    this.#cache.end([known, record?.id])
    // The grant may be missing because the response to an earlier deletion was lost.
    const id = record?.id ?? this.#deleting
    if (id === undefined) return false
    this.#deleting = id
    // A response that never comes counts as lost. The next attempt returns what was deleted, and it is revoked.
    const { record: deleted } = await persistently(clock, () => store.delete(key, { id }), { leastTries: 2 })
    this.#deleting = undefined
    if (deleted === undefined) return false
    // The deleted record may be newer than the one that was read.
    const revoking = this.#revoke(deleted, options.revoke)
    // Without a background, the caller waits for the first attempt.
    if (background === 'none') await revoking
    else runInBackground(background, () => revoking)
    return true
  }

  /** Best effort: the grant is deleted here already. */
  async #revoke(record: GrantRecord, asked: boolean | undefined): Promise<void> {
    const { background, clock, key, logger } = this.#options
    const revoke = async (closing: AbortSignal): Promise<void> => {
      const noRetries = background === 'none' ? AbortSignal.abort() : closing
      if (asked === false) {
        this.#tell('asked')
        return
      }
      // A store of its own contains no other grant.
      const decided = asked === true || this.#options.alone || endsOnlyThis(this.#client.lately)
      if (decided) this.#tell()
      const { token, isShared } = await withRetries(clock, noRetries, () => this.#lookAt(record, decided)).catch(
        (error: unknown) => {
          if (!decided) this.#tell()
          throw error
        },
      )
      if (!decided) this.#tell(isShared ? 'shared' : undefined)
      if (token === undefined || isShared) return
      const { core } = await withRetries(clock, noRetries, () => this.#client.use())
      await revokeWithRetries(core, token, { clock, logger, noRetries })
    }
    await this.#revoking
      .run(revoke)
      .catch((error: unknown) =>
        logger?.warn('evergrant: a disconnected grant could not be revoked', { ...key, error }),
      )
  }

  async #lookAt(record: GrantRecord, decided: boolean): Promise<{ token: Token | undefined; isShared: boolean }> {
    const token = await this.#options.sealer.open(record.key, record.id, record.sealed)
    if (decided || endsOnlyThis((await this.#client.use()).core)) return { token, isShared: false }
    return { token, isShared: !(await this.#isLastOfPerson(token)) }
  }

  /** An unknown user may have other grants. */
  async #isLastOfPerson(token: Token | undefined): Promise<boolean> {
    const { clock, key, logger, sealer, store } = this.#options
    const identity = token && identityOf(token)
    if (identity === undefined || store.documents === undefined) return false
    const documents = new SealedDocuments(store.documents, sealer.keys)
    const people = new People({ core: (await this.#client.use()).core, store, sealer, documents, clock })
    return people.leave(identity, key).catch((error: unknown) => {
      logger?.warn('evergrant: a disconnected grant is not revoked: other grants of the same user may exist', {
        ...key,
        error,
      })
      return false
    })
  }

  #tell(notRevoked?: GrantEvents['disconnected']['notRevoked']): void {
    const { clock, emitter, key } = this.#options
    emitter.emit('disconnected', { key, at: clock.now(), ...(notRevoked !== undefined && { notRevoked }) })
  }

  /** Stops the retries and waits for the revocations in progress. */
  async close(): Promise<void> {
    this.#revoking.close()
    await this.#revoking.idle()
  }
}

/** Whether a revocation ends no other grant, as far as the client is known. */
function endsOnlyThis(core: InternalClient | undefined): boolean {
  return core !== undefined && !revocationEndsPerson(core)
}
