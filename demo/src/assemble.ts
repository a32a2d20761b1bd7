import { Grants, OAuth2Client, type Logger } from 'evergrant'
import { keyRing } from 'evergrant/seal'
import { sqliteStore } from 'evergrant/sqlite'
import type { DemoParts } from './demo-parts.ts'
import { FaultLab } from './faults/fault-lab.ts'
import { Journal } from './live/journal.ts'
import { Storm } from './storm/storm.ts'
import type { EmbeddedClient, Upstream } from './upstream/upstream.ts'
import { PendingLogIns } from './web/pending-log-ins.ts'
import { WebSessions } from './web/web-session.ts'

export interface AssemblyOptions {
  readonly publicUrl: URL
  readonly upstream: Upstream
  readonly database: string
  /** Sealing keys in `keyRing`'s form. */
  readonly keys: string
  readonly cookiePassword: string
  readonly tickMs: number
  readonly logger: Logger | undefined
  readonly onError: (error: Error) => void
}

/** The names in `Grants` of the clients that have throw-away grants only. */
const stormClient = 'storm'
const labClient = 'lab'

/** Puts the library's parts together, and the demo's own around them. */
export function assemble(options: AssemblyOptions): DemoParts {
  const { cookiePassword, database, keys, logger, onError, publicUrl, tickMs, upstream } = options
  const redirectUri = new URL('/callback', publicUrl).href
  const client = new OAuth2Client({ ...upstream.client, redirectUri })
  const others = upstream.embedded?.clients
  const clientOf = (credentials: EmbeddedClient): OAuth2Client =>
    new OAuth2Client({ ...upstream.client, ...credentials })
  const store = sqliteStore(database)
  const journal = new Journal(logger)
  const grants = new Grants<Record<string, OAuth2Client>>({
    clients: {
      [upstream.name]: client,
      ...(others && { [stormClient]: clientOf(others.evergrant), [labClient]: clientOf(others.faultLab) }),
    },
    store,
    keys: keyRing(keys),
    logger: journal.logger,
    ...(upstream.policy && { policy: upstream.policy }),
  })
  journal.follow(grants)
  const cookies = { password: cookiePassword, publicUrl }
  return {
    publicUrl,
    upstream,
    client,
    store,
    grants,
    sessions: new WebSessions({ ...cookies, client: upstream.name }),
    logIns: new PendingLogIns(cookies),
    journal,
    tickMs,
    experiments: experimentsOf(),
    onError,
  }

  function experimentsOf(): DemoParts['experiments'] {
    if (upstream.embedded === undefined) return undefined
    const { clients, provider } = upstream.embedded
    const { userInfoUrl } = upstream
    return {
      storm: new Storm({
        provider,
        usual: clients.usualCode,
        evergrant: { clientId: clients.evergrant.clientId, name: stormClient },
        grants,
        userInfoUrl,
      }),
      lab: new FaultLab({
        provider,
        clientId: clients.faultLab.clientId,
        client: labClient,
        grants,
        store,
        journal,
        userInfoUrl,
        beatMs: tickMs,
      }),
    }
  }
}
