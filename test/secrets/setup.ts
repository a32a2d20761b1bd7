import { existsSync, readFileSync } from 'node:fs'
import { onTestFinished } from 'vitest'
import type { DevelopmentProvider } from '../../provider/src/index.ts'
import { OAuth2Client, type OAuth2ClientOptions } from '../../src/client/oauth2-client.ts'
import type { Logger } from '../../src/model/logger.ts'
import { generateKey, keyRing, type KeyRing } from '../../src/seal/index.ts'
import { sqliteStore } from '../../src/stores/sqlite/index.ts'
import type { GrantStore } from '../../src/stores/store.ts'
import type { Instrumentable, InstrumentOptions } from '../../src/telemetry/index.ts'
import {
  CALLBACK,
  EVENT_NAMES,
  grantsOf,
  HOUR,
  logIn,
  POLICY,
  provide,
  temporaryFile,
  TIMEOUT_MS,
} from '../integration/setup.ts'
import { travellingClock, type TravellingClock } from '../integration/travelling-clock.ts'
import { sdk } from '../telemetry/setup.ts'
import { Planted } from './planted.ts'
import { viewsOf } from './views.ts'

/** A way in which a request fails: instead of the request, or with its response. */
export type Sabotage = (request: {
  readonly url: string
  readonly init: RequestInit | undefined
  /** Each secret in the request. */
  readonly secrets: readonly string[]
  /** All of the request, also decoded, in one text. */
  readonly everything: string
}) => Promise<Response>

/** A stage on which every secret is planted, and all output is kept. */
export interface Stage {
  readonly provider: DevelopmentProvider
  readonly client: OAuth2Client
  readonly grants: ReturnType<typeof grantsOf>
  readonly store: GrantStore
  readonly keys: KeyRing
  readonly clock: TravellingClock
  readonly file: string
  readonly planted: Planted
  readonly logger: Logger
  readonly fetch: typeof globalThis.fetch
  /** Makes requests fail until it is removed. */
  sabotage: Sabotage | undefined
  /** Number of requests that met a sabotage so far. */
  readonly sabotaged: number
  /** Keeps output under a label. */
  out(label: string, value: unknown, views?: { readonly json?: boolean }): void
  /** Runs one operation, keeps its outcome and returns it. */
  run(label: string, work: () => Promise<unknown>): Promise<unknown>
  /** Observes grants or a session with everything that telemetry can show. */
  observe(source: Instrumentable, options?: InstrumentOptions): void
  /** Keeps what the exporters of spans and metrics received so far. Resolves to the number of spans. */
  outTelemetry(): Promise<number>
  /** Every leak in the output so far. */
  leaks(): string[]
  readonly lines: number
}

/** Short, so that a test can wait for several expiries within the hour of an ID token. */
export const LIFETIME_MS = 600_000

const SECRET = 'planted client secret: ~%+/&="'

const SECRET_MEMBERS = ['code', 'code_verifier', 'refresh_token', 'token', 'client_secret'] as const

/** The secrets of a request. */
function secretsOf(init: RequestInit | undefined): string[] {
  const form = init?.body instanceof URLSearchParams ? init.body : new URLSearchParams()
  const [scheme, credentials = ''] = (new Headers(init?.headers).get('authorization') ?? '').split(' ')
  const pair = scheme === 'Basic' ? Buffer.from(credentials, 'base64').toString() : ''
  const password = decodeURIComponent(pair.slice(pair.indexOf(':') + 1))
  const members = SECRET_MEMBERS.map((name) => form.get(name) ?? '')
  return [...members, credentials, password].filter((value) => value !== '')
}

/** Everything that the server and the proxies know of a request, as one text. */
function everythingOf(init: RequestInit | undefined): string {
  const form = init?.body instanceof URLSearchParams ? init.body : new URLSearchParams()
  return [form.toString(), ...secretsOf(init), JSON.stringify([...new Headers(init?.headers)])].join(' ')
}

