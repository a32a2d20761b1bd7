import type { ReauthorizationReason } from './errors.ts'
import type { GrantKey } from './grant-key.ts'
import { unheeded } from '../util/promised.ts'

/** Why a refresh was made. */
export type RefreshCause = 'early' | 'spent' | 'rejected' | 'manual' | 'keep_alive'

/** The events of a session or of many grants; none carries a secret. Times (`at`) are milliseconds since the epoch. */
export interface GrantEvents {
  /** A new token was had. It is saved, unless `save_delayed` says otherwise. */
  refreshed: {
    key: GrantKey
    at: number
    cause: RefreshCause
    durationMs: number
    scopeChanged?: boolean
    idTokenDropped?: boolean
  }
  /** A refresh failed; the grant lives. */
  refresh_failed: { key: GrantKey; at: number; code: string; retryable: boolean; backoffUntil?: number }
  /** The grant died: the user has to log in again. */
  reauthorization_required: { key: GrantKey; at: number; reason: ReauthorizationReason }
  /** A new token is in memory and served, but could not be saved yet. */
  save_delayed: { key: GrantKey; at: number; attempts: number }
  /** A log-in was finished and its grant saved. `identityChanged`: it was another person's of the provider before. */
  connected: { key: GrantKey; at: number; scope?: readonly string[]; renewable: boolean; identityChanged?: boolean }
  /**
   * The grant was ended by the application. `notRevoked`: it was deleted here and left alone at the provider, because a revocation there would (or
   * might) end another grant of the same person too (`shared`), or because the application asked for that (`asked`).
   */
  disconnected: { key: GrantKey; at: number; notRevoked?: 'shared' | 'asked' }
  /** The registration, not the grants, seems broken: no grant is marked dead until one refresh succeeds. */
  client_suspect: { client: string; at: number; error: string }
}

/** A listener of one kind of event. What it throws or rejects with is ignored. */
export type GrantListener<K extends keyof GrantEvents> = (event: GrantEvents[K]) => void | Promise<void>

/** A small typed emitter: a listener that throws spoils nothing for the others. */
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
        // The listener's own problem: the grant's state must not depend on it.
      }
    }
  }
}
