import type { GrantEvents, RefreshCause } from '../model/events.ts'
import type { ObserveRequest } from '../model/observer.ts'
import type { GrantRecord } from '../stores/store.ts'
import type { Token } from '../model/token.ts'
import type { RefreshContext } from './context.ts'
import type { ClientUse } from './grant-client.ts'
import type { ResolvedPolicy } from './policy.ts'
import type { TokenSaver } from './token-saver.ts'
import type { StoreClock } from './store-clock.ts'

/** What redeeming one grant requires. */
export interface RedemptionContext
  extends Pick<RefreshContext, 'key' | 'store' | 'clock' | 'sealer' | 'emitter' | 'logger'>, ClientUse {
  readonly storeClock: StoreClock
  readonly saver: TokenSaver
  readonly policy: ResolvedPolicy
  /** Sends token requests. @default unobserved */
  readonly observeRequest?: ObserveRequest | undefined
  /** Takes the result of a redemption whose response or save was late. */
  readonly adoptLate: (outcome: Outcome) => Promise<void>
  /** Continues a request that its callers no longer wait for. */
  readonly goOn: (work: () => Promise<void>) => void
  /** Runs work whose signal aborts when the application closes: what need not be done then is not repeated. */
  readonly whileOpen: (work: (closing: AbortSignal) => Promise<void>) => Promise<void>
}

/**
 * The outcome of an attempt to redeem.
 * - `renewed`: a new token, saved or (`unsaved`) being saved
 * - `stored`: another process changed the record, which is used
 * - `gone`: the grant no longer exists
 * - `busy`: another process holds the lease (for `leaseMs`) or the settle time of an earlier attempt runs (for
 *   `waitMs`)
 * - `later`: the back-off lasts until `until` (store time)
 */
export type Outcome =
  | {
      readonly kind: 'renewed'
      readonly record: GrantRecord
      readonly token: Token
      readonly unsaved: boolean
      /** Emitted once memory has the token, so that a listener's call gets it. */
      readonly event?: GrantEvents['refreshed']
    }
  | {
      readonly kind: 'stored'
      readonly record: GrantRecord
      /** The provider's error, if the record is marked as ended because of it. */
      readonly cause?: unknown
    }
  | { readonly kind: 'gone' }
  | { readonly kind: 'busy'; readonly waitMs: number; readonly leaseMs: number }
  | { readonly kind: 'later'; readonly until: number; readonly code: string }

/** The right of one flight to redeem. */
export interface Flight {
  readonly owner: string
  readonly record: GrantRecord
  readonly token: Token | undefined
  readonly hash: string
  readonly cause: RefreshCause
  readonly seal: (token: Token | undefined) => Promise<string>
  /** Converts received tokens to the store's time as known when the request was sent: lifetimes count from there. */
  readonly toStore: (token: Token) => Token
  /** Moves received tokens by how far this process's clock was set back since the request was sent. */
  readonly toNow: (token: Token) => Token
  /** Time since the claim was started, in ms. A machine's sleep counts. */
  readonly sinceClaim: () => number
  readonly everUnknown: boolean
}
