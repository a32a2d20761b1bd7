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

/** How to end a grant. */
export interface DisconnectOptions {
  /**
   * Whether to revoke it at the provider. By default it is, but where a revocation ends everything that the person has at the client
   * (`revocation.ends: 'person'` in the provider's data): there only the person's last grant in the store.
   */
  readonly revoke?: boolean
}

/** Ends a grant: in the store, then at its provider. */
export class Disconnecting {
  readonly #options: RefreshContext
  readonly #client: GrantClient
  readonly #storeClock: StoreClock
  readonly #cache: GrantCache
  readonly #revoking = new Set<Promise<unknown>>()
  readonly #closing = new AbortController()
  /** The log-in whose deletion is not known to be done. */
  #deleting: string | undefined

  constructor(options: RefreshContext, client: GrantClient, storeClock: StoreClock, cache: GrantCache) {
    this.#options = options
    this.#client = client
    this.#storeClock = storeClock
    this.#cache = cache
  }

  /** Ends the grant here at once, then at the provider (RFC 7009), as far as that can be. Returns whether it was there. */
  async run(options: DisconnectOptions = {}): Promise<boolean> {
    const { background, clock, key, store } = this.#options
    const known = this.#cache.held?.record.id
    const read = await this.#storeClock.ask(() => store.read(key))
    // A token that nobody asked for yet is revoked all the same.
    const record = read.record ?? (this.#cache.seed === undefined ? undefined : (await this.#cache.place()).record)
    assertKnown(record)
    // A login that was stored here in the meantime stays.
    this.#cache.end([known, record?.id])
    // Nothing is there any more also when an earlier call was left without an answer.
    const id = record?.id ?? this.#deleting
    if (id === undefined) return false
    this.#deleting = id
    // An answer that never comes is a lost one: what was deleted is told at the next try, and revoked.
    const { record: deleted } = await persistently(clock, () => store.delete(key, { id }), { leastTries: 2 })
    this.#deleting = undefined
    if (deleted === undefined) return false
    // What was deleted, which may be newer than what was read.
    const revoking = this.#revoke(deleted, options.revoke)
    // Where there is no background, the caller waits for the first attempt.
    if (background === 'none') await revoking
    else runInBackground(background, () => revoking)
    return true
  }

  /** Best effort: the grant is gone here already. */
  async #revoke(record: GrantRecord, asked: boolean | undefined): Promise<void> {
    const { background, clock, key, logger } = this.#options
    const retries = background === 'none' ? AbortSignal.abort() : this.#closing.signal
    const revoke = async (): Promise<void> => {
      if (asked === false) {
        this.#tell('asked')
        return
      }
      // Nobody else can have a grant in a store of its own.
      const decided = asked === true || this.#options.alone || endsOnlyThis(this.#client.lately)
      if (decided) this.#tell()
      const { token, isShared } = await withRetries(clock, retries, () => this.#lookAt(record, decided)).catch(
        (error: unknown) => {
          if (!decided) this.#tell()
          throw error
        },
      )
      if (!decided) this.#tell(isShared ? 'shared' : undefined)
      if (token === undefined || isShared) return
      const { core } = await withRetries(clock, retries, () => this.#client.use())
      await revokeWithRetries(core, token, clock, retries)
    }
    const work = revoke()
      .catch((error: unknown) =>
        logger?.warn('evergrant: a disconnected grant could not be revoked', { ...key, error }),
      )
      .finally(() => this.#revoking.delete(work))
    this.#revoking.add(work)
    await work
  }

  async #lookAt(record: GrantRecord, decided: boolean): Promise<{ token: Token | undefined; isShared: boolean }> {
    const token = await this.#options.sealer.open(record.key, record.id, record.sealed)
    if (decided || endsOnlyThis((await this.#client.use()).core)) return { token, isShared: false }
    return { token, isShared: !(await this.#isLastOfPerson(token)) }
  }

  /** What is not known may be shared. */
  async #isLastOfPerson(token: Token | undefined): Promise<boolean> {
    const { clock, key, logger, sealer, store } = this.#options
    const identity = token && identityOf(token)
    if (identity === undefined || store.documents === undefined) return false
    const documents = new SealedDocuments(store.documents, sealer.keys)
    const people = new People({ core: (await this.#client.use()).core, store, sealer, documents, clock })
    return people.leave(identity, key).catch((error: unknown) => {
      logger?.warn(
        'evergrant: a disconnected grant is not revoked: whether another one is of the same person is not known',
        {
          ...key,
          error,
        },
      )
      return false
    })
  }

  #tell(notRevoked?: GrantEvents['disconnected']['notRevoked']): void {
    const { clock, emitter, key } = this.#options
    emitter.emit('disconnected', { key, at: clock.now(), ...(notRevoked !== undefined && { notRevoked }) })
  }

  /** No more retries: waits for the revocations that are under way. */
  async close(): Promise<void> {
    this.#closing.abort()
    await Promise.all(this.#revoking)
  }
}

/** Whether a revocation ends no other grant, as far as the client is known. */
function endsOnlyThis(core: InternalClient | undefined): boolean {
  return core !== undefined && !revocationEndsPerson(core)
}
