import type { InternalClient } from './internal-client.ts'
import { coreOf, type OAuth2Client } from './oauth2-client.ts'

/** They end with their clients. */
const cores = new WeakMap<OAuth2Client, Map<string, InternalClient>>()

/**
 * Returns a client as the refresh layer uses it, under the application's name of it, which errors and logs use. The
 * same each time.
 */
export function internalClientOf(client: OAuth2Client, name: string): InternalClient {
  const core = coreOf(client)
  let named = cores.get(client)
  if (named === undefined) cores.set(client, (named = new Map()))
  let own = named.get(name)
  if (own === undefined) named.set(name, (own = core.named(name)))
  return own
}
