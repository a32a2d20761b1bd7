import { Grants, type GrantsOptions } from '../../src/grants.ts'
import { OAuth2Client, type OAuth2ClientOptions } from '../../src/client/oauth2-client.ts'
import type { GrantEvents } from '../../src/model/events.ts'
import type { ProviderRefresh } from '../../src/model/provider.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import type { GrantStore } from '../../src/stores/store.ts'
import { fakeClock, type FakeClock } from '../../src/testing/fake-clock.ts'
import { FakeServer } from './fake-server.ts'

export const HOUR = 3_600_000

export interface Told {
  readonly name: keyof GrantEvents
  readonly event: GrantEvents[keyof GrantEvents]
}

/** A world in memory: one fake server, one store, any number of processes (each its own Grants over the store), one fake clock. */
export function world(
  options: {
    refresh?: ProviderRefresh
    client?: Partial<OAuth2ClientOptions>
    store?: GrantStore
    clock?: FakeClock
  } = {},
) {
  const clock = options.clock ?? fakeClock()
  const server = new FakeServer()
  const store = options.store ?? memoryStore({ clock })
  const makeClient = () =>
    new OAuth2Client({
      provider: options.refresh === undefined ? server.provider : { ...server.provider, refresh: options.refresh },
      clientId: 'client-id',
      clientSecret: 'client-secret',
      fetch: server.fetch,
      clock,
      ...options.client,
    })
  const told: Told[] = []
  const process = (more: Partial<GrantsOptions<{ acme: OAuth2Client }>> = {}) => {
    const grants = new Grants({ clients: { acme: makeClient() }, store, clock, ...more })
    for (const name of [
      'refreshed',
      'refresh_failed',
      'reauthorization_required',
      'save_delayed',
      'disconnected',
      'client_suspect',
    ] as const) {
      grants.on(name, (event) => void told.push({ name, event }))
    }
    return grants
  }
  return { clock, server, store, process, makeClient, told }
}

/** A stored grant whose access token expires after `ms`. */
export async function connected(
  grants: Grants<{ acme: OAuth2Client }>,
  server: FakeServer,
  clock: FakeClock,
  ms = HOUR,
  subject = 'f',
) {
  const issued = server.issue(subject)
  return grants.save('acme', subject, { ...issued, expires_at: (clock.now() + ms) / 1000 })
}

export const key = (subject = 'f') => ({ client: 'acme', subject, account: '' })

/** Another process claims the grant, and nothing more is heard of it. */
export async function claimedElsewhere(
  store: GrantStore,
  { leaseMs = 15_000, sendWithinMs = 5000 }: { readonly leaseMs?: number; readonly sendWithinMs?: number } = {},
): Promise<void> {
  const { record } = await store.read(key())
  const { id, version } = record!
  const intent = { hash: 'h', sendWithinMs }
  await store.claim(key(), { id, version, owner: 'another process', leaseMs, settleMs: 15_000, intent })
}

/** Runs work that waits on the fake clock: time goes on until it settles. */
export async function settled<T>(clock: FakeClock, work: Promise<T>, stepMs = 100, mostMs = 600_000): Promise<T> {
  const state = { done: false }
  const watched = work.finally(() => {
    state.done = true
  })
  watched.catch(() => undefined)
  await clock.advance(0)
  for (let waited = 0; !state.done && waited < mostMs; waited += stepMs) await clock.advance(stepMs)
  return watched
}

export const OPERATIONS = ['read', 'put', 'claim', 'commit', 'release', 'delete', 'once'] as const
export type Operation = (typeof OPERATIONS)[number]

/**
 * The store as an object of its own methods, without the optional parts of the contract: `around` runs each of the operations
 * above. Add others by spreading the result.
 */
export function wrapStore(
  store: GrantStore,
  around: (operation: Operation, real: () => Promise<unknown>, parameters: unknown[]) => Promise<unknown> = (
    _operation,
    real,
  ) => real(),
): GrantStore {
  const wrapped: Record<string, unknown> = {
    volatile: store.volatile,
    reseal: store.reseal.bind(store),
    list: store.list.bind(store),
    due: store.due.bind(store),
    close: store.close.bind(store),
  }
  for (const operation of OPERATIONS) {
    const real = (store[operation] as (...args: unknown[]) => Promise<unknown>).bind(store)
    wrapped[operation] = (...args: unknown[]) => around(operation, () => real(...args), args)
  }
  return wrapped as unknown as GrantStore
}
