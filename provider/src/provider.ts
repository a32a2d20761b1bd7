import { Provider, type Adapter, type Configuration } from 'oidc-provider'
import { registerClient } from './clients.ts'
import { providerConfiguration } from './configuration.ts'
import { asksOffline, Consents } from './consents.ts'
import { metadataOf, type ProviderMetadata } from './endpoints.ts'
import { FormRequests } from './form-requests.ts'
import { tokenInfoEndpoint, userInfoEndpoint } from './google-endpoints.ts'
import { interactions } from './interactions.ts'
import { signingKey } from './keys.ts'
import { mintGrants, type MintOptions, type TokenAnswer } from './mint.ts'
import { checkLifetime, resolveOptions, type ProviderOptions } from './options.ts'
import { watchProvider } from './provider-stats.ts'
import { ScopeCatalogue } from './scopes.ts'
import { closeServer, issuerOf, listen } from './server.ts'
import { siteMiddleware } from './site.ts'
import { StatsCounter, type ProviderStats } from './stats.ts'
import { MapAdapter, RefreshTokenAdapter } from './storage.ts'
import { tokenEndpoint } from './token-endpoint.ts'
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
  /** Where the ready client may be sent back to. */
  readonly redirectUris: readonly string[]
  /** What happened so far, at all clients together or at one. */
  stats(clientId?: string): ProviderStats
  /** Starts counting again at nothing. */
  resetStats(): void
  /**
   * Makes grants without a browser; 10,000 take about a second.
   * @throws {TypeError} when the user or the client is not known
   */
  mint(options?: MintOptions): Promise<TokenAnswer[]>
  /** Changes how long access tokens issued from now on live, in milliseconds, rounded up to whole seconds. */
  setAccessTokenLifetime(lifetimeMs: number): void
  /** Ends the provider and every connection, also those whose answer a fault withholds. */
  close(): Promise<void>
}

/**
 * Starts an authorization server shaped like Google's.
 * @throws {PortInUseError} when another program listens on the port
 * @throws {TypeError} when an option cannot be meant
 */
export async function startProvider(options: ProviderOptions = {}): Promise<DevelopmentProvider> {
  const settings = resolveOptions(options)
  const users = new UserDirectory(settings.users)
  const scopes = new ScopeCatalogue(settings.scopes)
  const { clientId, clientSecret, redirectUris } = settings
  const ready = registerClient({
    clientId,
    redirectUris,
    name: 'Evergrant demo',
    ...(clientSecret === undefined ? {} : { clientSecret }),
  })
  const key = await signingKey()
  const server = await listen(settings.host, settings.port)
  const url = issuerOf(server, settings.host)

  const stats = new StatsCounter()
  const consents = new Consents()
  const requests = new FormRequests()
  let accessTokenSeconds = wholeSeconds(settings.accessTokenLifetimeMs)
  const adapters = new Map<string, Adapter>()
  const adapter = (model: string): Adapter => {
    const known = adapters.get(model)
    if (known) return known
    const onRefusedReuse = (): void => {
      const ctx = Provider.ctx
      if (ctx?.oidc.route === 'token') stats.count('reuseDetections', ctx.oidc.client?.clientId)
    }
    const made = model === 'RefreshToken' ? new RefreshTokenAdapter(settings.reuse, onRefusedReuse) : new MapAdapter()
    adapters.set(model, made)
    return made
  }
  const configuration: Configuration = providerConfiguration({
    issuer: url,
    adapter,
    clients: [ready, ...settings.clients.map(registerClient)],
    users,
    scopes,
    consents,
    key,
    accessTokenSeconds: () => accessTokenSeconds,
    refreshTokenSeconds: wholeSeconds(settings.refreshTokenLifetimeMs),
    rotates: () => settings.rotate,
  })
  const provider = new Provider(url, configuration)
  watchProvider(provider, stats)
  provider.on('server_error', (_ctx, error) => settings.onError(error))
  provider.on('authorization.success', (ctx, response) => {
    const code = response?.['code']
    if (typeof code === 'string') consents.noteCode(code, asksOffline(ctx) && ctx.oidc.result?.consent !== undefined)
  })
  provider.use(siteMiddleware({ issuer: url, clientId, users }))
  provider.use(tokenEndpoint({ requests, stats, latencyMs: settings.latencyMs, rotate: settings.rotate }))
  provider.use(tokenInfoEndpoint(provider, users))
  provider.use(userInfoEndpoint(provider, users))
  provider.use(interactions({ provider, users, scopes, consents }))
  server.on('request', requests.listener(provider))

  return {
    url,
    metadata: metadataOf(url),
    clientId,
    clientSecret: ready.clientSecret ?? '',
    redirectUris,
    stats: (ofClient) => stats.read(ofClient),
    resetStats: () => stats.reset(),
    mint: (order) =>
      mintGrants({ provider, users, clientId, key, accessTokenSeconds: () => accessTokenSeconds }, order),
    setAccessTokenLifetime: (lifetimeMs) => {
      checkLifetime('lifetimeMs', lifetimeMs)
      accessTokenSeconds = wholeSeconds(lifetimeMs)
    },
    close: () => closeServer(server),
  }
}

function wholeSeconds(ms: number): number {
  return Math.ceil(ms / 1000)
}
