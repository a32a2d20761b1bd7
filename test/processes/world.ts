import { Agent } from 'undici'

import type { DevelopmentProvider } from '../../provider/src/index.ts'
import { OAuth2Client } from '../../src/client/oauth2-client.ts'
import { Grants } from '../../src/grants.ts'
import type { ProviderRefresh, ServerMetadata } from '../../src/model/provider.ts'
import type { RefreshPolicy } from '../../src/refresh/policy.ts'
import { keyRing } from '../../src/seal/index.ts'
import { undiciTransport } from '../../src/undici/index.ts'
import { open, type OpenedStore, type Place } from './stores.ts'

/** Everything that a process needs to share the grants. It can be sent over a process's channel. */
export interface World {
  readonly place: Place
  readonly server: ServerMetadata
  readonly clientId: string
  readonly clientSecret: string
  readonly keys: string
  readonly refresh?: ProviderRefresh
  readonly timeoutMs?: number
  readonly policy?: RefreshPolicy
  /** Whether token requests use undici's own interface. @default fetch */
  readonly undici?: boolean
}

export type AcmeGrants = Grants<{ acme: OAuth2Client }>

export const serverOf = ({ metadata }: DevelopmentProvider, tokenEndpoint?: string): ServerMetadata => ({
  ...metadata,
  ...(tokenEndpoint !== undefined && { token_endpoint: tokenEndpoint }),
})

/** This process's share of a world. */
export interface Share extends OpenedStore {
  readonly grants: AcmeGrants
  close(): Promise<void>
}

export function share(world: World): Share {
  const { clientId, clientSecret, keys, place, policy, refresh, server, timeoutMs, undici } = world
  const acme = new OAuth2Client({
    provider: { name: 'acme', server, ...(refresh !== undefined && { refresh }) },
    clientId,
    clientSecret,
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(undici === true && { transport: undiciTransport(new Agent()) }),
  })
  const opened = open(place)
  const { store } = opened
  const grants = new Grants({
    clients: { acme },
    store,
    keys: keyRing(keys),
    ...(policy !== undefined && { policy }),
  })
  return {
    ...opened,
    grants,
    close: async () => {
      await grants.close()
      await opened.end()
    },
  }
}

/** Asks until the result is true. Rejects if that takes longer than `limitMs`. */
export async function until(what: string, done: () => boolean | Promise<boolean>, limitMs = 30_000): Promise<void> {
  const end = performance.now() + limitMs
  while (!(await done())) {
    if (performance.now() > end) throw new Error(`Waited ${limitMs} ms without success until ${what}.`)
    await pause(5)
  }
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
}
