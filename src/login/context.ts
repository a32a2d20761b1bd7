import type { InternalClient } from '../client/internal-client.ts'
import type { Clock } from '../util/clock.ts'
import type { Emitter } from '../model/events.ts'
import type { GrantKey } from '../model/grant-key.ts'
import type { Logger } from '../model/logger.ts'
import type { Observers } from '../model/observer.ts'
import type { GrantStore } from '../stores/store.ts'
import type { Background } from '../refresh/background.ts'
import type { LiveGrant } from '../refresh/live-grant.ts'
import type { Sealer } from '../refresh/sealer.ts'

/** What logins require of the grants. */
export interface LoginsContext {
  readonly store: GrantStore
  readonly sealer: Sealer
  readonly clock: Required<Clock>
  readonly background: Background
  readonly emitter: Emitter
  readonly observers: Observers
  readonly logger: Logger | undefined
  readonly coreOf: (client: string) => Promise<InternalClient>
  readonly liveGrantOf: (key: GrantKey) => LiveGrant
}
