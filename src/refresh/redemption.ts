import type { InternalClient } from '../client/internal-client.ts'
import type { Clock } from '../util/clock.ts'
import type { Emitter, GrantEvents, RefreshCause } from '../model/events.ts'
import type { GrantKey } from '../model/grant-key.ts'
import type { Logger } from '../model/logger.ts'
import type { GrantRecord, GrantStore } from '../stores/store.ts'
import type { Token } from '../model/token.ts'
import type { ClientHealth } from './client-health.ts'
import type { Sealer } from './sealer.ts'
import type { ResolvedPolicy } from './policy.ts'
import type { TokenSaver } from './token-saver.ts'
import type { StoreClock } from './store-clock.ts'

/** Everything that redeeming one grant needs. */
export interface RedemptionContext {
  readonly key: GrantKey
  readonly store: GrantStore
  readonly clock: Required<Clock>
  readonly storeClock: StoreClock
  readonly sealer: Sealer
  readonly saver: TokenSaver
  readonly policy: ResolvedPolicy
  readonly core: InternalClient
  readonly health: ClientHealth
  readonly emitter: Emitter
  readonly logger: Logger | undefined
  /** Where a grant is renewed without a refresh token: asks for a new one. */
  readonly obtain: (() => Promise<Token>) | undefined
  /** Takes what came of a redemption whose answer or save was late. */
  readonly adoptLate: (outcome: Outcome) => Promise<void>
  /** Goes on with a request that its callers wait for no longer. */
  readonly goOn: (work: () => Promise<void>) => void
  /** Runs work whose signal aborts when the application closes: what need not be done then is not repeated. */
  readonly whileOpen: (work: (closing: AbortSignal) => Promise<void>) => Promise<void>
}

/**
 * What came of an attempt to redeem.
 * `renewed`: a new token, saved or (`unsaved`) on its way into the store. `stored`: somebody else changed the record: use it.
 * `gone`: the grant is not there any more. `busy`: another holds the lease (for `leaseMs`) or an earlier attempt is unsettled (for `waitMs`).
 * `later`: the back-off lasts until `until` (store time).
 */
export type Outcome =
  | {
      readonly kind: 'renewed'
      readonly record: GrantRecord
      readonly token: Token
      readonly unsaved: boolean
      /** Told once memory has the token, so that a listener's call gets it. */
      readonly event?: GrantEvents['refreshed']
    }
  | {
      readonly kind: 'stored'
      readonly record: GrantRecord
      /** What the provider said, when the record is dead because of it. */
      readonly cause?: unknown
    }
  | { readonly kind: 'gone' }
  | { readonly kind: 'busy'; readonly waitMs: number; readonly leaseMs: number }
  | { readonly kind: 'later'; readonly until: number; readonly code: string }

/** One flight's right to redeem. */
export interface Flight {
  readonly owner: string
  readonly record: GrantRecord
  readonly token: Token | undefined
  readonly hash: string
  readonly cause: RefreshCause
  readonly seal: (token: Token | undefined) => Promise<string>
  /** Tells what is received in the store's time, as it was known when the request was sent: lifetimes count from there. */
  readonly toStore: (token: Token) => Token
  /** Moves what is received by what this process's clock was set back since the request was sent. */
  readonly toNow: (token: Token) => Token
  /** How long ago its claim was begun, in milliseconds; a machine's sleep counts. */
  readonly sinceClaim: () => number
  readonly everUnknown: boolean
}
