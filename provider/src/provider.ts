import type { Server } from 'node:http'
import { createAuthorizationServer } from './authorization-server.ts'
import { registerClient } from './clients.ts'
import { metadataOf, type ProviderMetadata } from './endpoints.ts'
import { FaultQueue } from './faults/fault-queue.ts'
import type { Fault, FaultOptions, OrderedFault, PlainFaultKind } from './faults/fault.ts'
import { randomSecret, signingKey } from './keys.ts'
import type { MintOptions, TokenAnswer } from './mint-options.ts'
import { mintGrants } from './mint.ts'
import { checkLifetime, resolveOptions, type ProviderOptions } from './options.ts'
import { closeServer, issuerOf, listen } from './server.ts'
import { StatsCounter, type ProviderStats } from './stats.ts'
import { UserDirectory } from './users.ts'

/** A running authorization server for development and tests. */
export interface DevelopmentProvider {
  /** The issuer, without a slash at its end. */
  readonly url: string
  /** All endpoints under their RFC 8414 names. */
  readonly metadata: ProviderMetadata
  /** The id of the ready client. */
  readonly clientId: string
  /** The secret of the ready client. */
  readonly clientSecret: string
  /** Redirect URIs of the ready client. */
  readonly redirectUris: readonly string[]
  /** Returns the counts so far, of all clients together or of one. */
  stats(clientId?: string): ProviderStats
  /** Resets the counts to 0. */
  resetStats(): void
  /**
   * Makes later responses fail, by default the response to the next refresh. Faults of the same target happen in the
   * order of these calls.
   * @throws {TypeError} when `times` is not a positive whole number or `Infinity`
   */
  fault(fault: Fault | PlainFaultKind, options?: FaultOptions): OrderedFault
  /** Returns the faults that have not happened `times` times yet. */
  pendingFaults(): OrderedFault[]
  /** Cancels every fault that has not happened. A request that hangs already continues to hang. */
  clearFaults(): void
  /**
   * Makes grants without a browser; 10,000 take about a second.
   * @throws {TypeError} when the user or the client is not known
   */
  mint(options?: MintOptions): Promise<TokenAnswer[]>
  /**
   * Changes the lifetime of access tokens issued from now on, in ms, rounded up to whole seconds.
   * @throws {TypeError} when it is not a positive number
   */
  setAccessTokenLifetime(lifetimeMs: number): void
  /** Closes the provider and every connection, also those whose response a fault withholds. */
  close(): Promise<void>
}

/**
 * Starts an authorization server shaped like Google's.
 * @throws {PortInUseError} when another program listens on the port
 * @throws {TypeError} when an option is invalid
 */
export async function startProvider(options: ProviderOptions = {}): Promise<DevelopmentProvider> {
  const settings = resolveOptions(options)
  const { clientId, clientSecret = randomSecret(), redirectUris } = settings
  const ready = registerClient({ clientId, clientSecret, redirectUris, name: 'Evergrant demo' })
  const users = new UserDirectory(settings.users)
  const key = await signingKey()
  const stats = new StatsCounter()
  const faults = new FaultQueue()
  const closing = new AbortController()
  let accessTokenSeconds = Math.ceil(settings.accessTokenLifetimeMs / 1000)

  const server = await listen(settings.host, settings.port)
  const url = issuerOf(server, settings.host)
  const { provider, listener } = await orClose(server, () =>
    createAuthorizationServer({
      issuer: url,
      settings,
      clients: [ready, ...settings.clients.map(registerClient)],
      users,
      key,
      stats,
      faults,
      accessTokenSeconds: () => accessTokenSeconds,
      closing: closing.signal,
    }),
  )
  server.on('request', listener)

  return {
    url,
    metadata: metadataOf(url),
    clientId,
    clientSecret,
    redirectUris,
    stats: (ofClient) => stats.read(ofClient),
    resetStats: () => stats.reset(),
    fault: (fault, order) => faults.order(fault, order),
    pendingFaults: () => faults.pending(),
    clearFaults: () => faults.clear(),
    mint: (order) =>
      mintGrants({ provider, users, clientId, key, accessTokenSeconds: () => accessTokenSeconds }, order),
    setAccessTokenLifetime: (lifetimeMs) => {
      checkLifetime('lifetimeMs', lifetimeMs)
      accessTokenSeconds = Math.ceil(lifetimeMs / 1000)
    },
    close: async () => {
      closing.abort()
      await closeServer(server)
    },
  }
}

/** The issuer needs the port, so that the server listens before a client's metadata can be refused. */
async function orClose<T>(server: Server, create: () => Promise<T>): Promise<T> {
  try {
    return await create()
  } catch (error) {
    await closeServer(server)
    throw error
  }
}