export async function stage(
  options: {
    readonly client?: Partial<OAuth2ClientOptions>
    readonly store?: (store: GrantStore, planted: Planted) => GrantStore
  } = {},
): Promise<Stage> {
  const provider = await provide({ rotate: true, accessTokenLifetimeMs: LIFETIME_MS, clientSecret: SECRET })
  const planted = new Planted()
  planted.add('client secret', SECRET)
  const outputs: { readonly label: string; readonly text: string }[] = []
  const known = new Set<string>()
  const out: Stage['out'] = (label, value, views) => {
    for (const text of viewsOf(value, views)) {
      if (known.has(text)) continue
      known.add(text)
      outputs.push({ label, text })
    }
  }
  let lines = 0
  const log =
    (level: string) =>
    (message: string, fields?: unknown): void => {
      lines += 1
      out(`log ${level}`, message)
      out(`log ${level}`, fields)
    }
  const logger: Logger = { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') }
  const state: { sabotage: Sabotage | undefined; sabotaged: number } = { sabotage: undefined, sabotaged: 0 }

  const watching: typeof globalThis.fetch = async (input, init) => {
    const url = String(input instanceof Request ? input.url : input)
    for (const secret of secretsOf(init)) planted.add('secret of a request', secret)
    if (state.sabotage !== undefined) {
      state.sabotaged += 1
      return state.sabotage({ url, init, secrets: secretsOf(init), everything: everythingOf(init) })
    }
    const response = await fetch(input, init)
    if (url === provider.metadata.token_endpoint) await plantAnswer(planted, response)
    return response
  }

  const clock = travellingClock()
  const client = new OAuth2Client({
    provider: { name: 'acme', server: { ...provider.metadata } },
    clientId: provider.clientId,
    clientSecret: SECRET,
    redirectUri: CALLBACK,
    scope: 'openid email profile',
    timeoutMs: TIMEOUT_MS,
    fetch: watching,
    logger,
    clock,
    ...options.client,
  })
  const key = generateKey()
  planted.add('sealing key', key)
  for (const encoding of ['hex', 'base64'] as const) {
    planted.add(`sealing key in ${encoding}`, Buffer.from(key, 'base64url').toString(encoding))
  }
  const keys = keyRing(`k1:${key}`)
  const file = temporaryFile()
  const sqlite = sqliteStore(file, { clock })
  const store = options.store?.(sqlite, planted) ?? sqlite
  const grants = grantsOf(client, { store, keys, clock, logger, policy: POLICY })
  for (const name of EVENT_NAMES) grants.on(name, (event) => out(`event ${name}`, event))
  const telemetry = sdk()
  const observe: Stage['observe'] = (source, more) => {
    telemetry.instrument(source, { includeSubject: true, ...more })
  }
  observe(grants, { gauges: true })
  onTestFinished(async () => {
    clock.travel(HOUR)
    await grants.close()
  })
  return {
    provider,
    client,
    grants,
    store,
    keys,
    clock,
    file,
    planted,
    logger,
    fetch: watching,
    get sabotage() {
      return state.sabotage
    },
    set sabotage(sabotage) {
      state.sabotage = sabotage
    },
    get sabotaged() {
      return state.sabotaged
    },
    out,
    observe,
    outTelemetry: async () => {
      const { metrics, spans } = await telemetry.exported()
      for (const span of spans) out('span', span)
      for (const metric of metrics) out('metric', metric)
      return spans.length
    },
    run: async (label, work) => {
      const outcome = await work().catch((error: unknown) => error)
      // Results belong to the caller, in their JSON too: tokens, pending logins.
      out(label, outcome, { json: outcome instanceof Error })
      return outcome
    },
    leaks: () =>
      outputs.flatMap(({ label, text }) => planted.leaksIn(text).map((leak) => `${label} shows the ${leak}`)),
    get lines() {
      return lines
    },
  }
}

async function plantAnswer(planted: Planted, response: Response): Promise<void> {
  const answer: unknown = await response
    .clone()
    .json()
    .catch(() => undefined)
  if (typeof answer !== 'object' || answer === null) return
  for (const name of ['access_token', 'refresh_token', 'id_token'])
    planted.add(name, (answer as Record<string, unknown>)[name])
}

/** Stores a grant that was made without a browser, its tokens planted. */
export async function mint(
  { grants, planted, provider }: Stage,
  subject: string,
  more: Readonly<Record<string, unknown>> = {},
) {
  const [grant] = await provider.mint({ user: 'alice', idToken: true })
  planted.add(`minted access token of ${subject}`, grant!.access_token)
  planted.add(`minted refresh token of ${subject}`, grant!.refresh_token)
  planted.add(`minted ID token of ${subject}`, grant!.id_token)
  return grants.save('acme', subject, { ...grant!, ...more })
}

/** The bytes of an SQLite file and of the files next to it. */
export function bytesOf(file: string): string {
  return ['', '-wal', '-shm', '-journal']
    .map((suffix) => file + suffix)
    .filter((each) => existsSync(each))
    .map((each) => readFileSync(each, 'latin1'))
    .join('\n')
}

/** Starts a login of alice and plants its secrets. */
export async function begin({ grants, planted }: Pick<Stage, 'grants' | 'planted'>, subject = 'alice') {
  const pending = await grants.connect('acme', subject, { params: { access_type: 'offline', prompt: 'consent' } })
  planted.add('code verifier', pending.codeVerifier)
  planted.add('nonce', pending.nonce)
  planted.add('state', pending.state)
  const callback = await logIn(pending.url)
  planted.add('code', new URL(callback).searchParams.get('code'))
  return { pending, callback }
}

/** Connects alice. */
export async function connect(onStage: Pick<Stage, 'grants' | 'planted'>, subject = 'alice') {
  const { pending, callback } = await begin(onStage, subject)
  return (await onStage.grants.complete(callback, pending, { subject })).session
}
