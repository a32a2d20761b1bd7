import type { ReauthorizationReason } from './errors.ts'
import type { GrantKey } from './grant-key.ts'
import { unheeded } from '../util/promised.ts'

/** Why a refresh was made. */
export type RefreshCause = 'early' | 'spent' | 'rejected' | 'manual' | 'keep_alive'

/** The events of a session or of `Grants`. No event carries a secret. Times (`at`) are milliseconds since the epoch. */
export interface GrantEvents {
  /** Emitted when a refresh returned a new token. The token is saved unless `save_delayed` is emitted too. */
  refreshed: {
    key: GrantKey
    at: number
    cause: RefreshCause
    durationMs: number
    scopeChanged?: boolean
    idTokenDropped?: boolean
  }
  /** Emitted when a refresh failed and the grant has not ended. */
  refresh_failed: { key: GrantKey; at: number; code: string; retryable: boolean; backoffUntil?: number }
  /** Emitted when the grant ended: the user must log in again. */
  reauthorization_required: { key: GrantKey; at: number; reason: ReauthorizationReason }
  /** Emitted when a new token is returned from memory but could not be saved yet. */
  save_delayed: { key: GrantKey; at: number; attempts: number }
  /**
   * Emitted when a login was completed and its grant saved. `identityChanged`: the previous grant belonged to another
   * user of the provider.
   */
  connected: { key: GrantKey; at: number; scope?: readonly string[]; renewable: boolean; identityChanged?: boolean }
  /**
   * Emitted when the application disconnected the grant. `notRevoked`: the grant was deleted here but not revoked at
   * the provider. `shared`: a revocation would (or might) end another grant of the same user too. `asked`: the
   * application requested it.
   */
  disconnected: { key: GrantKey; at: number; notRevoked?: 'shared' | 'asked' }
  /**
   * Emitted when the registration, not the grants, seems broken. No grant is marked as ended until a refresh succeeds.
   */
  client_suspect: { client: string; at: number; error: string }
}

/** A listener of one kind of event. Its exceptions and rejections are ignored. */
export type GrantListener<K extends keyof GrantEvents> = (event: GrantEvents[K]) => void | Promise<void>

/** A small typed emitter. A listener that throws does not affect the others. */
export class Emitter {
  readonly #listeners = new Map<keyof GrantEvents, Set<(event: never) => void | Promise<void>>>()

  on<K extends keyof GrantEvents>(name: K, listener: GrantListener<K>): () => void {
    let listeners = this.#listeners.get(name)
    if (listeners === undefined) this.#listeners.set(name, (listeners = new Set()))
    listeners.add(listener)
    return () => listeners.delete(listener)
  }

  emit<K extends keyof GrantEvents>(name: K, event: GrantEvents[K]): void {
    for (const listener of this.#listeners.get(name) ?? []) {
      try {
        unheeded((listener as GrantListener<K>)(event))
      } catch {
        // The grant's state must not depend on a listener.
      }
    }
  }
}
