/** A program of a user of the package: it names something of every subpath, and is compiled against the published declarations. */
import {
  type AccessToken,
  type Callback,
  type Clock,
  type GrantEvents,
  Grants,
  type GrantStore,
  type GrantsOptions,
  isEvergrantError,
  type KeptLogin,
  type Logger,
  memoryStore,
  OAuth2Client,
  type OAuth2ClientOptions,
  OAuth2Session,
  type PendingLogin,
  type Provider,
  ReauthorizationRequiredError,
  staticSource,
  fetchWith,
  importToken,
  type Token,
  type TokenSource,
} from 'evergrant'
import { dynamodbStore, type DynamodbClient } from 'evergrant/dynamodb'
import { mysqlStore, type MysqlPool } from 'evergrant/mysql'
import { type PostgresPool, postgresStore } from 'evergrant/postgres'
import * as providers from 'evergrant/providers'
import { github } from 'evergrant/providers/github'
import { google } from 'evergrant/providers/google'
import { type IoredisClient, redisStore } from 'evergrant/redis'
import { generateKey, keyRing, type KeyRing } from 'evergrant/seal'
import { type SqliteDatabase, sqliteStore } from 'evergrant/sqlite'
import { type Backend, keyRange, storeOver } from 'evergrant/store'
import { instrument, type Instrumentation, type InstrumentOptions } from 'evergrant/telemetry'
import { fakeClock, scriptedProvider, storeContract } from 'evergrant/testing'
import { type Dispatcher, undiciTransport, withGrant } from 'evergrant/undici'

declare const env: Record<string, string | undefined>
declare const log: (...fields: unknown[]) => void

/** A provider as data. */
const acme: Provider = {
  ...google,
  name: 'acme',
  server: { issuer: 'https://acme.example', token_endpoint: 'https://acme.example/token' },
}

const logger: Logger = { debug: log, info: log, warn: log, error: log }

/** An option may be undefined, as an environment variable may be. */
const options: OAuth2ClientOptions = {
  provider: acme,
  clientId: 'id',
  clientSecret: env['SECRET'],
  redirectUri: env['REDIRECT_URI'],
  logger,
}
const clients = {
  acme: new OAuth2Client(options),
  github: new OAuth2Client({ provider: github, clientId: 'id', clientSecret: ['new', 'old'] }),
  google: new OAuth2Client({ provider: providers.google, clientId: 'id', clientSecret: () => Promise.resolve('s') }),
}
const keys: KeyRing = keyRing(`k1:${generateKey()}`)

export const grants = new Grants({
  clients,
  store: memoryStore(),
  keys: () => keys,
  obtain: { acme: (client, key) => client.clientCredentials({ params: { audience: key.subject } }) },
  policy: { earlyMs: 60_000 },
  background: (work) => log(work),
})

/** The clients' names are known to the compiler. */
// @ts-expect-error There is no such client.
export const unknown = (): unknown => grants.connect('nobody')

export async function login(callback: Callback, kept: KeptLogin): Promise<string> {
  const pending: PendingLogin = await grants.connect('acme', 'alice', { returnTo: '/' })
  const { session, identity, missingScope } = await grants.complete(callback, kept, {
    subject: (who) => who.email ?? undefined,
  })
  const { accessToken, expiresAt, extra }: AccessToken = await session.token({ minValidityMs: 1000 })
  log(pending.url, identity?.sub, missingScope.length, expiresAt?.toFixed(), extra?.['team'])
  const response = await session.fetch('https://acme.example/me', { method: 'POST', body: 'text' })
  return `${accessToken} ${response.status}`
}

export async function read(): Promise<void> {
  for await (const { subject, state, cursor, lastError } of grants.list({ client: 'acme', limit: 10 }))
    log(subject, state === 'active', cursor, lastError?.code)
  const { changes, next } = await grants.changes({ limit: 5 })
  log(changes.length, next, (await grants.counts()).length)
  const document = await grants.documents.get('name', { clear: true })
  log(document?.value.length, document?.version)
  try {
    await grants.session('google', 'alice', { account: 'work' }).accessToken()
  } catch (error) {
    if (error instanceof ReauthorizationRequiredError) log(error.reason, error.key.subject)
    else if (isEvergrantError(error) && error.retryable) log(error.code, error.retryAfterMs ?? 0)
  }
}

export function listen(): () => void {
  const heard = ({ key, cause, durationMs }: GrantEvents['refreshed']): void => log(key.client, cause, durationMs)
  const worker = grants.keepFresh({ perClient: { concurrency: 2 } })
  void worker.stop()
  return grants.on('refreshed', heard)
}

/** A session alone, with a token of another library. */
export function alone(row: object, clock: Clock): TokenSource {
  const token: Token = importToken(row, { provider: acme, renewable: false })
  const session = new OAuth2Session(clients.acme, { token, onToken: (fresh) => log(fresh.refreshToken) })
  const send: typeof fetch = fetchWith(staticSource('token'), { origins: ['https://*.example.com'] })
  log(send, clock.now())
  return session
}

/** Stores, each over what its driver has. */
export function stores(
  pool: PostgresPool,
  mysql: MysqlPool,
  redis: IoredisClient,
  table: DynamodbClient,
  file: SqliteDatabase,
): GrantStore[] {
  return [
    postgresStore(pool),
    mysqlStore(mysql),
    redisStore(redis),
    dynamodbStore(table, { table: 'grants' }),
    sqliteStore(file),
    sqliteStore('grants.db', { everyRefresh: true }),
  ]
}

export function ownStore(backend: Backend): GrantStore {
  log(keyRange('acme').from)
  return storeOver(backend, { everyRefresh: true })
}

/** A test of an application, and one of a store. */
export async function tested(make: () => GrantStore): Promise<GrantsOptions<Record<string, OAuth2Client>>> {
  const clock = fakeClock()
  const scripted = scriptedProvider({ clock, expiresIn: null, reuse: { graceMs: 10 } })
  const client = new OAuth2Client({
    provider: scripted.provider,
    clientId: 'id',
    clientSecret: 's',
    fetch: scripted.fetch,
    clock,
  })
  for (const { name, run } of storeContract({ create: make, clock })) {
    log(name)
    await run()
  }
  return { clients: { scripted: client } }
}

export function dispatched(agent: Dispatcher, session: OAuth2Session): unknown {
  const transport = undiciTransport(agent)
  return [new OAuth2Client({ ...options, transport }), withGrant(session, { origins: ['https://acme.example'] })]
}

export function observed(
  grants: Grants<typeof clients>,
  session: OAuth2Session,
  telemetry: InstrumentOptions,
): Instrumentation[] {
  return [
    instrument(grants, { ...telemetry, includeSubject: true, gauges: true }),
    instrument(session, { tracer: undefined }),
  ]
}
