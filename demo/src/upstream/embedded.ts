import { randomBytes } from 'node:crypto'
import { PortInUseError, startProvider } from '@evergrant/provider'
import { portTaken, usualProviderPort } from '../settings.ts'
import type { EmbeddedClient, Upstream } from './upstream.ts'

export interface EmbeddedOptions {
  readonly port: number
  readonly accessTokenLifetimeMs: number
  /** Kept across restarts, so that a restarted demo is the same client. */
  readonly clientSecret: string
  readonly redirectUri: string
  readonly onError: (error: Error) => void
}

/**
 * On this machine an answer takes milliseconds: one that is not there after so long won't come, and nobody who tries
 * the demo's faults should have to wait for it.
 */
const timeoutMs = 2000
const policy = { leaseMs: 3000, settleMs: 2000 }

/**
 * Starts the provider that runs beside the demo: it rotates refresh tokens and ends a grant whose used one comes again.
 * @throws SettingsError when its port is taken
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<Upstream> {
  const { accessTokenLifetimeMs, clientSecret, onError, port, redirectUri } = options
  const clients = {
    usualCode: throwAwayClient('storm-usual-code'),
    evergrant: throwAwayClient('storm-evergrant'),
    faultLab: throwAwayClient('fault-lab'),
  }
  const provider = await startProvider({
    port,
    accessTokenLifetimeMs,
    rotate: true,
    reuse: 'revoke',
    clientSecret,
    redirectUris: [redirectUri],
    clients: Object.values(clients).map((client) => ({ ...client, redirectUris: [] })),
    onError,
  }).catch((error: unknown) => {
    throw error instanceof PortInUseError ? portTaken(port, 'PROVIDER_PORT') : error
  })
  // Each demo has a provider of its own: in a store that several demos share, their grants must not be taken for one.
  const { port: ownPort } = new URL(provider.url)
  const named = (name: string): string => (Number(ownPort) === usualProviderPort ? name : `${name}-${ownPort}`)
  return {
    name: named('provider'),
    title: 'the development provider',
    client: {
      provider: {
        name: 'provider',
        server: provider.url,
        authorizationParams: { access_type: 'offline' },
        refresh: { rotates: true },
      },
      clientId: provider.clientId,
      clientSecret: provider.clientSecret,
      scope: ['openid', 'email', 'profile'],
      timeoutMs,
    },
    policy,
    userInfoUrl: provider.metadata.userinfo_endpoint,
    validation: { kind: 'tokeninfo', url: provider.metadata.tokeninfo_endpoint },
    embedded: { provider, clients, names: { storm: named('storm'), lab: named('lab') } },
  }
}

function throwAwayClient(clientId: string): EmbeddedClient {
  return { clientId, clientSecret: randomBytes(16).toString('base64url') }
}
