import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import type { Logger } from 'evergrant'
import { createApp } from './app.ts'
import { assemble } from './assemble.ts'
import { loadSecrets, type DemoSecrets } from './secrets-file.ts'
import { portTaken, type Settings } from './settings.ts'
import { openStore, type OpenedStore } from './store/open-store.ts'
import { titleOf } from './store/store-choice.ts'
import { startEmbedded } from './upstream/embedded.ts'
import { googleUpstream } from './upstream/google.ts'
import { issuerUpstream } from './upstream/issuer.ts'
import type { Upstream } from './upstream/upstream.ts'

export interface DemoOptions {
  readonly settings: Settings
  /** How long access tokens of the embedded provider live. @default 60_000 */
  readonly accessTokenLifetimeMs?: number
  /** How often an open page asks for its token, and the fault laboratory for its profile. @default 1_000 */
  readonly tickMs?: number
  /** Gets the library's log. */
  readonly logger?: Logger
  /** Told of what goes wrong in the demo itself. */
  readonly onError?: (error: Error) => void
}

/** A running demo. */
export interface Demo {
  /** Where to open it. */
  readonly url: string
  readonly upstream: Upstream
  /** What the store is called: its kind and where it is, without a password. */
  readonly storeTitle: string
  close(): Promise<void>
}

/**
 * Starts the demo, and the embedded provider unless another one was chosen.
 * @throws SettingsError with one line for the person who starts it
 */
export async function startDemo(options: DemoOptions): Promise<Demo> {
  const { settings, onError = () => {} } = options
  const secrets = loadSecrets(settings)
  // The provider has to know the address that the user is sent back to, so the demo listens first.
  let handle = (_request: Request): Response | Promise<Response> => new Response('Starting', { status: 503 })
  const server = createAdaptorServer({ fetch: (request) => handle(request) }) as Server
  await listen(server, settings)
  const publicUrl = new URL(`http://localhost:${(server.address() as AddressInfo).port}`)
  let upstream: Upstream | undefined
  let opened: OpenedStore | undefined
  try {
    opened = await openStore(settings.store)
    const { end, store } = opened
    upstream = await openUpstream(options, secrets, publicUrl)
    const parts = assemble({
      publicUrl,
      upstream,
      store,
      storeChoice: settings.store,
      keys: secrets.keys,
      cookiePassword: secrets.cookiePassword,
      tickMs: options.tickMs ?? 1000,
      logger: options.logger,
      onError,
    })
    const app = createApp(parts)
    handle = (request) => app.fetch(request)
    const { embedded } = upstream
    return {
      url: publicUrl.href,
      upstream,
      storeTitle: titleOf(settings.store),
      close: async () => {
        parts.experiments?.lab.close()
        await parts.experiments?.pair?.close()
        await closeServer(server)
        // Whatever hangs there must not hold up the end; what the provider knew ends with it anyway.
        await embedded?.provider.close()
        await parts.grants.close()
        await end()
      },
    }
  } catch (error) {
    await closeServer(server)
    await upstream?.embedded?.provider.close()
    await opened?.end()
    throw error
  }
}

function openUpstream(
  { accessTokenLifetimeMs = 60_000, onError = () => {}, settings }: DemoOptions,
  { clientSecret }: DemoSecrets,
  publicUrl: URL,
): Promise<Upstream> {
  const { upstream } = settings
  if (upstream.kind === 'google') return Promise.resolve(googleUpstream(upstream))
  if (upstream.kind === 'issuer') return issuerUpstream(upstream)
  return startEmbedded({
    port: settings.providerPort,
    accessTokenLifetimeMs,
    clientSecret,
    redirectUri: new URL('/callback', publicUrl).href,
    onError,
  })
}

function listen(server: Server, { host, port }: Settings): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(error.code === 'EADDRINUSE' ? portTaken(port, 'PORT') : error)
    })
    server.listen(port, host, resolve)
  })
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
