import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { startProvider, type DevelopmentProvider, type ProviderOptions } from '../../provider/src/index.ts'
import { Browser, formOf, type LoadedPage } from '../../provider/test/browser.ts'
import { OAuth2Client, type OAuth2ClientOptions } from '../../src/client/oauth2-client.ts'
import type { GrantEvents } from '../../src/model/events.ts'
import { Grants, type GrantsOptions } from '../../src/grants.ts'
import type { ProviderRefresh } from '../../src/model/provider.ts'
import { generateKey, keyRing, type KeyRing } from '../../src/seal/index.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { sqliteStore } from '../../src/stores/sqlite/index.ts'
import type { GrantRecord, GrantStore } from '../../src/stores/store.ts'
import { travellingClock, type TravellingClock } from './travelling-clock.ts'

export const HOUR = 3_600_000
export const CALLBACK = 'http://localhost:3000/callback'

/** Starts a provider that ends with the test. */
export async function provide(options: ProviderOptions = {}): Promise<DevelopmentProvider> {
  const provider = await startProvider(options)
  onTestFinished(() => provider.close())
  return provider
}

/** Serves on a free port until the test ends. */
export async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** A file that is there for one test. */
export function temporaryFile(name = 'grants.db'): string {
  const folder = mkdtempSync(join(tmpdir(), 'evergrant-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, name)
}

/** Asks repeatedly until the result is true. Rejects after ten seconds. */
export async function until(done: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const end = performance.now() + 10_000
  while (!(await done())) {
    if (performance.now() > end) throw new Error(`Waited ten seconds without success until ${what}.`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** A browser that is sent back to the application of these tests. */
export const browser = (redirectUri = CALLBACK): Browser => new Browser(redirectUri)

/** Goes through the provider's pages as this user, and returns the URL to which the browser is redirected. */
export async function logIn(
  url: string,
  options: { readonly browser?: Browser; readonly user?: 'alice' | 'bob'; readonly decision?: 'allow' | 'deny' } = {},
): Promise<string> {
  const { browser: used = browser(), user = 'alice', decision = 'allow' } = options
  const password = { alice: 'wonderland', bob: 'builder' }[user]
  let page: LoadedPage = await used.open(url)
  for (let pages = 0; page.status !== 0; pages += 1) {
    if (pages > 3) throw new Error(`Expected to be sent back, got: ${page.text}`)
    const { fields } = formOf(page)
    if (fields.has('username')) {
      fields.set('username', user)
      fields.set('password', password)
    } else fields.set('decision', decision)
    page = await used.submit(page, ({ action }) => ({ action, fields }))
  }
  return page.url
}

/** The form and the response of every token request, and the forms of revocation requests. */
export function recordingFetch() {
  const requests: {
    readonly url: string
    readonly headers: Headers
    readonly form: URLSearchParams
    answer: Record<string, unknown>
  }[] = []
  const recording: typeof globalThis.fetch = async (input, init) => {
    const form = new URLSearchParams(init?.body instanceof URLSearchParams ? init.body : '')
    const entry = {
      url: String(input instanceof Request ? input.url : input),
      headers: new Headers(init?.headers),
      form,
      answer: {},
    }
    requests.push(entry)
    const response = await fetch(input, init)
    entry.answer = (await response
      .clone()
      .json()
      .catch(() => ({}))) as Record<string, unknown>
    return response
  }
  return { fetch: recording, requests }
}

export interface Told {
  readonly name: keyof GrantEvents
  readonly event: GrantEvents[keyof GrantEvents]
}

const EVENTS: Record<keyof GrantEvents, true> = {
  refreshed: true,
  refresh_failed: true,
  reauthorization_required: true,
  save_delayed: true,
  connected: true,
  disconnected: true,
  client_suspect: true,
}
export const EVENT_NAMES = Object.keys(EVENTS) as (keyof GrantEvents)[]

/** The ready client of a provider, as the library has it. */
export function clientOf(
  provider: DevelopmentProvider,
  options: Partial<OAuth2ClientOptions> & { readonly refresh?: ProviderRefresh } = {},
): OAuth2Client {
  const { refresh, ...rest } = options
  return new OAuth2Client({
    provider: { name: 'acme', server: { ...provider.metadata }, ...(refresh !== undefined && { refresh }) },
    clientId: provider.clientId,
    clientSecret: provider.clientSecret,
    redirectUri: CALLBACK,
    scope: ['openid', 'email', 'profile'],
    ...rest,
  })
}

export type AcmeGrants = Grants<{ acme: OAuth2Client }>

/** One process's `Grants`, with everything that it emitted and logged. */
export function grantsOf(
  client: OAuth2Client,
  options: Partial<GrantsOptions<{ acme: OAuth2Client }>> = {},
): AcmeGrants & { readonly told: readonly Told[] } {
  const grants = new Grants({ clients: { acme: client }, ...options })
  const told: Told[] = []
  for (const name of EVENT_NAMES) grants.on(name, (event) => void told.push({ name, event }))
  return Object.assign(grants, { told })
}

export type StoreKind = 'memory' | 'SQLite'
export const STORE_KINDS: readonly StoreKind[] = ['memory', 'SQLite']

/** A store of one kind, with the keys that it takes and its file. */
export function storeOf(
  kind: StoreKind,
  clock: TravellingClock,
): { readonly store: GrantStore; readonly keys?: KeyRing; readonly file?: string } {
  if (kind === 'memory') return { store: memoryStore({ clock }) }
  const file = temporaryFile()
  return { store: sqliteStore(file, { clock }), keys: keyRing(`k1:${generateKey()}`), file }
}

/** What one test with a provider, a client, a store and a clock has. */
export interface World {
  readonly provider: DevelopmentProvider
  readonly client: OAuth2Client
  readonly store: GrantStore
  readonly keys: KeyRing | undefined
  /** Where an SQLite store has its file. */
  readonly file: string | undefined
  readonly clock: TravellingClock
  readonly grants: ReturnType<typeof grantsOf>
  /** What the store has of alice's grant. */
  record(): Promise<GrantRecord>
}

/** Longer than any request takes on a busy machine: what has to wait for them in a test travels. */
export const POLICY = { leaseMs: 12_000, settleMs: 9_000, spentMs: 60_000 } as const
export const TIMEOUT_MS = 8_000

/** A provider, and one process that uses it. The provider's access tokens live for an hour. */
export async function world(
  options: {
    readonly provider?: ProviderOptions
    readonly refresh?: ProviderRefresh
    readonly store?: StoreKind
    readonly client?: Partial<OAuth2ClientOptions>
    readonly grants?: Partial<GrantsOptions<{ acme: OAuth2Client }>>
  } = {},
): Promise<World> {
  const provider = await provide({ rotate: true, accessTokenLifetimeMs: HOUR, ...options.provider })
  const clock = travellingClock()
  const client = clientOf(provider, {
    clock,
    timeoutMs: TIMEOUT_MS,
    ...(options.refresh !== undefined && { refresh: options.refresh }),
    ...options.client,
  })
  const stored = storeOf(options.store ?? 'memory', clock)
  const { store, keys } = stored
  const grants = grantsOf(client, {
    store,
    ...(keys !== undefined && { keys }),
    clock,
    policy: POLICY,
    ...options.grants,
  })
  onTestFinished(() => {
    // Whatever is still waited for ends now.
    clock.travel(HOUR)
    return grants.close()
  })
  return {
    provider,
    client,
    store: stored.store,
    keys: stored.keys,
    file: stored.file,
    clock,
    grants,
    record: async () => {
      const { record } = await stored.store.read({ client: 'acme', subject: 'alice', account: '' })
      if (record === undefined) throw new Error('Expected a record of alice’s grant.')
      return record
    },
  }
}
