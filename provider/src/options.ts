import type { ProviderClient } from './provider-client.ts'
import type { ReusePolicy } from './reuse-policy.ts'
import { defaultUsers, type ProviderUser } from './users.ts'

/** How a provider starts and behaves. */
export interface ProviderOptions {
  /** The port to listen on. 0 takes a free one. @default 0 */
  readonly port?: number
  /**
   * The address to listen on. Any address but loopback shows the provider and its passwords to the network.
   * @default '127.0.0.1'
   */
  readonly host?: string
  /** Lifetime of access tokens in ms, rounded up to whole seconds for `expires_in`. @default 60_000 */
  readonly accessTokenLifetimeMs?: number
  /** Lifetime of a refresh token in ms, rounded up to whole seconds. @default 180 days */
  readonly refreshTokenLifetimeMs?: number
  /**
   * Whether each refresh replaces the refresh token. Otherwise refresh responses have no refresh token, as at Google.
   * @default false
   */
  readonly rotate?: boolean
  /** What the provider does if a replaced refresh token is sent again. @default 'revoke' */
  readonly reuse?: ReusePolicy
  /** How long the token endpoint waits before it handles a request, in ms. @default 0 */
  readonly latencyMs?: number
  /** The id of the ready client. @default 'evergrant-demo' */
  readonly clientId?: string
  /** The secret of the ready client. @default random */
  readonly clientSecret?: string
  /** Redirect URIs of the ready client. @default ['http://localhost:3000/callback'] */
  readonly redirectUris?: readonly string[]
  /** Clients in addition to the ready one. @default [] */
  readonly clients?: readonly ProviderClient[]
  /** Users who can log in. The login page fills in the first one. @default alice / wonderland and bob / builder */
  readonly users?: readonly ProviderUser[]
  /** Scopes in addition to the known ones, with their text on the consent page. @default {} */
  readonly scopes?: Readonly<Record<string, string>>
  /** Called with errors inside the provider, which its responses call `server_error`. @default does nothing */
  readonly onError?: (error: Error) => void
}

/** The options with their defaults. */
export type ResolvedOptions = Required<Omit<ProviderOptions, 'clientSecret'>> & Pick<ProviderOptions, 'clientSecret'>

const day = 24 * 60 * 60 * 1000

/**
 * Fills in the defaults and checks the values.
 * @throws {TypeError} naming the option and what was expected
 */
export function resolveOptions(options: ProviderOptions): ResolvedOptions {
  const resolved: ResolvedOptions = {
    port: options.port ?? 0,
    host: options.host ?? '127.0.0.1',
    accessTokenLifetimeMs: options.accessTokenLifetimeMs ?? 60_000,
    refreshTokenLifetimeMs: options.refreshTokenLifetimeMs ?? 180 * day,
    rotate: options.rotate ?? false,
    reuse: options.reuse ?? 'revoke',
    latencyMs: options.latencyMs ?? 0,
    clientId: options.clientId ?? 'evergrant-demo',
    ...(options.clientSecret === undefined ? {} : { clientSecret: options.clientSecret }),
    redirectUris: options.redirectUris ?? ['http://localhost:3000/callback'],
    clients: options.clients ?? [],
    users: options.users ?? defaultUsers,
    scopes: options.scopes ?? {},
    onError: options.onError ?? (() => {}),
  }
  checkLifetime('accessTokenLifetimeMs', resolved.accessTokenLifetimeMs)
  checkLifetime('refreshTokenLifetimeMs', resolved.refreshTokenLifetimeMs)
  checkDuration('latencyMs', resolved.latencyMs)
  if (typeof resolved.reuse === 'number') checkDuration('reuse', resolved.reuse)
  if (!Number.isInteger(resolved.port) || resolved.port < 0 || resolved.port > 65_535) {
    throw new TypeError(`Expected \`port\` to be a whole number from 0 to 65535, got: ${resolved.port}`)
  }
  return resolved
}

/**
 * Checks that a lifetime is a positive number of milliseconds.
 * @throws {TypeError} naming the option
 */
export function checkLifetime(name: string, value: number): void {
  if (!Number.isFinite(value) || value <= 0) {
    throw new TypeError(`Expected \`${name}\` to be a positive number of milliseconds, got: ${value}`)
  }
}

function checkDuration(name: string, value: number): void {
  if (!Number.isFinite(value) || value < 0) {
    throw new TypeError(`Expected \`${name}\` to be a number of milliseconds, 0 or more, got: ${value}`)
  }
}
