import { join } from 'node:path'

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
  /** The SQLite file with the grants; `:memory:` keeps nothing. */
  readonly database: string
  /** Sealing keys in `keyRing`'s form; without them they are made once and kept beside the database. */
  readonly keys: string | undefined
  readonly upstream: UpstreamChoice
  /** Whether the library's log goes to the console. */
  readonly log: boolean
}

/** The environment can't be meant; the message is for the person who set it. */
export class SettingsError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'SettingsError'
  }
}

const demoFolder = join(import.meta.dirname, '..')

/**
 * Reads the environment.
 * @throws SettingsError naming the variable and what was expected
 */
export function readSettings(env: Readonly<Record<string, string | undefined>>): Settings {
  return {
    host: env['HOST'] || '127.0.0.1',
    port: portOf(env, 'PORT', 3000),
    providerPort: portOf(env, 'PROVIDER_PORT', 4000),
    database: env['DATABASE'] || join(demoFolder, '.data', 'demo.db'),
    keys: env['EVERGRANT_KEYS'] || undefined,
    upstream: upstreamOf(env),
    log: env['EVERGRANT_LOG'] === '1',
  }
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
