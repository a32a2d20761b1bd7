import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import { PortInUseError, startProvider, type DevelopmentProvider } from '@evergrant/provider'
import { Grants, OAuth2Client, type Logger } from 'evergrant'
import { keyRing } from 'evergrant/seal'
import { sqliteStore } from 'evergrant/sqlite'
import { createApp } from './app.ts'
import { loadSecrets, type DemoSecrets } from './secrets-file.ts'
import { SettingsError, type Settings } from './settings.ts'
import { embeddedUpstream } from './upstream/embedded.ts'
import { googleUpstream } from './upstream/google.ts'
import { issuerUpstream } from './upstream/issuer.ts'
import type { Upstream } from './upstream/upstream.ts'
import { PendingLogIns } from './web/pending-log-ins.ts'
import { WebSessions } from './web/web-session.ts'

export interface DemoOptions {
  readonly settings: Settings
  /** How long access tokens of the embedded provider live. @default 60_000 */
  readonly accessTokenLifetimeMs?: number
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
  close(): Promise<void>
}

/**
 * Starts the demo, and the embedded provider unless another one was chosen.
 * @throws SettingsError with one line for the person who starts it
 */
export async function startDemo(options: DemoOptions): Promise<Demo> {
  const { settings } = options
  const secrets = loadSecrets(settings.database)
  // The provider has to know the address that the user is sent back to, so the demo listens first.
  let handle: (request: Request) => Response | Promise<Response> = () => new Response('Starting', { status: 503 })
  const server = createAdaptorServer({ fetch: (request) => handle(request) }) as Server
  await listen(server, settings)
  const publicUrl = new URL(`http://localhost:${(server.address() as AddressInfo).port}`)
  try {
    const upstream = await openUpstream(options, secrets, publicUrl)
    const client = new OAuth2Client({
      ...upstream.client,
      redirectUri: new URL('/callback', publicUrl).href,
      ...(options.logger && { logger: options.logger }),
    })
    const store = sqliteStore(settings.database)
    const grants = new Grants({
      clients: { [upstream.name]: client },
      store,
      keys: keyRing(settings.keys ?? secrets.keys),
      ...(options.logger && { logger: options.logger }),
    })
    const cookies = { password: secrets.cookiePassword, publicUrl }
    const app = createApp({
      publicUrl,
      upstream,
      client,
      store,
      grants,
      sessions: new WebSessions(cookies),
      logIns: new PendingLogIns(cookies),
      onError: options.onError ?? (() => {}),
    })
    handle = (request) => app.fetch(request)
    return {
      url: publicUrl.href,
      upstream,
      close: async () => {
        await closeServer(server)
        await grants.close()
        await upstream.embedded?.close()
      },
    }
  } catch (error) {
    await closeServer(server)
    throw error
  }
}

async function openUpstream(
  { accessTokenLifetimeMs = 60_000, onError, settings }: DemoOptions,
  { clientSecret }: DemoSecrets,
  publicUrl: URL,
): Promise<Upstream> {
  const { upstream } = settings
  if (upstream.kind === 'google') return googleUpstream(upstream)
  if (upstream.kind === 'issuer') return issuerUpstream(upstream)
  return embeddedUpstream(await startEmbedded())

  async function startEmbedded(): Promise<DevelopmentProvider> {
    try {
      return await startProvider({
        port: settings.providerPort,
        accessTokenLifetimeMs,
        rotate: true,
        reuse: 'revoke',
        clientSecret,
        redirectUris: [new URL('/callback', publicUrl).href],
        ...(onError && { onError }),
      })
    } catch (error) {
      if (error instanceof PortInUseError) throw portTaken(settings.providerPort, 'PROVIDER_PORT')
      throw error
    }
  }
}

function listen(server: Server, { host, port }: Settings): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(error.code === 'EADDRINUSE' ? portTaken(port, 'PORT') : error)
    })
    server.listen(port, host, resolve)
  })
}

function portTaken(port: number, variable: string): SettingsError {
  return new SettingsError(
    `Port ${port} is taken. End the program that listens there, or choose another one: ${variable}=${port + 10} npm start`,
  )
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
