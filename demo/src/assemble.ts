import { Grants, OAuth2Client, type GrantStore, type Logger } from 'evergrant'
import { keyRing } from 'evergrant/seal'
import type { DemoParts } from './demo-parts.ts'
import { FaultLab } from './faults/fault-lab.ts'
import { Journal } from './live/journal.ts'
import { Pair } from './pair/pair.ts'
import { titleOf, type StoreChoice } from './store/store-choice.ts'
import { Storm } from './storm/storm.ts'
import type { EmbeddedClient, Upstream } from './upstream/upstream.ts'
import { PendingLogins } from './web/pending-log-ins.ts'
import { WebSessions } from './web/web-session.ts'

export interface AssemblyOptions {
  readonly publicUrl: URL
  readonly upstream: Upstream
  readonly store: GrantStore
  readonly storeChoice: StoreChoice
  /** Sealing keys in `keyRing`'s form. */
  readonly keys: string
  readonly cookiePassword: string
  readonly tickMs: number
  readonly logger: Logger | undefined
  readonly onError: (error: Error) => void
}

/** Puts the library's parts together, and the demo's own around them. */
export function assemble(options: AssemblyOptions): DemoParts {
  const { cookiePassword, keys, logger, onError, publicUrl, store, storeChoice, tickMs, upstream } = options
  const redirectUri = new URL('/callback', publicUrl).href
  const client = new OAuth2Client({ ...upstream.client, redirectUri })
  const clientOf = (credentials: EmbeddedClient): OAuth2Client =>
    new OAuth2Client({ ...upstream.client, ...credentials })
  const journal = new Journal(logger)
  const grants = new Grants<Record<string, OAuth2Client>>({
    clients: {
      [upstream.name]: client,
      ...throwAwayClients(),
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
    storeTitle: titleOf(storeChoice),
    grants,
    sessions: new WebSessions({ ...cookies, client: upstream.name }),
    logins: new PendingLogins(cookies),
    journal,
    tickMs,
    experiments: experimentsOf(),
    onError,
  }

  function throwAwayClients(): Record<string, OAuth2Client> {
    if (upstream.embedded === undefined) return {}
    const { clients, names } = upstream.embedded
    return { [names.storm]: clientOf(clients.evergrant), [names.lab]: clientOf(clients.faultLab) }
  }

  function experimentsOf(): DemoParts['experiments'] {
    if (upstream.embedded === undefined) return undefined
    const { clients, names, provider } = upstream.embedded
    const { userInfoUrl } = upstream
    return {
      storm: new Storm({
        provider,
        usual: clients.usualCode,
        evergrant: { clientId: clients.evergrant.clientId, name: names.storm },
        grants,
        userInfoUrl,
      }),
      lab: new FaultLab({
        provider,
        clientId: clients.faultLab.clientId,
        client: names.lab,
        grants,
        store,
        journal,
        userInfoUrl,
        beatMs: tickMs,
      }),
      // What is in this process's memory is no meeting point for others.
      pair:
        storeChoice.kind === 'sqlite' && storeChoice.file === ':memory:'
          ? undefined
          : new Pair({ store: storeChoice, keys, onError }),
    }
  }
}
