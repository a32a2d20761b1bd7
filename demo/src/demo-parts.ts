import type { Grants, GrantStore, OAuth2Client } from 'evergrant'
import type { FaultLab } from './faults/fault-lab.ts'
import type { Journal } from './live/journal.ts'
import type { Pair } from './pair/pair.ts'
import type { Storm } from './storm/storm.ts'
import type { Upstream } from './upstream/upstream.ts'
import type { PendingLogins } from './web/pending-log-ins.ts'
import type { WebSessions } from './web/web-session.ts'

/** What the routes are made of. */
export interface DemoParts {
  /** Where browsers find the demo. */
  readonly publicUrl: URL
  readonly upstream: Upstream
  readonly client: OAuth2Client
  readonly store: GrantStore
  /** What the store is called. */
  readonly storeTitle: string
  readonly grants: Grants
  readonly sessions: WebSessions
  readonly logins: PendingLogins
  readonly journal: Journal
  /** How often an open page asks for the token. */
  readonly tickMs: number
  /** What only a provider in this process can show. */
  readonly experiments:
    | {
        readonly storm: Storm
        readonly lab: FaultLab
        /** Absent where the store is of this process alone. */
        readonly pair: Pair | undefined
      }
    | undefined
  /** Told of what went wrong in the demo itself. */
  readonly onError: (error: Error) => void
}
