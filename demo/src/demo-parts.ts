import type { Grants, GrantStore, OAuth2Client } from 'evergrant'
import type { Upstream } from './upstream/upstream.ts'
import type { PendingLogIns } from './web/pending-log-ins.ts'
import type { WebSessions } from './web/web-session.ts'

/** What the routes are made of. */
export interface DemoParts {
  /** Where browsers find the demo. */
  readonly publicUrl: URL
  readonly upstream: Upstream
  readonly client: OAuth2Client
  readonly store: GrantStore
  readonly grants: Grants
  readonly sessions: WebSessions
  readonly logIns: PendingLogIns
  /** Told of what went wrong in the demo itself. */
  readonly onError: (error: Error) => void
}
