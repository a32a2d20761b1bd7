import { assertKnown } from '../stores/rules.ts'
import type { GrantRecord } from '../stores/store.ts'
import { runInBackground } from './background.ts'
import type { GrantClient } from './grant-client.ts'
import type { KeeperOptions } from './keeper-options.ts'
import type { Memory } from './memory.ts'
import { persistently } from './persistently.ts'
import { revokeWithRetries } from './revoke.ts'
import type { StoreClock } from './store-clock.ts'

/** Ends a grant: in the store, then at its provider. */
export class Disconnecting {
  readonly #options: KeeperOptions
  readonly #client: GrantClient
  readonly #storeClock: StoreClock
  readonly #memory: Memory
  readonly #revoking = new Set<Promise<unknown>>()
  readonly #closing = new AbortController()
  /** The log-in whose deletion is not known to be done. */
  #deleting: string | undefined

  constructor(options: KeeperOptions, client: GrantClient, storeClock: StoreClock, memory: Memory) {
    this.#options = options
    this.#client = client
    this.#storeClock = storeClock
    this.#memory = memory
  }

  /** Ends the grant here at once, then at the provider (RFC 7009), as far as that can be. Returns whether it was there. */
  async run(): Promise<boolean> {
    const { background, clock, emitter, key, store } = this.#options
    const known = this.#memory.held?.record.id
    const read = await this.#storeClock.ask(() => store.read(key))
    // A token that nobody asked for yet is revoked all the same.
    const record = read.record ?? (this.#memory.seed === undefined ? undefined : (await this.#memory.place()).record)
    assertKnown(record)
    // A login that was stored here in the meantime stays.
    this.#memory.end([known, record?.id])
    // Nothing is there any more also when an earlier call was left without an answer.
    const id = record?.id ?? this.#deleting
    if (id === undefined) return false
    this.#deleting = id
    const { record: deleted } = await persistently(clock, () => store.delete(key, { id }))
    this.#deleting = undefined
    if (deleted === undefined) return false
    emitter.emit('disconnected', { key, at: clock.now() })
    // What was deleted, which may be newer than what was read.
    const revoking = this.#revoke(deleted)
    // Where there is no background, the caller waits for the first attempt.
    if (background === 'none') await revoking
    else runInBackground(background, () => revoking)
    return true
  }

  /** Best effort: the grant is gone here already. */
  async #revoke(record: GrantRecord): Promise<void> {
    const { background, clock, key, logger, sealer } = this.#options
    const retries = background === 'none' ? AbortSignal.abort() : this.#closing.signal
    const revoke = async (): Promise<void> => {
      const token = await sealer.open(record.key, record.id, record.sealed)
      if (token === undefined) return
      const { core } = await this.#client.use()
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

  /** No more retries: waits for the revocations that are under way. */
  async close(): Promise<void> {
    this.#closing.abort()
    await Promise.all(this.#revoking)
  }
}
