import type { ClientCore } from './internal-client.ts'
import { coreOf, type OAuth2Client } from './oauth2-client.ts'

/** They end with their clients. */
const cores = new WeakMap<OAuth2Client, Map<string, ClientCore>>()

/** A client as the refresh layer sees it, under the application's name of it: errors and logs have that one. The same each time. */
export function coreNamed(client: OAuth2Client, name: string): ClientCore {
  const core = coreOf(client)
  let named = cores.get(client)
  if (named === undefined) cores.set(client, (named = new Map()))
  let own = named.get(name)
  if (own === undefined) named.set(name, (own = core.named(name)))
  return own
}
