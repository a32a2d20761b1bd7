import type { RequestListener } from 'node:http'
import { errors, Provider } from 'oidc-provider'
import { adapterFactory } from './adapters.ts'
import type { RegisteredClient } from './clients.ts'
import { providerConfiguration } from './configuration.ts'
import { asksOffline, Consents } from './consents.ts'
import { countRequests } from './count-requests.ts'
import { deviceFormGuard } from './device-form-guard.ts'
import { faultMiddleware } from './faults/fault-middleware.ts'
import type { FaultQueue } from './faults/fault-queue.ts'
import { FormRequests } from './form-requests.ts'
import { tokenInfoEndpoint, userInfoEndpoint } from './google-endpoints.ts'
import { interactions } from './interactions/interactions.ts'
import type { SigningKey } from './keys.ts'
import type { ResolvedOptions } from './options.ts'
import { watchProvider } from './provider-stats.ts'
import { ScopeCatalogue } from './scopes.ts'
import { siteMiddleware } from './site.ts'
import type { StatsCounter } from './stats.ts'
import { omitKeptRefreshToken, tokenLatency } from './token-endpoint.ts'
import type { UserDirectory } from './users.ts'

/** What an authorization server is made of. */
export interface AuthorizationServerParts {
  readonly issuer: string
  readonly settings: ResolvedOptions
  readonly clients: readonly RegisteredClient[]
  readonly users: UserDirectory
  readonly key: SigningKey
  readonly stats: StatsCounter
  readonly faults: FaultQueue
  readonly accessTokenSeconds: () => number
  /** Aborted when the provider closes. */
  readonly closing: AbortSignal
}

/** An oidc-provider with everything around it, not listening yet. */
export interface AuthorizationServer {
  readonly provider: Provider
  readonly listener: RequestListener
}

/**
 * Creates the oidc-provider and its listener.
 * @throws {TypeError} when a client cannot be registered as it is described
 */
export async function createAuthorizationServer(parts: AuthorizationServerParts): Promise<AuthorizationServer> {
  const { issuer, settings, clients, users, key, stats, faults, accessTokenSeconds, closing } = parts
  const scopes = new ScopeCatalogue(settings.scopes)
  const consents = new Consents()
  const requests = new FormRequests()
  const unrotated = new WeakSet<object>()
  const provider = new Provider(
    issuer,
    providerConfiguration({
      issuer,
      adapter: adapterFactory(settings.reuse, stats),
      clients,
      users,
      scopes,
      consents,
      key,
      accessTokenSeconds,
      refreshTokenSeconds: Math.ceil(settings.refreshTokenLifetimeMs / 1000),
      rotates: (request) => settings.rotate && !unrotated.has(request),
    }),
  )
  await checkClients(provider, clients)
  watchProvider(provider, stats)
  noteOfflineCodes(provider, consents)
  reportErrors(provider, settings.onError)
  provider.use(siteMiddleware({ issuer, clientId: settings.clientId, users }))
  provider.use(countRequests(requests, stats))
  provider.use(tokenLatency(settings.latencyMs, closing))
  provider.use(faultMiddleware({ requests, faults, stats, key, unrotated, closing }))
  provider.use(omitKeptRefreshToken(requests))
  provider.use(tokenInfoEndpoint(provider, users))
  provider.use(userInfoEndpoint(provider, users))
  provider.use(deviceFormGuard(provider))
  provider.use(interactions({ provider, users, scopes, consents }))
  return { provider, listener: requests.listener(provider) }
}

/** Checks a client's metadata now. Otherwise oidc-provider does so at the client's first request. */
async function checkClients(provider: Provider, clients: readonly RegisteredClient[]): Promise<void> {
  for (const { clientId } of clients) {
    try {
      await provider.Client.find(clientId)
    } catch (cause) {
      const reason = cause instanceof errors.OIDCProviderError ? cause.error_description : String(cause)
      throw new TypeError(`Expected a client that can be registered, got \`${clientId}\`: ${reason}`, { cause })
    }
  }
}

function noteOfflineCodes(provider: Provider, consents: Consents): void {
  provider.on('authorization.success', (ctx, response) => {
    const code = response?.['code']
    if (typeof code === 'string') consents.noteCode(code, asksOffline(ctx) && ctx.oidc.result?.consent !== undefined)
  })
}

function reportErrors(provider: Provider, onError: (error: Error) => void): void {
  provider.on('server_error', (_ctx, error) => onError(error))
  // Koa's own handler prints to the console, also when a client merely goes away.
  provider.onerror = (error) => {
    if (!isDisconnect(error)) onError(error)
  }
}

function isDisconnect(error: NodeJS.ErrnoException): boolean {
  return error.code === 'ECONNRESET' || error.code === 'EPIPE' || error.code === 'ERR_STREAM_PREMATURE_CLOSE'
}
