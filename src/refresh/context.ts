import type { Clock } from '../util/clock.ts'
import type { Emitter } from '../model/events.ts'
import type { GrantKey } from '../model/grant-key.ts'
import type { Logger } from '../model/logger.ts'
import type { Observers } from '../model/observer.ts'
import type { GrantStore } from '../stores/store.ts'
import type { Token } from '../model/token.ts'
import type { Background } from './background.ts'
import type { Sealer } from './sealer.ts'
import type { ClientSource } from './grant-client.ts'
import type { RefreshPolicy } from './policy.ts'

/** The parts of a live grant. */
export interface RefreshContext {
  readonly key: GrantKey
  readonly client: ClientSource
  readonly store: GrantStore
  readonly sealer: Sealer
  readonly policy: RefreshPolicy
  readonly background: Background
  readonly emitter: Emitter
  readonly observers: Observers
  readonly clock: Required<Clock>
  readonly logger: Logger | undefined
  /** Whether it is refreshed without a refresh token. */
  readonly obtainable: boolean
  readonly onToken?: ((token: Token) => void | Promise<void>) | undefined
  /** Whether only this live grant writes to the store. */
  readonly alone: boolean
  /** The token that a live grant with its own store starts with. */
  readonly seed?: Token | undefined
}
