import { join } from 'node:path'
import type { StoreChoice } from './store/store-choice.ts'

/** Which authorization server the demo works against. */
export type UpstreamChoice =
  | { readonly kind: 'embedded' }
  | { readonly kind: 'google'; readonly clientId: string; readonly clientSecret: string }
  | {
      readonly kind: 'issuer'
      readonly issuer: string
      readonly clientId: string
      readonly clientSecret: string | undefined
      readonly scope: string
    }

/** What the environment decides. */
export interface Settings {
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  readonly providerPort: number
  /** Where the grants are. */
  readonly store: StoreChoice
  /** Holds what is not given by the environment; without it nothing is kept. */
  readonly secretsFile: string | undefined
  /** Sealing keys in `keyRing`'s form; without them they are made once and kept in the secrets file. */
  readonly keys: string | undefined
  /** Seals the cookies; at least 32 characters. Without it one is made once and kept in the secrets file. */
  readonly cookiePassword: string | undefined
  readonly upstream: UpstreamChoice
  /** Whether the library's log goes to the console. */
  readonly log: boolean
}

/** Where the embedded provider listens unless told otherwise. */
export const usualProviderPort = 4000

/** The environment can't be meant; the message is for the person who set it. */
export class SettingsError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'SettingsError'
  }
}

const dataFolder = join(import.meta.dirname, '..', '.data')
/** As the library that seals the cookies demands. */
const shortestPassword = 32

/**
 * Reads the environment.
 * @throws SettingsError naming the variable and what was expected
 */
export function readSettings(env: Readonly<Record<string, string | undefined>>): Settings {
  const store = storeOf(env)
  return {
    host: env['HOST'] || '127.0.0.1',
    port: portOf(env, 'PORT', 3000),
    providerPort: portOf(env, 'PROVIDER_PORT', usualProviderPort),
    store,
    secretsFile: secretsFileOf(store),
    keys: env['EVERGRANT_KEYS'] || undefined,
    cookiePassword: passwordOf(env),
    upstream: upstreamOf(env),
    log: env['EVERGRANT_LOG'] === '1',
  }
}

function storeOf(env: Readonly<Record<string, string | undefined>>): StoreChoice {
  const [postgres, redis] = [env['DATABASE_URL'], env['REDIS_URL']]
  if (postgres && redis)
    throw new SettingsError('Expected DATABASE_URL or REDIS_URL, not both: the grants are in one store.')
  if (postgres) return { kind: 'postgres', url: urlOf('DATABASE_URL', postgres, ['postgres:', 'postgresql:']) }
  if (redis) {
    const prefix = env['REDIS_PREFIX'] || undefined
    return { kind: 'redis', url: urlOf('REDIS_URL', redis, ['redis:', 'rediss:']), prefix }
  }
  return { kind: 'sqlite', file: env['DATABASE'] || join(dataFolder, 'demo.db') }
}

/** The value is not repeated in the message: a password may stand in it. */
function urlOf(name: string, text: string, protocols: readonly [string, string]): string {
  if (URL.canParse(text) && protocols.includes(new URL(text).protocol)) return text
  throw new SettingsError(`Expected ${name} to be a URL that begins with ${protocols[0]}// or ${protocols[1]}//.`)
}

function secretsFileOf(store: StoreChoice): string | undefined {
  if (store.kind !== 'sqlite') return join(dataFolder, 'shared.secrets.json')
  return store.file === ':memory:' ? undefined : `${store.file}.secrets.json`
}

function passwordOf(env: Readonly<Record<string, string | undefined>>): string | undefined {
  const password = env['COOKIE_PASSWORD'] || undefined
  if (password !== undefined && password.length < shortestPassword) {
    throw new SettingsError(`Expected COOKIE_PASSWORD to have ${shortestPassword} characters or more.`)
  }
  return password
}

function portOf(env: Readonly<Record<string, string | undefined>>, name: string, fallback: number): number {
  const text = env[name]?.trim()
  if (text === undefined || text === '') return fallback
  const port = Number(text)
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new SettingsError(`Expected ${name} to be a number from 0 to 65535, got '${text}'.`)
  }
  return port
}

function upstreamOf(env: Readonly<Record<string, string | undefined>>): UpstreamChoice {
  const google = { id: env['GOOGLE_CLIENT_ID'], secret: env['GOOGLE_CLIENT_SECRET'] }
  if (google.id && google.secret) return { kind: 'google', clientId: google.id, clientSecret: google.secret }
  if (google.id || google.secret) {
    throw new SettingsError('Expected both GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET, or neither.')
  }
  const issuer = env['ISSUER']
  if (!issuer) return { kind: 'embedded' }
  const clientId = env['CLIENT_ID']
  if (!clientId) throw new SettingsError('Expected CLIENT_ID beside ISSUER (and CLIENT_SECRET, if the client has one).')
  if (!URL.canParse(issuer)) throw new SettingsError(`Expected ISSUER to be a URL, got '${issuer}'.`)
  return {
    kind: 'issuer',
    issuer,
    clientId,
    clientSecret: env['CLIENT_SECRET'] || undefined,
    scope: env['SCOPE'] || 'openid email profile',
  }
}

/** What is said when another program listens on a port. */
export function portTaken(port: number, variable: 'PORT' | 'PROVIDER_PORT'): SettingsError {
  const other = port + 10 <= 65_535 ? port + 10 : port - 10
  return new SettingsError(
    `Port ${port} is taken. End the program that listens there, or choose another one: ${variable}=${other} npm start`,
  )
}
